/** Which kinds of faults: words for groups of them, and what each profile takes. */
import { faultKinds } from "../fault.ts"
import type { FaultKind } from "../fault.ts"
import type { RunOptions } from "../result.ts"

const disk: ReadonlyArray<FaultKind> = [
  "power",
  "fsync-error",
  "held-commits",
  "disk-full",
  "slow-disk",
  "bit-flips",
  "truncation",
  "old-copy",
  "wiped-disk",
  "wiped-then-cut",
]

const partitions = faultKinds.filter((kind) => kind.startsWith("partition-"))

/** A word that is a kind itself ("kill", "pause", "membership") takes its whole family. */
const groups: Readonly<Record<string, ReadonlyArray<FaultKind>>> = {
  all: faultKinds,
  kill: [...faultKinds.filter((kind) => kind.startsWith("kill")), "crash-loop", "rolling-restart"],
  pause: ["pause", "pause-leader"],
  partition: [...partitions, "flapping"],
  network: [
    ...partitions,
    "flapping",
    "latency",
    "bandwidth",
    "resets",
    "peer-frames",
    "lost-responses",
  ],
  disk,
  clock: ["clock-jump"],
  clients: ["partition-clients", "lost-responses", "zombie-producer", "consumer-pause"],
  membership: ["transfers", "membership"],
}

export class UnknownFault extends Error {
  readonly _tag = "UnknownFault"
}

/**
 * "kill,partition-ring": groups and single kinds, in the order of `faultKinds`. A single kind that
 * has a group's name is asked for by a "=" before it ("=kill"), and "-" takes away: "all,-disk".
 * "none" is no fault at all. Throws `UnknownFault`, a line that names what exists.
 */
export function parseFaults(list: string): ReadonlyArray<FaultKind> {
  const words = list
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "")
  if (words.length === 1 && words[0] === "none") return []
  const chosen = new Set<FaultKind>(words[0]?.startsWith("-") ? faultKinds : [])
  for (const word of words) {
    if (word.startsWith("-")) for (const kind of meantBy(word.slice(1))) chosen.delete(kind)
    else for (const kind of meantBy(word)) chosen.add(kind)
  }
  if (chosen.size === 0) throw new UnknownFault(`no faults are left; ${whatExists}`)
  return faultKinds.filter((kind) => chosen.has(kind))
}

function meantBy(word: string): ReadonlyArray<FaultKind> {
  const group = groups[word]
  if (group !== undefined) return group
  const name = word.startsWith("=") ? word.slice(1) : word
  const kind = faultKinds.find((one) => one === name)
  if (kind === undefined) throw new UnknownFault(`there is no fault "${name}"; ${whatExists}`)
  return [kind]
}

const whatExists = `groups: ${Object.keys(groups).join(", ")}; faults: ${faultKinds.join(", ")}`

/** What takes long, or strikes what a first look is not about. */
const notInSmoke: ReadonlySet<FaultKind> = new Set<FaultKind>([
  "crash-loop",
  "rolling-restart",
  "partition-ring",
  "held-commits",
  "disk-full",
  "slow-disk",
  "truncation",
  "old-copy",
  "wiped-disk",
  "wiped-then-cut",
  "membership",
  "clock-jump",
])

/** What a profile tries when nothing is asked for. */
export const kindsOf = (profile: RunOptions["profile"]): ReadonlyArray<FaultKind> =>
  profile === "smoke" ? faultKinds.filter((kind) => !notInSmoke.has(kind)) : faultKinds
