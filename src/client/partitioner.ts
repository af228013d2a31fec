/** Kafka's default placement of records with keys: murmur2 of the key, as every client has it. */

const seed = 0x9747b28c
const multiplier = 0x5bd1e995

/** 32 bits, signed, as Java's `Utils.murmur2`. */
export function murmur2(bytes: Uint8Array): number {
  const { length } = bytes
  const view = new DataView(bytes.buffer, bytes.byteOffset, length)
  let hash = seed ^ length
  let at = 0
  for (; at + 4 <= length; at += 4) {
    let word = Math.imul(view.getInt32(at, true), multiplier)
    word = Math.imul(word ^ (word >>> 24), multiplier)
    hash = Math.imul(hash, multiplier) ^ word
  }
  const left = length - at
  if (left >= 3) hash ^= view.getUint8(at + 2) << 16
  if (left >= 2) hash ^= view.getUint8(at + 1) << 8
  if (left >= 1) hash = Math.imul(hash ^ view.getUint8(at), multiplier)
  hash = Math.imul(hash ^ (hash >>> 13), multiplier)
  return hash ^ (hash >>> 15)
}

export const partitionOfKey = (key: Uint8Array, partitionCount: number): number =>
  (murmur2(key) & 0x7fffffff) % partitionCount
