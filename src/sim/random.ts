/**
 * Chance of the simulated world. Every link, disk, process, clock and client draws from a stream of
 * its own, named and derived from the seed: what one of them draws more or less does not change
 * what any other gets, so that a fault can be taken out of a plan without another run coming of it.
 */
import type { Prng } from "../../raft/prng.ts"
import type { Range } from "./options.ts"

export { stream } from "../../raft/prng.ts"

/** 32 hexadecimal digits, lower case, as disks and incarnations are named. */
export const hexId = (prng: Prng): string =>
  Array.from({ length: 4 }, () => prng.nextUint32().toString(16).padStart(8, "0")).join("")

/** Both ends can occur. */
export const within = (prng: Prng, [min, max]: Range): number =>
  min >= max ? min : min + prng.below(max - min + 1)

/** Milliseconds in, whole microseconds out. */
export function withinMs(prng: Prng, range: Range): number {
  const min = Math.round(range[0] * 1000)
  const max = Math.round(range[1] * 1000)
  return min >= max ? min : min + prng.below(max - min + 1)
}

export const chance = (prng: Prng, per10k: number): boolean =>
  per10k > 0 && prng.below(10_000) < per10k
