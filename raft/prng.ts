/**
 * Seeded chance (sfc32): election jitter here, every draw of the simulator. Its state is part of
 * the node's state.
 */
export class Prng {
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: number) {
    this.#a = seed >>> 0
    this.#b = Math.floor(seed / 2 ** 32) >>> 0
    this.#c = 0x9e3779b9
    for (let i = 0; i < 12; i++) this.nextUint32()
  }

  nextUint32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return sum >>> 0
  }

  /** An integer of [0, n), 1 ≤ n ≤ 2³². The bias is below n / 2³². */
  below(n: number): number {
    return Math.floor((this.nextUint32() / 2 ** 32) * n)
  }
}

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
