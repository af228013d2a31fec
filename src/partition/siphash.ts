/**
 * SipHash-2-4 with 128 bits (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012), in
 * halves of 32 bits. Under a secret key nobody can choose inputs that collide.
 */

/** Four words of 32 bits, as drawn. */
export type SipKey = readonly [number, number, number, number]

// The state: four words of 64 bits. Module variables, because this runs once per record.
let [a0, a1, b0, b1, c0, c1, d0, d1] = [0, 0, 0, 0, 0, 0, 0, 0]

/** Writes the hash of bytes [from, to) to `out`: four words, least significant first. */
export function sipHash(
  key: SipKey,
  bytes: Uint8Array,
  from: number,
  to: number,
  out: Uint32Array,
): void {
  begin(key)
  const length = to - from
  const end = from + length - (length % 8)
  for (let at = from; at < end; at += 8) absorb(word(bytes, at), word(bytes, at + 4))
  absorb(tail(bytes, end, Math.min(end + 4, to)), tail(bytes, end + 4, to) | (length << 24))
  c0 ^= 0xee
  for (let n = 0; n < 4; n++) round()
  out[0] = a0 ^ b0 ^ c0 ^ d0
  out[1] = a1 ^ b1 ^ c1 ^ d1
  b0 ^= 0xdd
  for (let n = 0; n < 4; n++) round()
  out[2] = a0 ^ b0 ^ c0 ^ d0
  out[3] = a1 ^ b1 ^ c1 ^ d1
}

function begin([k0, k1, k2, k3]: SipKey): void {
  a0 = k0 ^ 0x70736575
  a1 = k1 ^ 0x736f6d65
  b0 = k2 ^ 0x6e646f6d ^ 0xee
  b1 = k3 ^ 0x646f7261
  c0 = k0 ^ 0x6e657261
  c1 = k1 ^ 0x6c796765
  d0 = k2 ^ 0x79746573
  d1 = k3 ^ 0x74656462
}

function absorb(low: number, high: number): void {
  d0 ^= low
  d1 ^= high
  round()
  round()
  a0 ^= low
  a1 ^= high
}

const word = (bytes: Uint8Array, at: number): number =>
  bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)

/** Fewer than four bytes, or four, from `at` up to `to`. */
function tail(bytes: Uint8Array, at: number, to: number): number {
  let value = 0
  for (let n = 0; at + n < to; n++) value |= bytes[at + n]! << (8 * n)
  return value
}

/** Twice: a += b, b rotated, b ^= a; and the same of c and d. */
function round(): void {
  addToA(b0, b1)
  rotateB(13)
  ;[a0, a1] = [a1, a0]
  addToC(d0, d1)
  rotateD(16)
  addToA(d0, d1)
  rotateDOverA(21)
  addToC(b0, b1)
  rotateBOverC(17)
  ;[c0, c1] = [c1, c0]
}

function addToA(low: number, high: number): void {
  const sum = (a0 >>> 0) + (low >>> 0)
  a1 = (a1 + high + (sum > 0xffffffff ? 1 : 0)) | 0
  a0 = sum | 0
}

function addToC(low: number, high: number): void {
  const sum = (c0 >>> 0) + (low >>> 0)
  c1 = (c1 + high + (sum > 0xffffffff ? 1 : 0)) | 0
  c0 = sum | 0
}

function rotateB(bits: number): void {
  const low = (b0 << bits) | (b1 >>> (32 - bits))
  b1 = ((b1 << bits) | (b0 >>> (32 - bits))) ^ a1
  b0 = low ^ a0
}

function rotateD(bits: number): void {
  const low = (d0 << bits) | (d1 >>> (32 - bits))
  d1 = ((d1 << bits) | (d0 >>> (32 - bits))) ^ c1
  d0 = low ^ c0
}

function rotateDOverA(bits: number): void {
  const low = (d0 << bits) | (d1 >>> (32 - bits))
  d1 = ((d1 << bits) | (d0 >>> (32 - bits))) ^ a1
  d0 = low ^ a0
}

function rotateBOverC(bits: number): void {
  const low = (b0 << bits) | (b1 >>> (32 - bits))
  b1 = ((b1 << bits) | (b0 >>> (32 - bits))) ^ c1
  b0 = low ^ c0
}
