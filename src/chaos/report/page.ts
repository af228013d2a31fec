/** The whole page as text: pure, from the run's result and history and the page's assets. */
import { chosenAnomalies, gatherEvidence } from "./anomalies/evidence.ts"
import type { Operation } from "../history/history.ts"
import type { RunResult } from "../result.ts"
import { jsonForScript, Markup, markup, nothing } from "./markup.ts"
import { plotDataId } from "./plot-data.ts"
import { plotsOf } from "./plots.ts"
import { anomaliesSection } from "./sections/anomalies.ts"
import { operationsSection } from "./sections/operations.ts"
import {
  latencySection,
  outagesSection,
  throughputSection,
  unseenSection,
} from "./sections/plots.ts"
import { rawSection } from "./sections/raw.ts"
import { timelineSection } from "./sections/timeline.ts"
import { faultsSection, promisesSection } from "./sections/tried.ts"
import { figuresSection, verdictSection } from "./sections/verdict.ts"
import { allOutages, recoveries } from "./statistics/outages.ts"

export interface Assets {
  readonly css: string
  readonly script: string
  /** As a Content-Security-Policy names it: "sha256-…". No other script runs in the page. */
  readonly scriptHash: string
  /** Why there are no plots. */
  readonly failure: string | undefined
}

const plotFailure = ({ failure }: Assets): Markup =>
  failure === undefined
    ? nothing
    : markup`<p class="warn">The plots below could not be made: ${failure}</p>`

export interface PageParts {
  readonly result: RunResult
  readonly operations: ReadonlyArray<Operation>
  readonly assets: Assets
  /** To be linked: paths from the folder of the report. */
  readonly files: ReadonlyArray<string>
}

export function pageOf({ result, operations, assets, files }: PageParts): string {
  const plots = plotsOf(result, operations)
  const outages = allOutages(operations, result.phases.drainMs)
  const evidence = gatherEvidence(chosenAnomalies(result.anomalies), operations, result)
  const recovered = recoveries(outages, result.faults, result.phases.drainMs)
  const main = [
    verdictSection(result),
    promisesSection(result),
    faultsSection(result, operations),
    figuresSection(result),
    timelineSection(result),
    plotFailure(assets),
    latencySection(plots, operations),
    throughputSection(plots),
    outagesSection(result, recovered),
    unseenSection(plots, result),
    operationsSection(result),
    anomaliesSection(result, evidence),
    rawSection(result, files),
  ]
  const title = `${result.verdict} · chaos run of ${result.options.product}, seed ${result.options.seed}`
  const policy = `default-src 'none'; style-src 'unsafe-inline'; script-src '${assets.scriptHash}'`
  return markup`<!doctype html>${"\n"}
    <html lang="en" class="is-${result.verdict.toLowerCase()}">
    <head>
    <meta charset="utf-8">
    <meta http-equiv="Content-Security-Policy" content="${policy}">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>${title}</title>
    <style>${new Markup(assets.css)}</style>
    </head>
    <body>
    <main>${main.map((one) => markup`${one}${"\n"}`)}</main>
    <script type="application/json" id="${plotDataId}">${jsonForScript(plots.data)}</script>
    <script>${new Markup(assets.script)}</script>
    </body>
    </html>${"\n"}`.text
}
