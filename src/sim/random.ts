/**
 * Chance of the simulated world. Every link, disk, process, clock and client draws from a stream of
 * its own, named and derived from the seed: what one of them draws more or less does not change
 * what any other gets, so that a fault can be taken out of a plan without another run coming of it.
 */
import { Prng } from "../../raft/prng.ts"
import type { Range } from "./options.ts"

/** The stream of that name; the same name gives the same numbers from the beginning. */
export function stream(seed: number, name: string): Prng {
  let low = (seed ^ 0x811c9dc5) >>> 0
  let high = (Math.floor(seed / 2 ** 32) ^ 0x9747b28c) >>> 0
  for (let i = 0; i < name.length; i++) {
    low = Math.imul(low ^ name.charCodeAt(i), 0x01000193) >>> 0
    high = Math.imul(high ^ low, 0x85ebca6b) >>> 0
  }
  return new Prng(high * 2 ** 21 + (low >>> 11))
}

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
