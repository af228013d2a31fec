/**
 * Power cuts of a real cluster under writers of different make; started by scripts/power-cuts.ts
 * --brokers. Prints a line for each cut and a table; exit 1 when anything acknowledged is gone.
 */
import { rmSync } from "node:fs"
import { parseArgs } from "node:util"
import { buildShim } from "../../../src/chaos/disk/power/library.ts"
import { folder } from "../../storage/shim/power.ts"
import { births } from "./births.ts"
import type { PowerClusterOptions } from "./power-cluster.ts"
import type { LedgerProblem } from "./power-ledger.ts"
import { PowerRun, type Judged, type Seen } from "./power-run.ts"

const { values } = parseArgs({
  options: {
    cuts: { type: "string", default: "20" },
    seed: { type: "string", default: "1" },
    partitions: { type: "string", default: "4" },
    /** Records per second of each writer. */
    rate: { type: "string", default: "120" },
    /** Everything is read again after so many cuts; in between only what is new. */
    "full-every": { type: "string", default: "10" },
    /** A file of the log is left for the next one at this size. */
    "segment-bytes": { type: "string", default: "400000" },
    /** Clusters whose power is cut in their first start, before the others. */
    births: { type: "string", default: "3" },
    plant: { type: "string" },
    brokers: { type: "boolean", default: false },
  },
})

function line({ early, judged, unsynced, writes }: Seen, number: number): string {
  const disk = `${unsynced} changes not fsynced, ${writes}`
  const head = `cut ${number}${early ? " (while starting)" : ""}: ${disk}; `
  if (judged === undefined) return `${head}and again at once`
  const { acknowledged, found, full, problems, distrusted, readyMs, tookMs } = judged
  const lost = problems.filter(({ _tag }) => _tag === "lost").length
  return (
    `${head}ready after ${Math.round(readyMs)} ms; ${acknowledged} acknowledged, ` +
    `${found} found${full ? " (all read)" : ""}, ${lost} lost, ` +
    `${problems.length - lost} wrong, ${distrusted} distrusted; ${Math.round(tookMs)} ms`
  )
}

function quantiles(all: ReadonlyArray<number>): string {
  const sorted = all.toSorted((a, b) => a - b)
  const at = (share: number) =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0)
  return `p50 ${at(0.5)}, p90 ${at(0.9)}, max ${at(1)}`
}

function table(
  all: ReadonlyArray<Seen>,
  stock: ReadonlyArray<LedgerProblem>,
  run: PowerRun,
): Record<string, string | number> {
  const judged = all.flatMap((seen) => seen.judged ?? [])
  const problems = [...judged.flatMap((one) => one.problems), ...stock]
  const count = (tag: string) => problems.filter(({ _tag }) => _tag === tag).length
  return {
    cuts: all.length,
    "of them while starting": all.filter(({ early }) => early).length,
    "writes in order": all.filter(({ writes }) => writes === "in order").length,
    "changes not fsynced at a cut": quantiles(all.map(({ unsynced }) => unsynced)),
    acknowledged: run.ledger.acknowledged,
    ...Object.fromEntries(run.writers().map(({ name, acks }) => [`  ${name}`, acks])),
    ...Object.fromEntries(
      [...run.waits].map(([name, ms]) => [`  ${name} waits, ms`, quantiles(ms)]),
    ),
    "refused or unknown": run.writers().reduce((total, { errors }) => total + errors, 0),
    found: run.ledger.found,
    lost: count("lost"),
    doubled: count("doubled"),
    "changed, reordered or elsewhere": problems.length - count("lost") - count("doubled"),
    "distrusted groups": judged.reduce((sum, { distrusted }) => sum + distrusted, 0),
    "files of the log": run.files(),
    "ready after, ms": quantiles(judged.map(({ readyMs }) => readyMs)),
    "a cut in all, ms": quantiles(judged.map(({ tookMs }) => tookMs)),
  }
}

async function main(): Promise<boolean> {
  const dir = folder("varve-power-")
  try {
    const shim = buildShim()
    if ("missing" in shim) {
      console.log(`power cuts are not played: ${shim.missing}`)
      return false
    }
    const { plant } = values
    const options = {
      library: shim.library,
      dir,
      segmentBytes: Number(values["segment-bytes"]),
      // With a bug in it, it is not waited for that long.
      ...(plant === undefined ? {} : { plant, readyTimeoutMs: 8_000 }),
    }
    return (await areBorn(options)) && (await cutOften(options))
  } finally {
    rmSync(dir, { recursive: true })
  }
}

async function areBorn(options: PowerClusterOptions): Promise<boolean> {
  let passed = true
  try {
    let number = 0
    for await (const birth of births(options, Number(values.births), Number(values.seed))) {
      const { cutMs, readyMs, lines } = birth
      const ready = `ready after ${Math.round(readyMs)} ms`
      console.log(`birth ${++number}: cut after ${cutMs} ms, ${ready}, ${lines.length} complaints`)
      for (const said of lines) console.log(`  ${said}`)
      passed &&= lines.length === 0
    }
  } catch (error) {
    console.log(`a cluster is not born: ${reasonOf(error)}`)
    return false
  }
  return passed
}

async function cutOften(options: PowerClusterOptions): Promise<boolean> {
  const run = await PowerRun.start({
    ...options,
    seed: Number(values.seed),
    partitions: Number(values.partitions),
    rate: Number(values.rate),
    fullEvery: Number(values["full-every"]),
  })
  const all: Array<Seen> = []
  let stock: ReadonlyArray<LedgerProblem> = []
  try {
    for (let number = 1; number <= Number(values.cuts); number++) {
      const seen = await run.cut(number === Number(values.cuts))
      all.push(seen)
      console.log(line(seen, number))
      if (seen.judged !== undefined) tell(seen.judged)
    }
    return all.every(({ judged }) => judged === undefined || judged.problems.length === 0)
  } catch (error) {
    console.log(`after ${all.length} cuts: ${reasonOf(error)}`)
    stock = await takeStock(run)
    return false
  } finally {
    console.table(table(all, stock, run))
    await run.dispose()
  }
}

function tell({ problems, lines }: Pick<Judged, "problems" | "lines">): void {
  for (const { _tag, detail } of problems.slice(0, 10)) console.log(`  ${_tag}: ${detail}`)
  for (const said of lines) console.log(`  ${said}`)
}

async function takeStock(run: PowerRun): Promise<ReadonlyArray<LedgerProblem>> {
  try {
    const problems = await run.takeStock()
    tell({ problems, lines: [] })
    console.log(`told to go on without what is lost: ${problems.length} records are wrong`)
    return problems
  } catch (error) {
    console.log(`nor when they are told to go on: ${reasonOf(error)}`)
    return []
  }
}

const reasonOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

const passed = await main()
console.log(passed ? "nothing was lost, nothing was wrong" : "FAILED")
process.exit(passed ? 0 : 1)
