/** Asks for offsets by name and by time, for epochs, and for metadata. */
import { askEpochEnd, askOffsets } from "./ask-offsets.ts"
import { Client } from "./client.ts"
import type { ClientPorts } from "./client.ts"

export class Inspector extends Client {
  readonly #thinkMs: number
  #busy = false

  constructor(name: string, seed: number, ports: ClientPorts, thinkMs: number) {
    super(name, seed, ports)
    this.#thinkMs = thinkMs
  }

  get outstanding(): number {
    return this.#busy ? 1 : 0
  }

  start(): void {
    this.after(this.prng.below(this.#thinkMs + 1), () => this.#think())
  }

  #think(): void {
    if (this.ports.mayBegin()) this.#begin()
    else this.#rest()
  }

  #rest(): void {
    this.#busy = false
    this.after(1 + this.prng.below(2 * this.#thinkMs), () => this.#think())
  }

  #begin(): void {
    const ref = this.anyPartition()
    const rest = () => this.#rest()
    this.#busy = true
    // ListOffsets and OffsetForLeaderEpoch go by name: a topic made anew would be mistaken.
    if (ref === undefined || !ref.topic.isLasting) return this.refresh(rest)
    switch (this.prng.below(8)) {
      case 0:
        return this.refresh(rest)
      case 1:
        return askEpochEnd(this, ref, this.prng.below(this.leaderOf(ref).epoch + 2), rest)
      case 2:
        return askOffsets(this, ref, -2, rest)
      case 3:
        return askOffsets(this, ref, -3, rest)
      case 4:
        return askOffsets(this, ref, this.nowMs - this.prng.below(10_000), rest)
      default:
        return askOffsets(this, ref, -1, rest)
    }
  }
}
