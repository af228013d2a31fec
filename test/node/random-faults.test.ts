/**
 * Idempotent producers write through crashes, cuts, pauses and link resets drawn from a seed. At
 * the end, with the cluster healed: every acknowledged record is in the log once, in its producer's
 * order, at the offset that was answered; nothing is there that nobody sent; all replicas hold the
 * same.
 */
import { expect, test } from "bun:test"
import { Prng } from "../../raft/index.ts"
import { isRetriable } from "../../src/protocol/error-codes.ts"
import type { produce } from "../../src/protocol/messages/produce.ts"
import {
  askProduce,
  createTopic,
  leaderOf,
  newProducerId,
  produced,
  readAll,
  untilLed,
} from "../support/clients.ts"
import type { Asked } from "../support/world.ts"
import { World } from "../support/world.ts"

/**
 * Sends one batch after another, each until it is acknowledged; a new attempt only after the last
 * was answered.
 */
class Producer {
  readonly acked = new Map<string, number>()
  readonly #world: World
  readonly #name: string
  readonly #producerId: number
  #sequence = 0
  #asked: Asked<typeof produce> | undefined
  #target = 0
  #waitUntilMs = 0

  constructor(world: World, name: string, producerId: number) {
    this.#world = world
    this.#name = name
    this.#producerId = producerId
  }

  get sent(): number {
    return this.#sequence + 1
  }

  step(): void {
    const world = this.#world
    if (this.#asked === undefined) {
      if (world.nowMs >= this.#waitUntilMs) this.#send()
      return
    }
    const { answer } = this.#asked
    if (answer === undefined) return
    const made = produced(this.#asked)
    this.#asked = undefined
    if (made?.errorCode === 0) {
      this.acked.set(`${this.#name}-${this.#sequence}`, made.baseOffset)
      this.#sequence++
      return
    }
    if (made !== undefined && !isRetriable(made.errorCode)) {
      throw new Error(`${this.#name}-${this.#sequence}: error ${made.errorCode}`)
    }
    this.#waitUntilMs = world.nowMs + 30
    this.#target = (this.#target + 1) % 3
  }

  #send(): void {
    const world = this.#world
    const seen = world.brokers[this.#target]?.node
    const info = seen?.image.topics.get("t")?.partitions[0]
    const leader = seen === undefined || info === undefined ? -1 : seen.leaderOf(info.group).leader
    if (leader === -1) {
      this.#target = (this.#target + 1) % 3
      this.#waitUntilMs = world.nowMs + 30
      return
    }
    this.#asked = askProduce(world, leader, "t", [`${this.#name}-${this.#sequence}`], {
      producerId: this.#producerId,
      producerEpoch: 0,
      baseSequence: this.#sequence,
      timeoutMs: 800,
    })
  }
}

function disturb(world: World, prng: Prng): void {
  const id = prng.below(3)
  const running = world.running().length
  switch (prng.below(7)) {
    case 0:
    case 1:
      if (running > 1) world.crash(id, prng.below(3))
      return
    case 2:
      for (const broker of world.brokers) if (broker.node === undefined) world.start(broker.id)
      return
    case 3:
      world.isolate(id)
      return
    case 4:
      world.cut(id, (id + 1 + prng.below(2)) % 3)
      return
    case 5:
      world.heal()
      return
    default:
      world.resetLink(id, (id + 1) % 3)
  }
}

function history(seed: number): void {
  const world = new World({ seed, latencyMs: [1, 12], fsyncMs: [1, 15] }).startAll().untilReady()
  const prng = new Prng(seed * 7919)
  createTopic(world, "t", { configs: { "min.insync.replicas": "2" } })
  const producers = ["a", "b", "c"].map(
    (name, at) => new Producer(world, name, newProducerId(world, at)),
  )
  for (let step = 0; step < 600; step++) {
    world.run(10)
    for (const producer of producers) producer.step()
    if (prng.below(25) === 0) disturb(world, prng)
  }
  world.heal()
  for (const broker of world.brokers) if (broker.node === undefined) world.start(broker.id)
  world.run(8000)
  for (const producer of producers) producer.step()
  world.run(3000)
  for (const producer of producers) producer.step()

  const leader = untilLed(world, "t")
  const log = readAll(world, leader, "t").records
  const places = new Map<string, number>()
  for (const { offset, value } of log) {
    expect(places.has(value)).toBe(false)
    places.set(value, offset)
  }
  for (const producer of producers) {
    for (const [value, offset] of producer.acked)
      expect([value, places.get(value)]).toEqual([value, offset])
  }
  for (const name of ["a", "b", "c"]) {
    const order = log
      .filter(({ value }) => value.startsWith(`${name}-`))
      .map(({ value }) => Number(value.slice(2)))
    expect(order).toEqual(order.map((_, i) => i))
  }
  expect(leaderOf(world, "t")).toBe(leader)
  for (const { id } of world.brokers) expect(readAll(world, id, "t").records).toEqual(log)
  const acked = producers.reduce((sum, producer) => sum + producer.acked.size, 0)
  expect(acked).toBeGreaterThan(10)
}

test.each(Array.from({ length: 30 }, (_, i) => i + 1))("seed %d", (seed) => history(seed))
