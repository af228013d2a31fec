/** What is done with a failing seed: it is made small, and the small case is written down. */
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import type { SimCase } from "../../sim/case.ts"
import { printCase } from "../../sim/kept-case.ts"
import type { Alarm } from "../../sim/result.ts"
import { shrink } from "../../sim/shrink.ts"
import { outcomeOf } from "./campaign.ts"
import type { Lane } from "./lane.ts"

export interface Investigation {
  readonly lanes: ReadonlyArray<Lane>
  /** Made if it is not there: `case.json`, `original.json`, and what `record` writes. */
  readonly folder: string
  readonly commit: string
  readonly shrinkMs: number
  readonly say: (line: string) => void
}

export interface FailingCase {
  readonly seed: number
  readonly alarm: Alarm
  readonly case: SimCase
}

export async function investigate(failing: FailingCase, on: Investigation): Promise<SimCase> {
  const { lanes, folder, commit, say } = on
  const { alarm, seed } = failing
  mkdirSync(folder, { recursive: true })
  const keep = (name: string, one: SimCase) =>
    Bun.write(
      join(folder, name),
      printCase({ about: alarm.kind, found: { seed, commit, alarm }, ...one }),
    )
  await keep("original.json", failing.case)
  const startedMs = performance.now()
  const { best, probes, isMinimal } = await shrink(truncated(failing), {
    probe: (cases) => firstFailing(lanes, cases, alarm.kind),
    isOver: () => performance.now() - startedMs > on.shrinkMs,
  })
  await keep("case.json", best)
  const seconds = Math.round((performance.now() - startedMs) / 1000)
  const { brokers, workload } = best.options
  say(
    `  shrunk from ${failing.case.plan.length} to ${best.plan.length} faults, ` +
      `${brokers} brokers, ${workload.operations} operations ` +
      `with ${probes} runs in ${seconds} s${isMinimal ? "" : " (time was over)"}`,
  )
  for (const fault of best.plan.slice(0, 20)) say(`    ${JSON.stringify(fault)}`)
  await lanes[0]?.run({ _tag: "record", case: best, folder })
  say(`  kept in ${folder}: case.json, trace.ndjson, log.txt, history.jsonl, picture.svg`)
  say(`  again: bun varve sim --plan ${join(folder, "case.json")}`)
  return best
}

/** Faults after the alarm have nothing to do with it. */
function truncated({ alarm, case: whole }: FailingCase): SimCase {
  const plan = whole.plan.filter(({ atMs }) => atMs <= alarm.atMs)
  return alarm.atMs > 0 ? { ...whole, plan } : whole
}

/** Lowest of those that fail alike; several run at once, a later one never wins over an earlier. */
async function firstFailing(
  lanes: ReadonlyArray<Lane>,
  cases: ReadonlyArray<SimCase>,
  kind: string,
): Promise<number | undefined> {
  let next = 0
  let found: number | undefined
  const work = async (lane: Lane) => {
    while (found === undefined && next < cases.length) {
      const at = next++
      const candidate = cases[at]
      if (candidate === undefined) return
      const ended = await lane.run({ _tag: "case", case: candidate })
      const { violation } = outcomeOf(candidate.options.seed, ended)
      if (violation?.kind === kind && (found === undefined || at < found)) found = at
    }
  }
  await Promise.all(lanes.map(work))
  return found
}
