/**
 * The hash chain along a group's log: every entry's link depends on all entries before it, so that
 * a log whose middle was lost or exchanged does not verify even when each entry by itself does
 * (VERIFICATION D0). Not cryptographic: it finds rot and misplaced bytes, not forgery.
 */
import type { EntryEnvelope, LogIndex, Term } from "../raft/types.ts"

/** Link before the first entry of a log. */
export const chainStart = 0

const two32 = 0x1_0000_0000

// The two halves of the state. Module variables, because this runs once per entry and must not
// allocate.
let a = 0
let b = 0

/**
 * 52 bits, so that a link is an exact number. Fixed at append: depends on identity (entryCrc,
 * index, term) only.
 */
export const chainNext = (
  previous: number,
  { entryCrc, index, term }: Pick<EntryEnvelope, "entryCrc" | "index" | "term">,
): number => chainLink(previous, entryCrc, index, term)

/** The same, for whoever has no entry in hand. */
export function chainLink(previous: number, entryCrc: number, index: LogIndex, term: Term): number {
  a = previous >>> 0
  b = Math.floor(previous / two32) ^ 0x5bd1e995
  mix(entryCrc)
  mix(index >>> 0)
  mix(Math.floor(index / two32))
  mix(term >>> 0)
  mix(Math.floor(term / two32))
  a = avalanche(a ^ b)
  b = avalanche(b + a)
  return (b & 0xfffff) * two32 + a
}

function mix(word: number): void {
  a = (Math.imul(rotateLeft(a ^ Math.imul(word, 0xcc9e2d51), 13), 5) + 0x52dce729) | 0
  b = (Math.imul(rotateLeft(b ^ Math.imul(word ^ a, 0x1b873593), 17), 9) + 0x38495ab5) | 0
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits))
}

/** Finalizer of MurmurHash3: every input bit reaches every output bit. */
function avalanche(value: number): number {
  let h = value
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
