/**
 * Offers records at a rate, whatever becomes of them (open loop): a client that has enough under
 * way is passed over, and what it did not take is counted, not kept.
 */
import { stream } from "../../../raft/prng.ts"
import type { Prng } from "../../../raft/prng.ts"
import type { RunClock } from "../clock.ts"
import type { ProducerClient, RecordShape } from "../drivers/client.ts"
import type { PartitionRef } from "../drivers/partition.ts"

/** One client and what it is offered. */
export interface Share {
  readonly client: ProducerClient
  readonly refs: ReadonlyArray<PartitionRef>
  /** Of all records, relative to the others'. */
  readonly weight: number
  /** Records of one append. */
  readonly recordsMax: number
}

const tickMs = 10
/** After a stall: no more than so long is made up for. */
const owedMsMax = 500
const keysPerPartition = 20
/** Of so many appends to a compacted topic one deletes its keys. */
const tombstoneIn = 20
const valueBytesUsual = 200
const valueBytesMax = 8000

export class Pacer {
  readonly #clock: RunClock
  readonly #rate: number
  readonly #shares: ReadonlyArray<Share>
  readonly #weightSum: number
  readonly #chance: Prng
  #timer: ReturnType<typeof setInterval> | undefined
  #lastMs = 0
  #owed = 0
  #keysMade = 0
  /** Records that no client took. */
  heldBack = 0

  constructor(clock: RunClock, rate: number, shares: ReadonlyArray<Share>, seed: number) {
    this.#clock = clock
    this.#rate = rate
    this.#shares = shares
    this.#weightSum = shares.reduce((sum, { weight }) => sum + weight, 0)
    this.#chance = stream(seed, "pacer")
  }

  start(): void {
    this.#lastMs = this.#clock.nowMs()
    this.#timer = setInterval(() => this.#tick(), tickMs)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #tick(): void {
    const nowMs = this.#clock.nowMs()
    const sinceMs = Math.min(owedMsMax, nowMs - this.#lastMs)
    this.#lastMs = nowMs
    this.#owed += (this.#rate * sinceMs) / 1000
    try {
      while (this.#owed >= 1) this.#offer()
    } catch {
      // The history takes nothing more, and what is not recorded must not be written.
      this.stop()
    }
  }

  #offer(): void {
    const share = this.#pick()
    const ref = share.refs[this.#chance.below(Math.max(1, share.refs.length))]
    const count = 1 + this.#chance.below(share.recordsMax)
    this.#owed -= count
    if (ref === undefined) return
    const isTombstone = ref.topic.isCompacted === true && this.#chance.below(tombstoneIn) === 0
    const records = Array.from({ length: count }, () => this.#record(ref, isTombstone))
    if (!share.client.produce(ref, records)) this.heldBack += count
  }

  #pick(): Share {
    let place = (this.#chance.below(2 ** 20) / 2 ** 20) * this.#weightSum
    for (const share of this.#shares) {
      place -= share.weight
      if (place < 0) return share
    }
    const last = this.#shares.at(-1)
    if (last === undefined) throw new Error("nobody to offer records to")
    return last
  }

  #hotKey(): string {
    return `${this.#chance.below(keysPerPartition)}`
  }

  /** Some are written once and must outlast all compaction, unless they are deleted. */
  #keyToKeep(isTombstone: boolean): string {
    if (this.#chance.below(3) > 0) return this.#hotKey()
    return `once-${isTombstone ? this.#chance.below(this.#keysMade + 1) : this.#keysMade++}`
  }

  /** A key lives in one partition. */
  #record({ topic, partition }: PartitionRef, isTombstone: boolean): RecordShape {
    const isCompacted = topic.isCompacted === true
    const isKeyed = isCompacted || this.#chance.below(2) === 0
    const name = isCompacted ? this.#keyToKeep(isTombstone) : this.#hotKey()
    const key = isKeyed ? `k${partition}-${name}` : null
    const isLarge = this.#chance.below(200) === 0
    const valueBytes = 32 + this.#chance.below(isLarge ? valueBytesMax : valueBytesUsual)
    return isTombstone ? { key, valueBytes, isTombstone } : { key, valueBytes }
  }
}
