/** Partitions get other replicas while clients write, and brokers die meanwhile. */
import { describe, expect, test } from "bun:test"
import { metadata } from "../../src/protocol/messages/metadata.ts"
import { askFetch, fetched, newProducerId, readAll, untilLed } from "../support/clients.ts"
import {
  createAssigned,
  holders,
  isSettled,
  partitionIn,
  reassign,
  reassignments,
  votersOf,
} from "../support/reassignments.ts"
import { SteadyProducer } from "../support/steady-producer.ts"
import { World } from "../support/world.ts"
import { sorted } from "../support/sorted.ts"

const started = (seed: number, nodes: number) => new World({ seed, nodes }).startAll().untilReady()

const producersOn = (world: World, topic: string, partition = 0) =>
  ["a", "b", "c"].map(
    (name) => new SteadyProducer(world, name, newProducerId(world, 0), topic, partition),
  )

/** Time passes while they write; `until` ends it. */
function writeUntil(
  world: World,
  producers: ReadonlyArray<SteadyProducer>,
  until: () => boolean,
  maxMs: number,
  what: string,
): void {
  const endMs = world.nowMs + maxMs
  while (!until()) {
    if (world.nowMs > endMs) throw new Error(`${what}: not in ${maxMs} ms\n${tail(world)}`)
    world.run(5)
    for (const producer of producers) producer.step()
  }
}

const tail = (world: World): string => world.lines.slice(-30).join("\n")

function writeFor(world: World, producers: ReadonlyArray<SteadyProducer>, ms: number): void {
  const endMs = world.nowMs + ms
  writeUntil(world, producers, () => world.nowMs >= endMs, ms + 1000, "time")
}

/** Every acknowledged record is there once, where it was said to be, and on every replica. */
function checkLog(world: World, producers: ReadonlyArray<SteadyProducer>, topic: string): void {
  // What is on its way arrives.
  world.run(1500)
  const leader = untilLed(world, topic)
  const log = readAll(world, leader, topic).records
  const places = new Map(log.map(({ value, offset }) => [value, offset]))
  expect(places.size).toBe(log.length)
  for (const producer of producers) {
    expect(producer.acked.size).toBeGreaterThan(5)
    for (const [value, offset] of producer.acked) {
      expect([value, places.get(value)]).toEqual([value, offset])
    }
  }
  for (const id of partitionIn(world, topic).replicas) {
    expect(readAll(world, id, topic).records).toEqual(log)
  }
}

const readFrom = (world: World, id: number, offset: number) => {
  const asked = askFetch(world, id, "t", offset)
  world.runUntil(() => asked.answer !== undefined, 5000, "Fetch")
  return fetched(asked)?.records ?? []
}

const settled = (world: World) => () => isSettled(world, "t")

describe("a reassignment", () => {
  test("replaces every replica while producers write; the old logs go", () => {
    const world = started(1, 6)
    createAssigned(world, "t", [[0, 1, 2]])
    const producers = producersOn(world, "t")
    writeFor(world, producers, 500)
    expect(reassign(world, 4, "t", [3, 4, 5])).toBe(0)
    expect(reassignments(world, 1)).toEqual([
      {
        name: "t",
        partitions: [
          {
            partitionIndex: 0,
            replicas: [3, 4, 5, 0, 1, 2],
            addingReplicas: [3, 4, 5],
            removingReplicas: [0, 1, 2],
          },
        ],
      },
    ])
    const beganMs = world.nowMs
    writeUntil(world, producers, settled(world), 5000, "the reassignment")
    expect(world.nowMs - beganMs).toBeLessThan(1500)
    expect(partitionIn(world, "t").replicas).toEqual([3, 4, 5])
    expect(reassignments(world, 1)).toEqual([])
    writeFor(world, producers, 500)
    expect(holders(world, "t")).toEqual([3, 4, 5])
    const seen = world.call(0, metadata, 12, { topics: [{ name: "t" }] }).topics[0]?.partitions[0]
    expect(seen?.replicaNodes).toEqual([3, 4, 5])
    expect(sorted(seen?.isrNodes ?? [])).toEqual([3, 4, 5])
    expect([3, 4, 5]).toContain(seen?.leaderId ?? -1)
    for (const producer of producers) expect(producer.gapMsMax).toBeLessThan(1000)
    checkLog(world, producers, "t")
  })

  test.each([
    ["one more", [0, 1, 2, 3]],
    ["one less", [0, 1]],
    ["one less, the leader", [1, 2]],
    ["one alone", [2]],
    ["a follower replaced", [0, 1, 3]],
    ["the leader replaced", [3, 1, 2]],
    ["another order", [2, 0, 1]],
  ])("%s", (_what, target) => {
    const world = started(2, 4)
    createAssigned(world, "t", [[0, 1, 2]])
    const producers = producersOn(world, "t")
    writeFor(world, producers, 300)
    expect(reassign(world, 3, "t", target)).toBe(0)
    writeUntil(world, producers, settled(world), 5000, "the reassignment")
    expect(partitionIn(world, "t").replicas).toEqual(target)
    writeFor(world, producers, 300)
    expect(holders(world, "t")).toEqual(sorted(target))
    checkLog(world, producers, "t")
    // The preferred leader is the first of the target.
    world.runUntil(() => untilLed(world, "t") === target[0], 5000, "the preferred leader", 100)
  })

  test("is taken back: nothing of the new replica stays", () => {
    const world = started(3, 4)
    createAssigned(world, "t", [[0, 1, 2]])
    const producers = producersOn(world, "t")
    writeFor(world, producers, 300)
    world.crash(3)
    world.run(100)
    expect(reassign(world, 0, "t", null)).toBe(85)
    expect(reassign(world, 0, "t", [0, 1, 3])).toBe(0)
    writeFor(world, producers, 1000)
    expect(reassignments(world, 0).length).toBe(1)
    expect(reassign(world, 1, "t", null)).toBe(0)
    expect(reassignments(world, 0)).toEqual([])
    writeUntil(world, producers, settled(world), 5000, "the way back")
    world.start(3)
    writeFor(world, producers, 1500)
    expect(sorted(partitionIn(world, "t").replicas)).toEqual([0, 1, 2])
    expect(votersOf(world, "t")).toEqual([0, 1, 2])
    expect(holders(world, "t")).toEqual([0, 1, 2])
    checkLog(world, producers, "t")
  })

  test("is taken back, given again and redirected at any moment", () => {
    for (let seed = 0; seed < 20; seed += 3) {
      const world = started(40 + seed, 5)
      createAssigned(world, "t", [[0, 1, 2]])
      const producers = producersOn(world, "t")
      writeFor(world, producers, 200)
      expect(reassign(world, 0, "t", [3, 1, 2])).toBe(0)
      writeFor(world, producers, 20 * seed)
      expect([0, 85]).toContain(reassign(world, 1, "t", null))
      writeFor(world, producers, 30)
      expect(reassign(world, 2, "t", [3, 4, 0])).toBe(0)
      writeFor(world, producers, 15 * (20 - seed))
      expect(reassign(world, 3, "t", [0, 3, 1])).toBe(0)
      writeUntil(world, producers, settled(world), 8000, "the last goal")
      writeFor(world, producers, 300)
      expect(partitionIn(world, "t").replicas).toEqual([0, 3, 1])
      expect(holders(world, "t")).toEqual([0, 1, 3])
      checkLog(world, producers, "t")
    }
  })

  test("there and back again: a replica that was removed is one again, on its old disk", () => {
    const world = started(5, 4)
    createAssigned(world, "t", [[0, 1, 2]])
    const producers = producersOn(world, "t")
    for (const target of [
      [0, 1, 3],
      [0, 1, 2],
      [3, 2, 1],
      [0, 1, 2],
    ]) {
      writeFor(world, producers, 200)
      expect(reassign(world, 0, "t", target)).toBe(0)
      writeUntil(world, producers, settled(world), 8000, `to ${target.join()}`)
      writeFor(world, producers, 300)
      expect(holders(world, "t")).toEqual(sorted(target))
    }
    // …and after a restart of everybody, which reads all of this again.
    for (const { id } of world.brokers) world.crash(id, 100)
    world.run(200)
    world.startAll().untilReady()
    writeFor(world, producers, 500)
    expect(holders(world, "t")).toEqual([0, 1, 2])
    checkLog(world, producers, "t")
  })

  test("of a log whose beginning is gone: the new replicas begin where it begins", () => {
    const world = started(7, 5)
    createAssigned(world, "t", [[0, 1, 2]])
    const producers = producersOn(world, "t")
    writeFor(world, producers, 1000)
    const { group } = partitionIn(world, "t")
    for (const id of [0, 1, 2]) {
      const partition = world.node(id).partition(group)
      partition?.cutTo(partition.raftGroup.appliedIndex - 40)
    }
    writeFor(world, producers, 200)
    const start = world.node(1).partition(group)?.logStartOffset ?? 0
    expect(start).toBeGreaterThan(0)
    expect(reassign(world, 4, "t", [3, 4, 1])).toBe(0)
    writeUntil(world, producers, settled(world), 8000, "the reassignment")
    writeFor(world, producers, 300)
    for (const id of [3, 4]) {
      expect(world.node(id).partition(group)?.logStartOffset).toBeGreaterThanOrEqual(start)
    }
    expect(reassign(world, 4, "t", [0, 1, 2])).toBe(0)
    writeUntil(world, producers, settled(world), 8000, "the way back")
    writeFor(world, producers, 300)
    expect(holders(world, "t")).toEqual([0, 1, 2])
    for (const producer of producers) producer.acked.clear()
    writeFor(world, producers, 500)
    world.run(1500)
    const found = (id: number) =>
      readFrom(world, id, world.node(id).partition(group)?.logStartOffset ?? 0)
    const leader = untilLed(world, "t")
    const places = new Map(found(leader).map(({ value, offset }) => [value, offset]))
    for (const producer of producers) {
      for (const [value, offset] of producer.acked) expect(places.get(value)).toBe(offset)
    }
  })

  test("of forty partitions at once ends, and clients write meanwhile", () => {
    const world = started(6, 5)
    const partitions = Array.from({ length: 40 }, (_, p) => [p % 5, (p + 1) % 5, (p + 2) % 5])
    createAssigned(world, "t", partitions)
    const producers = producersOn(world, "t")
    writeFor(world, producers, 300)
    for (const [p] of partitions.entries()) {
      expect(reassign(world, p % 5, "t", [(p + 2) % 5, (p + 3) % 5, (p + 4) % 5], p)).toBe(0)
    }
    const all = () => partitions.every((_, p) => isSettled(world, "t", p))
    writeUntil(world, producers, all, 20_000, "all of them")
    writeFor(world, producers, 300)
    checkLog(world, producers, "t")
  })
})

describe("a broker dies during a reassignment", () => {
  const crashPoints = Array.from({ length: 7 }, (_, i) => 15 + 60 * i)

  test.each([0, 1, 2, 3, 4])("broker %d, at many points, and comes back", (victim) => {
    for (const afterMs of crashPoints) {
      const world = started(100 + victim, 5)
      createAssigned(world, "t", [[0, 1, 2]], { "min.insync.replicas": "2" })
      const producers = producersOn(world, "t")
      writeFor(world, producers, 200)
      expect(reassign(world, (victim + 1) % 5, "t", [3, 4, 1])).toBe(0)
      writeFor(world, producers, afterMs)
      world.crash(victim, afterMs % 3)
      writeFor(world, producers, 1500)
      world.start(victim)
      writeUntil(world, producers, settled(world), 10_000, `the reassignment, ${afterMs}`)
      writeFor(world, producers, 700)
      expect(partitionIn(world, "t").replicas).toEqual([3, 4, 1])
      expect(holders(world, "t")).toEqual([1, 3, 4])
      checkLog(world, producers, "t")
    }
  })

  test("a broker that leaves and is dead need not come back", () => {
    const world = started(120, 4)
    createAssigned(world, "t", [[0, 1, 2]])
    const producers = producersOn(world, "t")
    writeFor(world, producers, 200)
    world.crash(2)
    expect(reassign(world, 0, "t", [0, 1, 3])).toBe(0)
    writeUntil(world, producers, settled(world), 5000, "the reassignment")
    // Now any one of the three may go.
    world.crash(1)
    writeFor(world, producers, 2000)
    expect(world.nowMs - Math.max(...producers.map((p) => p.lastAckedMs))).toBeLessThan(500)
    world.start(2)
    world.start(1)
    writeFor(world, producers, 1500)
    expect(holders(world, "t")).toEqual([0, 1, 3])
    checkLog(world, producers, "t")
  })

  test("everybody at once, again and again", () => {
    for (let seed = 0; seed < 6; seed++) {
      const world = started(130 + seed, 5)
      createAssigned(world, "t", [[0, 1, 2]])
      const producers = producersOn(world, "t")
      writeFor(world, producers, 200)
      expect(reassign(world, 0, "t", [3, 4, 0])).toBe(0)
      for (let round = 0; round < 3; round++) {
        writeFor(world, producers, 30 + 45 * seed)
        for (const { id } of world.brokers) world.crash(id, world.prng.below(4))
        world.run(100)
        world.startAll()
      }
      writeUntil(world, producers, settled(world), 15_000, "the reassignment")
      writeFor(world, producers, 700)
      expect(holders(world, "t")).toEqual([0, 3, 4])
      checkLog(world, producers, "t")
    }
  })
})
