/** What a run is to do: the defaults of each profile, lists of names, bounds. */
import { faultKinds } from "./fault.ts"
import type { FaultKind } from "./fault.ts"
import { kindsOf } from "./faults/kinds.ts"
import { planFaults } from "./faults/schedule.ts"
import type { ScheduleOptions } from "./faults/schedule.ts"
import type { RunOptions } from "./result.ts"
import { workloadNames } from "./workload.ts"
import type { DriverName, WorkloadName } from "./workload.ts"

/** One plain line for whoever asked for it. */
export class OptionError extends Error {
  readonly _tag = "OptionError"
}

export type Profile = RunOptions["profile"]

export const profiles: ReadonlyArray<Profile> = ["smoke", "standard", "nightly"]

export const driverNames: ReadonlyArray<DriverName> = [
  "raw",
  "kafkajs",
  "platformatic",
  "confluent",
  "python-kafka",
  "kcat",
]

type Defaults = Pick<
  RunOptions,
  "seconds" | "nodes" | "partitions" | "rate" | "workloads" | "drivers"
>

const defaultsOf: Readonly<Record<Profile, Defaults>> = {
  smoke: {
    seconds: 75,
    nodes: 3,
    partitions: 6,
    rate: 200,
    workloads: workloadNames,
    drivers: ["raw", "kafkajs", "platformatic", "kcat"],
  },
  standard: {
    seconds: 300,
    nodes: 3,
    partitions: 12,
    rate: 300,
    workloads: workloadNames,
    drivers: driverNames,
  },
  nightly: {
    seconds: 7_200,
    nodes: 5,
    partitions: 64,
    rate: 300,
    workloads: workloadNames,
    drivers: driverNames,
  },
}

/** Of the window: kinds that nobody has chosen leave room for each to come back, and for delays. */
const drawnShare = 0.6

/** Undefined: from the profile. */
export type Wishes = Pick<RunOptions, "seed"> & {
  readonly [K in Exclude<keyof RunOptions, "seed">]?: RunOptions[K] | undefined
}

/**
 * What was not said, from the profile; of its faults those that so many seconds have room for.
 * Throws `OptionError` when there is none for a fault that was asked for.
 */
export function runOptions({
  profile = "smoke",
  product = "varve",
  ...wishes
}: Wishes): RunOptions {
  const defaults = defaultsOf[profile]
  const { seed, nodes = defaults.nodes, seconds = defaults.seconds } = wishes
  if (nodes !== 3 && nodes !== 5) throw new OptionError("--nodes: 3 or 5 brokers")
  const fitting = (kinds: ReadonlyArray<FaultKind>, windowMs: number) =>
    thoseThatFit(kinds, { seed, nodes, profile, faultWindowMs: windowMs })
  const windowMs = seconds * 1000
  const wanted = wishes.faults ?? fitting(kindsOf(profile), windowMs * drawnShare)
  const faults = fitting(wanted, windowMs)
  const [homeless] = wishes.faults === undefined ? [] : without(wanted, faults)
  if (homeless !== undefined) {
    throw new OptionError(
      `--seconds ${seconds} are too few for all the faults: ${homeless} is left`,
    )
  }
  return {
    product,
    profile,
    nodes,
    seed,
    seconds,
    faults,
    workloads: wishes.workloads ?? defaults.workloads,
    drivers: wishes.drivers ?? defaults.drivers,
    partitions: wishes.partitions ?? defaults.partitions,
    rate: wishes.rate ?? defaults.rate,
    plant: wishes.plant,
  }
}

/** Kinds that occur in the plan, or cannot occur on so few brokers whatever the time. */
function thoseThatFit(
  kinds: ReadonlyArray<FaultKind>,
  room: Omit<ScheduleOptions, "kinds">,
): ReadonlyArray<FaultKind> {
  const { plans, skipped } = planFaults({ ...room, kinds })
  const seen = new Set([...plans, ...skipped].map(({ kind }) => kind))
  return kinds.filter((kind) => seen.has(kind))
}

const without = <A>(all: ReadonlyArray<A>, some: ReadonlyArray<A>): ReadonlyArray<A> =>
  all.filter((one) => !some.includes(one))

export const parseWorkloads = (text: string): ReadonlyArray<WorkloadName> =>
  namesIn("--workload", text, workloadNames)

export const parseDrivers = (text: string): ReadonlyArray<DriverName> =>
  namesIn("--drivers", text, driverNames)

export function parseProfile(text: string): Profile {
  const profile = profiles.find((name) => name === text)
  if (profile === undefined) throw new OptionError(`--profile: one of ${profiles.join(", ")}`)
  return profile
}

function namesIn<Name extends string>(
  flag: string,
  text: string,
  known: ReadonlyArray<Name>,
): ReadonlyArray<Name> {
  const words = text.split(",").map((word) => word.trim())
  const taken = words.filter((word) => word.startsWith("-")).map((word) => nameOf(word.slice(1)))
  const given = words.filter((word) => !word.startsWith("-"))
  // Names to leave out alone: from all there are.
  const all = given.includes("all") || given.length === 0
  const chosen = all ? known : given.map(nameOf)
  const left = [...new Set(chosen)].filter((name) => !taken.includes(name))
  if (left.length === 0) throw new OptionError(`${flag}: nothing is left of "${text}"`)
  return left

  function nameOf(word: string): Name {
    const name = known.find((one) => one === word)
    if (name !== undefined) return name
    throw new OptionError(`${flag}: there is no ${word}; there are: ${known.join(", ")}`)
  }
}

/** `options.json` of an earlier run. Throws `OptionError`. */
export function parseOptions(text: string): RunOptions {
  const parsed: unknown = JSON.parse(text)
  if (!isRunOptions(parsed)) throw new OptionError("options.json: these are no options of a run")
  return parsed
}

/** Only the outline is looked at: the file is one that a run wrote. */
const isRunOptions = (parsed: unknown): parsed is RunOptions =>
  typeof parsed === "object" &&
  parsed !== null &&
  ["product", "profile"].every((key) => key in parsed) &&
  ["faults", "workloads", "drivers"].every((key) => Array.isArray(Reflect.get(parsed, key))) &&
  ["seed", "nodes", "seconds", "partitions", "rate"].every((key) =>
    Number.isInteger(Reflect.get(parsed, key)),
  )

/** A word may stand for a family; with a sign before it, for itself alone. */
const exactly = (kind: FaultKind) => `=${kind}`

/** Repeats the run when pasted. */
export function commandOf(options: RunOptions, kafka?: string): string {
  const words = ["bun varve chaos", `--seed ${options.seed}`, `--seconds ${options.seconds}`]
  words.push(`--profile ${options.profile}`, `--nodes ${options.nodes}`)
  words.push(`--partitions ${options.partitions}`, `--rate ${options.rate}`)
  const { faults } = options
  const isAll = faults.length === faultKinds.length
  words.push(
    `--faults ${isAll ? "all" : faults.length === 0 ? "none" : faults.map(exactly).join(",")}`,
  )
  words.push(`--workload ${options.workloads.join(",")}`, `--drivers ${options.drivers.join(",")}`)
  if (options.plant !== undefined) words.push(`--plant ${options.plant}`)
  if (options.product === "kafka") words.push(`--against kafka=${kafka ?? "PATH"}`)
  return words.join(" ")
}
