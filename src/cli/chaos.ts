/**
 * `varve chaos`: a real cluster, real clients, faults from a seed, a verdict and a report. It runs
 * the sources, never the bundle: bugs are planted in sources.
 */
import { existsSync, readFileSync } from "node:fs"
import { join, relative } from "node:path"
import { plantOf } from "../chaos/plants/plants.ts"
import type { FaultPlan } from "../chaos/fault.ts"
import { parseFaults, UnknownFault } from "../chaos/faults/kinds.ts"
import { InvalidPlan, parsePlan } from "../chaos/faults/plan-file.ts"
import {
  OptionError,
  parseDrivers,
  parseOptions,
  parseProfile,
  parseWorkloads,
  runOptions,
} from "../chaos/options.ts"
import type { RunOptions } from "../chaos/result.ts"
import { Progress } from "../chaos/report/progress.ts"
import { formatSummary } from "../chaos/report/summary.ts"
import { runChaos } from "../chaos/run.ts"
import { checkHistory } from "./chaos/check.ts"
import { exitCodes } from "./chaos/exit-codes.ts"
import { chaosFlags, replayFlags } from "./chaos/flags.ts"
import { parseFlags, UsageError } from "./flags.ts"
import type { Flags } from "./flags.ts"
import { root } from "./program.ts"
import { isColoured } from "./terminal.ts"

const seedMax = 2 ** 31
const secondsMax = 7 * 24 * 3_600

const wrongUsage = 2

interface Job {
  readonly options: RunOptions
  readonly dir: string
  readonly kafka: string | undefined
  readonly plans?: ReadonlyArray<FaultPlan>
  readonly json: boolean
}

export async function run(argv: ReadonlyArray<string>): Promise<void> {
  try {
    process.exitCode = await chaos(argv)
  } catch (error) {
    const isUsage =
      error instanceof UsageError ||
      error instanceof OptionError ||
      error instanceof UnknownFault ||
      error instanceof InvalidPlan
    say(`varve: ${error instanceof Error ? error.message : String(error)}`)
    // Nothing is known: the run has not come to its end.
    process.exitCode = isUsage ? wrongUsage : exitCodes.INCONCLUSIVE
  }
}

async function chaos([word, ...rest]: ReadonlyArray<string>): Promise<number> {
  if (!existsSync(join(root, "src", "chaos", "run.ts"))) {
    throw new UsageError("chaos runs in varve's repository: src is not here")
  }
  if (word === "check") return await checkHistory(rest)
  if (word === "replay") return await carryOut(replayed(rest))
  const argv = word === undefined ? rest : [word, ...rest]
  return await carryOut(jobOf(parseFlags("chaos", chaosFlags, argv)))
}

function jobOf(flags: Flags): Job {
  const seed = flags.int("seed", { min: 0, max: seedMax }) ?? Math.floor(Math.random() * seedMax)
  const plant = flags.text("plant")
  if (plant !== undefined && plantOf(plant) === undefined) {
    throw new UsageError(`--plant: there is no plant ${plant}`)
  }
  const kafka = kafkaOf(flags.text("against"))
  const options = runOptions({
    seed,
    plant,
    product: kafka === undefined ? "varve" : "kafka",
    profile: given(flags.text("profile"), parseProfile),
    seconds: flags.int("seconds", { min: 1, max: secondsMax }),
    nodes: flags.int("nodes", { min: 3, max: 5 }),
    partitions: flags.int("partitions", { min: 1, max: 1_000 }),
    rate: flags.int("rate", { min: 1, max: 100_000 }),
    faults: given(flags.text("faults"), parseFaults),
    workloads: given(flags.text("workload"), parseWorkloads),
    drivers: given(flags.text("drivers"), parseDrivers),
  })
  return { options, kafka, dir: flags.text("out") ?? folderFor(seed), json: flags.has("json") }
}

const given = <A>(text: string | undefined, parse: (text: string) => A): A | undefined =>
  text === undefined ? undefined : parse(text)

function kafkaOf(against: string | undefined): string | undefined {
  if (against === undefined) return undefined
  const path = /^kafka=(.+)$/.exec(against)?.[1]
  if (path === undefined) throw new UsageError("--against: expected kafka=PATH")
  if (!existsSync(path)) throw new UsageError(`--against: there is no ${path}`)
  return path
}

function folderFor(seed: number): string {
  const time = new Date().toISOString().replaceAll(/[-:]|\..*$/g, "")
  return join("chaos-runs", `${seed}-${time}`)
}

/** The same options, the same plan of faults, in a folder of its own. */
function replayed([dir, ...rest]: ReadonlyArray<string>): Job {
  if (dir === undefined || dir.startsWith("-")) throw new UsageError("varve chaos replay RUN-DIR")
  const flags = parseFlags("chaos replay", replayFlags, rest)
  const options = parseOptions(textOf(join(dir, "options.json")))
  return {
    options,
    plans: parsePlan(textOf(join(dir, "plan.json"))),
    kafka: kafkaOf(flags.text("against")),
    dir: flags.text("out") ?? folderFor(options.seed),
    json: flags.has("json"),
  }
}

function textOf(file: string): string {
  if (!existsSync(file)) throw new UsageError(`there is no ${file}`)
  return readFileSync(file, "utf8")
}

async function carryOut({ options, dir, kafka, plans, json }: Job): Promise<number> {
  const interrupted = new AbortController()
  const stop = onSignals(interrupted)
  const progress = new Progress()
  if (!json) tellBeginning(options, dir)
  try {
    const { result, report } = await runChaos({
      options,
      dir,
      signal: interrupted.signal,
      ...(kafka === undefined ? {} : { kafka }),
      ...(plans === undefined ? {} : { plans }),
      ...(json ? {} : { onProgress: (state) => progress.update(state) }),
    })
    progress.end()
    const shown = relative(process.cwd(), report)
    process.stdout.write(
      json
        ? `${JSON.stringify(result)}\n`
        : formatSummary(result, { coloured: isColoured(process.stdout), report: shown }),
    )
    return exitCodes[result.verdict]
  } catch (error) {
    progress.end()
    if (!interrupted.signal.aborted) throw error
    say(`varve: interrupted; every process is ended, what there was is in ${dir}`)
    return exitCodes.INCONCLUSIVE
  } finally {
    stop()
  }
}

/** The first one ends the run in order; a second one at once, and the guard ends what is left. */
function onSignals(interrupted: AbortController): () => void {
  const onSignal = () => {
    if (interrupted.signal.aborted) process.exit(exitCodes.INCONCLUSIVE)
    interrupted.abort(new Error("interrupted"))
  }
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const
  for (const name of signals) process.on(name, onSignal)
  return () => {
    for (const name of signals) process.off(name, onSignal)
  }
}

function tellBeginning({ seed, nodes, seconds, faults, product, plant }: RunOptions, dir: string) {
  const brokers = `${nodes} brokers of ${product}${plant === undefined ? "" : ` with ${plant}`}`
  say(`seed ${seed}: ${brokers}, ${faults.length} kinds of faults in ${seconds} s, into ${dir}`)
}

const say = (line: string) => void process.stderr.write(`${line}\n`)
