/** The top of the page: the verdict, what it rests on, the figures that people ask for first. */
import type { RunResult } from "../../result.ts"
import { counted, formatCount, formatDuration } from "../format.ts"
import { markup, nothing } from "../markup.ts"
import type { Markup } from "../markup.ts"
import { verdictSentences } from "../words/verdicts.ts"
import { commandBox, section } from "./parts.ts"

export function verdictSection(result: RunResult): Markup {
  const { verdict, reasons, options, startedAt, phases } = result
  const plan = [
    options.product,
    counted(options.nodes, "broker"),
    counted(options.partitions, "partition"),
    `seed ${options.seed}`,
  ].join(" · ")
  const time = `${startedAt.replace("T", " ").replace(/(\.\d+)?Z$/, " UTC")}, ${formatDuration(phases.endMs)}`
  const planted =
    options.plant === undefined
      ? nothing
      : markup`
          <p class="planted">The bug “${options.plant}” was planted on purpose: this run had to find it.</p>`
  const why =
    reasons.length === 0
      ? markup`<p>${soundText(result)}</p>`
      : markup`<ul class="reasons">${reasons.map((reason) => markup`<li>${reason}</li>`)}</ul>`
  return markup`
    <header class="verdict">
    <p class="overline">Chaos run · ${plan}</p>
    <h1><span class="word">${verdict}</span> <span class="sentence">${verdictSentences[verdict]}</span></h1>
    ${why}${planted}
    <p class="when">${time}</p>
    </header>`
}

function soundText({ faults, acknowledged, read }: RunResult): string {
  const effective = faults.filter((fault) => fault.effective).length
  const tried = `${counted(effective, "fault")} had their effect while clients wrote and read.`
  const kept = `Each of ${counted(acknowledged, "acknowledged record")}`
  return `${tried} ${kept} and of ${formatCount(read)} that were read is accounted for.`
}

export function figuresSection(result: RunResult): Markup {
  const { faults, acknowledged, read, longestOutageAfterHealMs, phases, options } = result
  const effective = faults.filter((fault) => fault.effective).length
  const figures: ReadonlyArray<Figure> = [
    ["acknowledged", formatCount(acknowledged), "records the cluster confirmed"],
    ["read", formatCount(read), "records consumers were given"],
    ["faults effective", `${effective} of ${faults.length}`, "shown to have had their effect"],
    ["anomalies", formatCount(anomalyTotal(result)), "contradictions to a promise"],
    [
      "outage after the last heal",
      formatDuration(longestOutageAfterHealMs),
      "longest time without writes",
    ],
    ["longest outage", formatDuration(longestOutage(result)), "that began while faults struck"],
    ["fault window", formatDuration(phases.healMs - phases.faultsMs), "of the whole run"],
    ["seed", `${options.seed}`, "the same seed plans the same faults"],
  ]
  return section(
    "figures",
    "Key figures",
    markup`<dl class="figures">${figures.map(figureOf)}</dl>`,
    versionsList(result),
    commandBox(result.command),
  )
}

type Figure = readonly [name: string, value: string, text: string]

const figureOf = ([name, value, text]: Figure): Markup =>
  markup`<div><dt>${name}</dt><dd><b>${value}</b><span>${text}</span></dd></div>`

const anomalyTotal = ({ anomalyCounts }: RunResult): number =>
  Object.values(anomalyCounts).reduce((sum, count) => sum + count, 0)

const longestOutage = ({ outages }: RunResult): number =>
  outages.reduce((longest, { fromMs, toMs }) => Math.max(longest, toMs - fromMs), 0)

const versionsList = ({ versions }: RunResult): Markup =>
  markup`<dl class="versions">${Object.entries(versions).map(versionOf)}</dl>`

const versionOf = ([name, version]: readonly [string, string]): Markup =>
  markup`<div><dt>${name}</dt><dd>${version}</dd></div>`
