/** What a run is to do: the defaults of each profile, lists of names, bounds. */
import { faultKinds } from "./fault.ts"
import type { FaultKind } from "./fault.ts"
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
  "seconds" | "nodes" | "partitions" | "rate" | "faults" | "workloads" | "drivers"
>

/** What a minute has room for, one of each family; the others take longer or need more than a run
 * of three minutes gives them. */
const smokeFaults: ReadonlyArray<FaultKind> = [
  "kill",
  "kill-leader",
  "kill-all",
  "pause-leader",
  "partition-leader",
  "partition-one-way",
  "partition-clients",
  "latency",
  "resets",
  "peer-frames",
  "lost-responses",
  "transfers",
]

const allFaults: ReadonlyArray<FaultKind> = faultKinds

const defaultsOf: Readonly<Record<Profile, Defaults>> = {
  smoke: {
    seconds: 60,
    nodes: 3,
    partitions: 6,
    rate: 200,
    faults: smokeFaults,
    workloads: workloadNames,
    drivers: ["raw", "kafkajs", "platformatic", "kcat"],
  },
  standard: {
    seconds: 300,
    nodes: 3,
    partitions: 12,
    rate: 300,
    faults: allFaults,
    workloads: workloadNames,
    drivers: driverNames,
  },
  nightly: {
    seconds: 7_200,
    nodes: 5,
    partitions: 64,
    rate: 800,
    faults: allFaults,
    workloads: workloadNames,
    drivers: driverNames,
  },
}

export interface Wishes extends Partial<Omit<RunOptions, "profile" | "product" | "seed">> {
  readonly profile?: Profile
  readonly product?: RunOptions["product"]
  readonly seed: number
}

/** What was not said, from the profile. */
export function runOptions({
  profile = "smoke",
  product = "varve",
  ...wishes
}: Wishes): RunOptions {
  const defaults = defaultsOf[profile]
  const { nodes = defaults.nodes } = wishes
  if (nodes !== 3 && nodes !== 5) throw new OptionError("--nodes: 3 or 5 brokers")
  return {
    product,
    profile,
    nodes,
    seed: wishes.seed,
    seconds: wishes.seconds ?? defaults.seconds,
    faults: wishes.faults ?? defaults.faults,
    workloads: wishes.workloads ?? defaults.workloads,
    drivers: wishes.drivers ?? defaults.drivers,
    partitions: wishes.partitions ?? defaults.partitions,
    rate: wishes.rate ?? defaults.rate,
    plant: wishes.plant,
  }
}

/** "kill,pause", "all", "none", "all,-power,-clock-jump". */
export const parseFaults = (text: string): ReadonlyArray<FaultKind> =>
  text === "none" ? [] : namesIn("--faults", text, faultKinds)

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

/** Repeats the run when pasted. */
export function commandOf(options: RunOptions, kafka?: string): string {
  const words = ["bun varve chaos", `--seed ${options.seed}`, `--seconds ${options.seconds}`]
  words.push(`--profile ${options.profile}`, `--nodes ${options.nodes}`)
  words.push(`--partitions ${options.partitions}`, `--rate ${options.rate}`)
  const { faults } = options
  const isAll = faults.length === faultKinds.length
  words.push(`--faults ${isAll ? "all" : faults.length === 0 ? "none" : faults.join(",")}`)
  words.push(`--workload ${options.workloads.join(",")}`, `--drivers ${options.drivers.join(",")}`)
  if (options.plant !== undefined) words.push(`--plant ${options.plant}`)
  if (options.product === "kafka") words.push(`--against kafka=${kafka ?? "PATH"}`)
  return words.join(" ")
}
