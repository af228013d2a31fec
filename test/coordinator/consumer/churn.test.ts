import { describe, expect, test } from "bun:test"
import { assert, integer, property } from "fast-check"
import { Prng } from "../../../raft/prng.ts"
import { ErrorCode } from "../../../src/protocol/error-codes.ts"
import { ConsumerWorld, copyOf, wipe } from "./consumer-world.ts"
import { ClassicClient, ConsumerClient } from "./fake-clients.ts"
import type { FakeClient } from "./fake-clients.ts"

/**
 * Groups under members that come, go and vanish, lost answers, new coordinators and topics that
 * grow: no partition has two owners at any moment, and once it is quiet each has one.
 */

const topics = ["t", "u"]
const clientsMax = 6

type Kind = "classic" | "cooperative" | "consumer"

class Churn {
  readonly world: ConsumerWorld
  readonly clients: FakeClient[] = []
  readonly #prng: Prng
  readonly #kinds: ReadonlyArray<Kind>
  #named = 0

  constructor(seed: number, kinds: ReadonlyArray<Kind>) {
    this.#prng = new Prng(seed)
    this.#kinds = kinds
    this.world = new ConsumerWorld({
      groupConsumerAssignmentIntervalMs: this.#below(2) * 1_000,
      groupConsumerSessionTimeoutMs: 12_000,
    })
    this.world.topics.create("u", 1 + this.#below(4))
  }

  #below(bound: number): number {
    return this.#prng.nextUint32() % bound
  }

  #pick(): FakeClient | undefined {
    return this.clients[this.#below(Math.max(this.clients.length, 1))]
  }

  step(): void {
    const { world } = this
    const dice = this.#below(100)
    if (dice < 70) this.#pick()?.turn(world)
    else if (dice < 80) world.pass(this.#below(1_500))
    else if (dice < 88) this.#come()
    else if (dice < 92) this.#go()
    else if (dice < 94) this.#vanish()
    else if (dice < 96) world.failOver()
    else if (dice < 98) this.#grow()
    else this.#failAppend()
    this.#keepAlive()
    this.check()
  }

  #come(): void {
    if (this.clients.length >= clientsMax) return
    const kind = this.#kinds[this.#below(this.#kinds.length)]
    const name = `m${this.#named++}`
    this.clients.push(
      kind === "consumer"
        ? new ConsumerClient(name, this.#prng, topics, this.world)
        : new ClassicClient(name, topics, this.world, kind === "cooperative"),
    )
  }

  #go(): void {
    const client = this.#pick()
    if (client === undefined) return
    client.leave(this.world)
    this.clients.splice(this.clients.indexOf(client), 1)
  }

  /** Without a word: its session has to expire. */
  #vanish(): void {
    const client = this.#pick()
    if (client !== undefined) this.clients.splice(this.clients.indexOf(client), 1)
  }

  #grow(): void {
    const topic = topics[this.#below(topics.length)] ?? "t"
    const { world } = this
    world.topics.grow(topic, Math.min((world.topics.partitions(topic) ?? 0) + 1, 9))
    world.coordinator.topicsChanged(world.nowMs)
  }

  #failAppend(): void {
    const { world } = this
    world.autoCommit = false
    this.#pick()?.turn(world)
    if (world.pending > 0) world.commitOne(ErrorCode.COORDINATOR_NOT_AVAILABLE)
    world.autoCommit = true
    world.settle()
  }

  /** Whoever lives is heard of in time. */
  #keepAlive(): void {
    for (const client of this.clients) {
      if (this.world.nowMs - client.lastBeatMs > 4_000) client.turn(this.world)
    }
  }

  check(): void {
    const owners = new Map<string, string>()
    for (const { name, owned } of this.clients) {
      for (const place of owned) {
        const other = owners.get(place)
        if (other !== undefined) throw new Error(`${place} belongs to ${other} and ${name}`)
        owners.set(place, name)
      }
    }
    this.#checkCommitted()
  }

  #checkCommitted(): void {
    const taken = new Set<string>()
    for (const { assignment } of this.world.describeGroup().members ?? []) {
      for (const { topicId, partitions = [] } of assignment?.topicPartitions ?? []) {
        for (const partition of partitions) {
          const place = `${topicId}:${partition}`
          if (taken.has(place)) throw new Error(`${place} is assigned twice`)
          taken.add(place)
        }
      }
    }
  }

  calm(): void {
    for (const client of this.clients) if (client instanceof ConsumerClient) client.isFlaky = false
    // Sessions of those who vanished run out first.
    for (let round = 0; round < 40; round++) {
      this.world.pass(1_000, 500)
      for (const client of this.clients) client.turn(this.world)
      this.check()
    }
  }

  places(): string[] {
    return topics
      .flatMap((topic) =>
        Array.from({ length: this.world.topics.partitions(topic) ?? 0 }, (_, p) => `${topic}:${p}`),
      )
      .sort()
  }
}

function run(seed: number, kinds: ReadonlyArray<Kind>): Churn {
  const churn = new Churn(seed, kinds)
  for (let i = 0; i < 150; i++) churn.step()
  churn.calm()
  if (churn.clients.length === 0) return churn
  const owned = churn.clients.flatMap((client) => [...client.owned]).sort()
  expect(owned).toEqual(churn.places())
  return churn
}

describe("churn", () => {
  test("members of the consumer protocol", () => {
    assert(
      property(integer({ min: 1, max: 2 ** 31 }), (seed) => {
        const { clients, world } = run(seed, ["consumer"])
        if (clients.length === 0) return
        expect(world.describeGroup().groupState).toBe("Stable")
        const loads = clients.map(({ owned }) => owned.size)
        expect(Math.max(...loads) - Math.min(...loads)).toBeLessThan(2)
      }),
      { numRuns: 25 },
    )
  })

  test.each<Kind>(["classic", "cooperative"])(
    "members of both protocols (%s), the group changing its own with them",
    (kind) => {
      assert(
        property(integer({ min: 1, max: 2 ** 31 }), (seed) => {
          run(seed, ["consumer", kind])
        }),
        { numRuns: 25 },
      )
    },
  )
})

test("a compacted log without its tombstones makes the same state", () => {
  assert(
    property(integer({ min: 1, max: 2 ** 31 }), (seed) => {
      const churn = new Churn(seed, ["consumer", "classic"])
      for (let i = 0; i < 150; i++) churn.step()
      const { world } = churn
      const bare = new ConsumerWorld()
      const lent = copyOf(world.compacted())
      bare.write(...lent)
      wipe(lent)
      expect(bare.stateBytes().equals(world.stateBytes())).toBe(true)
    }),
    { numRuns: 15 },
  )
})

test("replicas that applied the same have the same bytes, however they got there", () => {
  const churn = new Churn(5, ["consumer", "classic"])
  for (let i = 0; i < 300; i++) churn.step()
  const { world } = churn
  const states = world.replicas.map(({ coordinator }) => Buffer.from(coordinator.encode()))
  expect(states.length).toBeGreaterThan(1)
  const late = world.addReplica().coordinator
  late.restore(states[0]!)
  for (const state of states) expect(state.equals(states[0]!)).toBe(true)
  expect(Buffer.from(late.encode()).equals(states[0]!)).toBe(true)
})
