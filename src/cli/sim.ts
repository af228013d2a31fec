/**
 * `varve sim`: whole clusters in simulated time, a seed each, with faults drawn from the seed. It
 * runs the sources, never the bundle: bugs are planted in sources.
 */
import { existsSync, readFileSync } from "node:fs"
import { availableParallelism } from "node:os"
import { join } from "node:path"
import type { SimCase } from "../sim/case.ts"
import { CaseError, parseCase } from "../sim/kept-case.ts"
import { override, OverrideError, parseOverride } from "../sim/overrides.ts"
import { drawCase } from "../sim/plan.ts"
import { missing, rareEvents } from "../sim/rare.ts"
import { parseFlags, UsageError } from "./flags.ts"
import type { Flags } from "./flags.ts"
import { root } from "./program.ts"
import { outcomeOf, runCampaign } from "./sim/campaign.ts"
import type { Totals } from "./sim/campaign.ts"
import { commitName, commitOf } from "./sim/commit.ts"
import { appendCounts, countsOf } from "./sim/counts.ts"
import { investigate } from "./sim/failure.ts"
import { simFlags } from "./sim/flags.ts"
import type { Job } from "./sim/job.ts"
import { CannotRun, Lane } from "./sim/lane.ts"
import { Progress } from "./sim/progress.ts"

const seedMax = 2 ** 31
const jobTimeoutMs = 300_000
/** Of one failing seed. */
const shrinkMs = 300_000
/** Fewer seeds cannot be blamed for what they did not meet. */
const manySeeds = 200

interface Settings {
  readonly kind: "core" | "brokers"
  readonly firstSeed: number
  readonly seeds: number
  readonly minutes: number | undefined
  readonly overrides: ReadonlyArray<string>
  readonly jobs: number
  readonly plant: string | undefined
  readonly json: boolean
  readonly keepGoing: boolean
  readonly shrinks: boolean
  readonly out: string
  readonly counts: string | undefined
}

export async function run(argv: ReadonlyArray<string>): Promise<void> {
  try {
    process.exitCode = await sim(parseFlags("sim", simFlags, argv))
  } catch (error) {
    const isUsage =
      error instanceof UsageError ||
      error instanceof OverrideError ||
      error instanceof CaseError ||
      error instanceof CannotRun
    if (!isUsage) throw error
    process.stderr.write(`varve: ${error.message}\n`)
    process.exitCode = 2
  }
}

async function sim(flags: Flags): Promise<number> {
  const settings = settingsOf(flags)
  if (flags.has("show")) return show(settings)
  const planFile = flags.text("plan")
  const lanes = Array.from({ length: planFile === undefined ? settings.jobs : 1 }, () =>
    newLane(settings),
  )
  try {
    return planFile === undefined
      ? await campaign(settings, lanes)
      : await replay(settings, lanes, readCase(planFile))
  } finally {
    await Promise.all(lanes.map((lane) => lane.close()))
  }
}

function settingsOf(flags: Flags): Settings {
  const seed = flags.int("seed", { min: 0, max: seedMax })
  const minutes = flags.int("minutes", { min: 1, max: 100_000 })
  const seeds = flags.int("seeds", { min: 1, max: 1_000_000_000 })
  const plant = flags.text("plant")
  if (minutes !== undefined && seeds !== undefined) {
    throw new UsageError("--minutes and --seeds: one of them says when to stop")
  }
  const overrides = flags.list("set")
  const kind = flags.has("core") ? "core" : "brokers"
  if (kind === "core" && overrides.length > 0) {
    throw new UsageError("--set: the core alone draws its own options")
  }
  return {
    kind,
    firstSeed: seed ?? 1,
    seeds: minutes === undefined ? (seeds ?? (seed === undefined ? 100 : 1)) : Infinity,
    minutes,
    overrides,
    jobs: flags.int("jobs", { min: 1, max: 256 }) ?? availableParallelism(),
    plant,
    json: flags.has("json"),
    keepGoing: flags.has("keep-going"),
    shrinks: !flags.has("no-shrink") && plant === undefined,
    out: flags.text("out") ?? "sim-failures",
    counts: flags.text("counts"),
  }
}

function newLane(settings: Settings): Lane {
  const child = join(root, "src", "cli", "sim", "child.ts")
  if (!existsSync(child)) throw new UsageError("sim runs in varve's repository: src is not here")
  const preload = join(root, "src", "chaos", "plants", "preload.ts")
  const planted = settings.plant === undefined ? [] : ["--preload", preload]
  return new Lane({
    command: [process.execPath, ...planted, child],
    env: settings.plant === undefined ? {} : { CHAOS_PLANT: settings.plant },
    jobTimeoutMs,
  })
}

// ---- a campaign

async function campaign(settings: Settings, lanes: ReadonlyArray<Lane>): Promise<number> {
  const progress = new Progress(process.stderr)
  const endMs = settings.minutes === undefined ? Infinity : settings.minutes * 60_000
  let isInterrupted = false
  const interrupt = () => {
    isInterrupted = true
  }
  // What was found until then is told; a second one ends it at once.
  process.once("SIGINT", interrupt).once("SIGTERM", interrupt)
  // Options that cannot be are refused before anything runs.
  if (settings.kind === "brokers") drawnCase(settings, settings.firstSeed)
  const totals = await runCampaign(lanes, {
    firstSeed: settings.firstSeed,
    seeds: settings.seeds,
    isOver: () => isInterrupted || progress.elapsedMs >= endMs,
    keepGoing: settings.keepGoing,
    jobOf: (seed) => jobOf(settings, seed),
    onSeed: (outcome, soFar) => {
      if (settings.json) process.stdout.write(`${JSON.stringify(outcome)}\n`)
      else progress.update(soFar)
    },
  })
  const { elapsedMs } = progress
  const summary = progress.summary(totals)
  progress.done()
  await tellFindings(settings, lanes, totals)
  tellSummary(settings, totals, summary, elapsedMs)
  return totals.findings.length === 0 ? 0 : 1
}

const jobOf = ({ kind, overrides }: Settings, seed: number): Job =>
  kind === "core" ? { _tag: "core", seed } : { _tag: "seed", seed, overrides }

const drawnCase = ({ overrides }: Settings, seed: number): SimCase =>
  drawCase(seed, (options) =>
    overrides.map(parseOverride).reduce((so, [path, value]) => override(so, path, value), options),
  )

const say = (line: string) => void process.stderr.write(`${line}\n`)

async function tellFindings(settings: Settings, lanes: ReadonlyArray<Lane>, totals: Totals) {
  const commit = commitName(commitOf())
  const shrunk = new Set<string>()
  for (const { seed, alarm } of totals.findings) {
    say(`ALARM seed ${seed} at commit ${commit}: ${alarm.kind} after ${alarm.atMs} simulated ms`)
    say(indented(alarm.detail))
    say(`  again: ${commandFor(settings, seed)}`)
    if (settings.kind === "core" || !settings.shrinks) continue
    // One of each kind is enough to begin with.
    if (shrunk.has(alarm.kind) || alarm.kind === "nondeterminism") continue
    shrunk.add(alarm.kind)
    const folder = join(settings.out, `seed-${seed}`)
    await investigate(
      { seed, alarm, case: drawnCase(settings, seed) },
      { lanes, folder, commit, say, shrinkMs },
    )
  }
}

const indented = (text: string) => text.replaceAll(/^/gm, "  ")

function commandFor({ kind, overrides, plant }: Settings, seed: number): string {
  const words = ["bun varve sim", `--seed ${seed}`]
  if (kind === "core") words.push("--core")
  for (const item of overrides) words.push(`--set '${item}'`)
  if (plant !== undefined) words.push(`--plant ${plant}`)
  return words.join(" ")
}

function tellSummary(settings: Settings, totals: Totals, summary: string, elapsedMs: number) {
  const { kind, firstSeed } = settings
  const line = countsOf(commitOf(), { kind, firstSeed }, totals, elapsedMs)
  if (settings.counts !== undefined) appendCounts(settings.counts, line)
  const isMany = totals.seeds >= manySeeds && settings.plant === undefined && kind === "brokers"
  const never = isMany ? missing(totals.rare) : []
  if (settings.json) {
    process.stderr.write(`${JSON.stringify({ summary: line })}\n`)
    if (never.length > 0) process.stderr.write(`${JSON.stringify({ warning: { never } })}\n`)
    return
  }
  process.stdout.write(`${summary}\n`)
  if (settings.plant !== undefined) {
    const [caught] = totals.findings
    const how = caught === undefined ? "NOT caught" : `caught: ${caught.alarm.kind}`
    process.stdout.write(`plant ${settings.plant} ${how} after ${totals.seeds} seeds\n`)
  }
  for (const name of never) {
    process.stdout.write(`warning: never met ${name}: ${rareEvents.get(name)}\n`)
  }
}

// ---- one case

function readCase(file: string): SimCase {
  if (!existsSync(file)) throw new UsageError(`--plan: there is no ${file}`)
  return parseCase(readFileSync(file, "utf8"))
}

async function replay(
  settings: Settings,
  [lane]: ReadonlyArray<Lane>,
  kept: SimCase,
): Promise<number> {
  if (lane === undefined) throw new Error("no process to run in")
  const ended = await lane.run({ _tag: "record", case: kept, folder: settings.out })
  const outcome = outcomeOf(kept.options.seed, ended)
  if (settings.json) process.stdout.write(`${JSON.stringify(outcome)}\n`)
  else {
    const { verdict, hash, events, violation } = outcome
    process.stdout.write(`${verdict}: ${events} events, hash ${hash}\n`)
    if (violation !== undefined) {
      process.stdout.write(`${violation.kind} after ${violation.atMs} simulated ms\n`)
      process.stdout.write(`${indented(violation.detail)}\n`)
    }
    process.stdout.write(`trace.ndjson, log.txt and picture.svg are in ${settings.out}\n`)
  }
  return outcome.verdict === "clean" ? 0 : 1
}

function show(settings: Settings): number {
  const shown = drawnCase(settings, settings.firstSeed)
  process.stdout.write(`${JSON.stringify(shown, undefined, settings.json ? undefined : 2)}\n`)
  return 0
}
