/**
 * Partitions are reassigned and disks replaced while brokers crash, links break and clients write,
 * all drawn from a seed. At the end, with everything healed: what was acknowledged is there once,
 * in order, on every replica; the memberships are what was asked for last; nobody else holds a log.
 */
import { expect, test } from "bun:test"
import { Prng } from "../../raft/index.ts"
import { alterPartitionReassignments } from "../../src/protocol/reassignments.ts"
import { newProducerId, readAll, untilLed } from "../support/clients.ts"
import { createAssigned, holders, isSettled, partitionIn } from "../support/reassignments.ts"
import { sorted } from "../support/sorted.ts"
import { SteadyProducer } from "../support/steady-producer.ts"
import { World } from "../support/world.ts"

const nodes = 5

/** At most one broker is without its disk's past at a time: what storage faults may hit. */
class Weather {
  readonly #world: World
  readonly #prng: Prng
  #healingUntilMs = 0

  constructor(world: World, seed: number) {
    this.#world = world
    this.#prng = new Prng(seed * 7919)
  }

  step(): void {
    const world = this.#world
    const prng = this.#prng
    if (prng.below(20) !== 0) return
    const id = prng.below(nodes)
    const running = world.running().length
    switch (prng.below(10)) {
      case 0:
      case 1:
        if (running > 3) world.crash(id, prng.below(3))
        return
      case 2:
      case 3:
        return this.startAll()
      case 4:
        return world.cut(id, (id + 1 + prng.below(nodes - 1)) % nodes)
      case 5:
      case 6:
        return world.heal()
      case 7:
        return this.#replaceDisk(id)
      default:
        return this.#reassign()
    }
  }

  startAll(): void {
    for (const { id, node } of this.#world.brokers) if (node === undefined) this.#world.start(id)
  }

  #replaceDisk(id: number): void {
    const world = this.#world
    if (world.nowMs < this.#healingUntilMs || !isSettled(world, "t")) return
    if (world.running().length < nodes) return
    const { witness, replicas } = partitionIn(world, "t")
    if (replicas.length < 3 && (replicas.includes(id) || witness === id)) return
    const metadata = world.running().flatMap(({ node }) => node?.metadataConfiguration ?? [])
    if (metadata.some(({ votersOutgoing, learners }) => votersOutgoing.length + learners.length)) {
      return
    }
    this.#healingUntilMs = world.nowMs + 3000
    world.crash(id)
    world.plan(world.nowMs + 800, () => {
      if (world.brokers[id]?.node !== undefined) return
      world.wipe(id)
      world.start(id)
    })
  }

  #reassign(): void {
    const { id } = this.#world.running()[this.#prng.below(this.#world.running().length)]!
    const cancel = this.#prng.below(5) === 0
    const replicas = cancel ? null : this.target(1 + this.#prng.below(3))
    this.#world.ask(id, alterPartitionReassignments, 1, {
      timeoutMs: 1000,
      topics: [{ name: "t", partitions: [{ partitionIndex: 0, replicas }] }],
    })
  }

  /** At least two replicas, so that no disk is the only one. */
  target(more: number): ReadonlyArray<number> {
    const ids = [0, 1, 2, 3, 4]
    const chosen: number[] = []
    while (chosen.length <= more) {
      chosen.push(...ids.splice(this.#prng.below(ids.length), 1))
    }
    return chosen
  }
}

function writeFor(
  world: World,
  producers: ReadonlyArray<SteadyProducer>,
  ms: number,
  each = () => {},
) {
  for (let left = ms; left > 0; left -= 10) {
    world.run(10)
    for (const producer of producers) producer.step()
    each()
  }
}

function history(seed: number): void {
  const world = new World({ seed, nodes, latencyMs: [1, 10], fsyncMs: [1, 12] })
  world.startAll().untilReady()
  createAssigned(world, "t", [[0, 1, 2]], { "min.insync.replicas": "1" })
  const producers = ["a", "b"].map(
    (name) => new SteadyProducer(world, name, newProducerId(world, 0), "t"),
  )
  const weather = new Weather(world, seed)
  writeFor(world, producers, 8000, () => weather.step())
  world.heal()
  weather.startAll()
  writeFor(world, producers, 1000)
  weather.startAll()
  const deadlineMs = world.nowMs + 30_000
  while (!isSettled(world, "t")) {
    if (world.nowMs > deadlineMs) throw new Error(world.lines.slice(-40).join("\n"))
    writeFor(world, producers, 100)
  }
  writeFor(world, producers, 1000)
  world.run(2500)
  const log = readAll(world, untilLed(world, "t"), "t").records
  const places = new Map(log.map(({ value, offset }) => [value, offset]))
  expect(places.size).toBe(log.length)
  for (const producer of producers) {
    expect(producer.acked.size).toBeGreaterThan(10)
    for (const [value, offset] of producer.acked) {
      expect([value, places.get(value)]).toEqual([value, offset])
    }
  }
  const { replicas } = partitionIn(world, "t")
  for (const id of replicas) expect(readAll(world, id, "t").records).toEqual(log)
  expect(holders(world, "t")).toEqual(sorted(replicas))
}

const first = Number(process.env["SEED"] ?? 1)
const count = Number(process.env["SEEDS"] ?? (process.env["SEED"] === undefined ? 8 : 1))

test.each(Array.from({ length: count }, (_, i) => first + i))("seed %d", (seed) => history(seed))
