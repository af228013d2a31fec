/**
 * An idempotent producer that sends one record after another to whoever leads, each until it is
 * acknowledged. What was acknowledged can be looked up afterwards.
 */
import { isRetriable } from "../../src/protocol/error-codes.ts"
import type { produce } from "../../src/protocol/messages/produce.ts"
import { askProduce, produced } from "./clients.ts"
import type { Asked, World } from "./world.ts"

const againMs = 30

export class SteadyProducer {
  /** Value → offset. */
  readonly acked = new Map<string, number>()
  lastAckedMs = 0
  /** The longest time between two acknowledgements. */
  gapMsMax = 0
  readonly #world: World
  readonly #topic: string
  readonly #partition: number
  readonly #name: string
  readonly #producerId: number
  #sequence = 0
  #asked: Asked<typeof produce> | undefined
  #waitUntilMs = 0

  constructor(world: World, name: string, producerId: number, topic: string, partition = 0) {
    this.#world = world
    this.#name = name
    this.#producerId = producerId
    this.#topic = topic
    this.#partition = partition
    this.lastAckedMs = world.nowMs
  }

  step(): void {
    if (this.#asked === undefined) {
      if (this.#world.nowMs >= this.#waitUntilMs) this.#send()
      return
    }
    if (this.#asked.answer === undefined) return
    const made = produced(this.#asked)
    this.#asked = undefined
    if (made?.errorCode === 0) return this.#acknowledged(made.baseOffset)
    if (made !== undefined && !isRetriable(made.errorCode)) {
      throw new Error(`${this.#name}-${this.#sequence}: error ${made.errorCode}`)
    }
    this.#waitUntilMs = this.#world.nowMs + againMs
  }

  #acknowledged(offset: number): void {
    const { nowMs } = this.#world
    this.acked.set(`${this.#name}-${this.#sequence}`, offset)
    this.#sequence++
    this.gapMsMax = Math.max(this.gapMsMax, nowMs - this.lastAckedMs)
    this.lastAckedMs = nowMs
  }

  #send(): void {
    const leader = this.#leader()
    if (leader === undefined) {
      this.#waitUntilMs = this.#world.nowMs + againMs
      return
    }
    this.#asked = askProduce(
      this.#world,
      leader,
      this.#topic,
      [`${this.#name}-${this.#sequence}`],
      {
        partition: this.#partition,
        producerId: this.#producerId,
        producerEpoch: 0,
        baseSequence: this.#sequence,
        timeoutMs: 800,
      },
    )
  }

  /** As the running brokers tell it; the newest term is right. */
  #leader(): number | undefined {
    let best = { leader: -1, term: -1 }
    for (const { node } of this.#world.running()) {
      const info = node?.image.topics.get(this.#topic)?.partitions[this.#partition]
      if (node === undefined || info === undefined) continue
      const known = node.leaderOf(info.group)
      if (known.leader !== -1 && known.term > best.term) best = known
    }
    return best.leader === -1 || this.#world.brokers[best.leader]?.node === undefined
      ? undefined
      : best.leader
  }
}
