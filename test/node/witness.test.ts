/**
 * Two replicas on three brokers: the third one is a witness, and any one broker may be down without
 * anybody noticing for long.
 */
import { describe, expect, test } from "bun:test"
import { createTopic, newProducerId, readAll, untilLed } from "../support/clients.ts"
import { createAssigned, isSettled, partitionIn, reassign } from "../support/reassignments.ts"
import { sorted } from "../support/sorted.ts"
import { SteadyProducer } from "../support/steady-producer.ts"
import { World } from "../support/world.ts"

const started = (seed: number, nodes = 3) => new World({ seed, nodes }).startAll().untilReady()

const producersOn = (world: World, topic: string) =>
  ["a", "b"].map((name) => new SteadyProducer(world, name, newProducerId(world, 0), topic))

function writeFor(world: World, producers: ReadonlyArray<SteadyProducer>, ms: number): void {
  for (let left = ms; left > 0; left -= 5) {
    world.run(5)
    for (const producer of producers) producer.step()
  }
}

function writeUntilSettled(world: World, producers: ReadonlyArray<SteadyProducer>): void {
  const endMs = world.nowMs + 10_000
  while (!isSettled(world, "t")) {
    if (world.nowMs > endMs) throw new Error(world.lines.slice(-30).join("\n"))
    writeFor(world, producers, 20)
  }
}

/** All acknowledged records, from whoever leads. */
function checkLog(world: World, producers: ReadonlyArray<SteadyProducer>): void {
  world.run(1500)
  const log = readAll(world, untilLed(world, "t"), "t").records
  const places = new Map(log.map(({ value, offset }) => [value, offset]))
  expect(places.size).toBe(log.length)
  for (const producer of producers) {
    expect(producer.acked.size).toBeGreaterThan(5)
    for (const [value, offset] of producer.acked) {
      expect([value, places.get(value)]).toEqual([value, offset])
    }
  }
}

const writes = (world: World, producers: ReadonlyArray<SteadyProducer>): boolean =>
  producers.every(({ lastAckedMs }) => world.nowMs - lastAckedMs < 300)

/** Payload bytes that broker keeps of the partition. */
const payloadOn = (world: World, id: number): number =>
  world.brokers[id]!.wal.log(partitionIn(world, "t").group).payloadBytes

describe("two replicas and a witness on three brokers", () => {
  test.each([0, 1, 2])("any one broker down: readable and writable (broker %d)", (down) => {
    for (const seed of [1, 2, 3]) {
      const world = started(10 * seed + down)
      createAssigned(world, "t", [[0, 1]])
      const { witness } = partitionIn(world, "t")
      expect(witness).toBe(2)
      const producers = producersOn(world, "t")
      writeFor(world, producers, 500)
      expect(writes(world, producers)).toBe(true)
      world.crash(down)
      const killedMs = world.nowMs
      while (!producers.every(({ lastAckedMs }) => lastAckedMs > killedMs + 100)) {
        expect(world.nowMs - killedMs).toBeLessThan(2500)
        writeFor(world, producers, 10)
      }
      writeFor(world, producers, 1500)
      expect(writes(world, producers)).toBe(true)
      checkLog(world, producers)
      world.start(down)
      writeFor(world, producers, 3000)
      expect(writes(world, producers)).toBe(true)
      checkLog(world, producers)
      for (const id of [0, 1]) {
        expect(readAll(world, id, "t").records.length).toBeGreaterThan(20)
      }
      expect(payloadOn(world, witness)).toBeLessThan(1000)
    }
  })

  test("one after the other, with time to catch up in between", () => {
    const world = started(40)
    createTopic(world, "t", { replicas: 2 })
    const producers = producersOn(world, "t")
    for (const down of [0, 1, 2, 1, 0]) {
      writeFor(world, producers, 300)
      world.crash(down)
      writeFor(world, producers, 3000)
      expect(writes(world, producers)).toBe(true)
      world.start(down)
      writeFor(world, producers, 3000)
    }
    checkLog(world, producers)
  })

  test("a stale replica and the witness elect nobody: unavailable, never wrong", () => {
    for (const seed of [50, 51, 52, 53]) {
      const world = started(seed)
      createAssigned(world, "t", [[0, 1]])
      const producers = producersOn(world, "t")
      writeFor(world, producers, 300)
      const leader = untilLed(world, "t")
      const stale = 1 - leader
      world.crash(stale)
      writeFor(world, producers, 1500)
      expect(writes(world, producers)).toBe(true)
      world.crash(leader)
      world.start(stale)
      world.run(5000)
      expect(world.node(2).leaderOf(partitionIn(world, "t").group).leader).toBe(-1)
      world.start(leader)
      writeFor(world, producers, 4000)
      checkLog(world, producers)
    }
  })

  test("the replaced disk of a replica, or of the witness, votes again", () => {
    for (const wiped of [0, 1, 2]) {
      const world = started(60 + wiped)
      createAssigned(world, "t", [[0, 1]])
      const producers = producersOn(world, "t")
      writeFor(world, producers, 300)
      world.crash(wiped)
      writeFor(world, producers, 1500)
      world.wipe(wiped)
      world.start(wiped)
      writeFor(world, producers, 1500)
      writeUntilSettled(world, producers)
      const other = (wiped + 1) % 3
      world.crash(other)
      writeFor(world, producers, 3000)
      expect(writes(world, producers)).toBe(true)
      checkLog(world, producers)
    }
  })

  test("a replica moves to the witness's broker, which gives up being one first", () => {
    for (const seed of [70, 71, 72]) {
      const world = started(seed)
      createAssigned(world, "t", [[0, 1]])
      const producers = producersOn(world, "t")
      writeFor(world, producers, 300)
      expect(reassign(world, 1, "t", [0, 2])).toBe(0)
      writeUntilSettled(world, producers)
      writeFor(world, producers, 500)
      const info = partitionIn(world, "t")
      expect([info.replicas, info.witness]).toEqual([[0, 2], 1])
      for (const down of [0, 1, 2]) {
        world.crash(down)
        writeFor(world, producers, 3000)
        expect(writes(world, producers)).toBe(true)
        world.start(down)
        writeFor(world, producers, 2500)
      }
      checkLog(world, producers)
    }
  })

  test("an old copy of a disk from its time as witness fills no replica", () => {
    const world = started(90)
    createAssigned(world, "t", [[0, 1]])
    const producers = producersOn(world, "t")
    writeFor(world, producers, 300)
    // The witness is given entries, without their payloads.
    world.crash(1)
    writeFor(world, producers, 2500)
    world.start(1)
    writeFor(world, producers, 1500)
    world.broker(2).disk.takeBackup()
    expect(reassign(world, 0, "t", [0, 2])).toBe(0)
    writeUntilSettled(world, producers)
    writeFor(world, producers, 500)
    world.crash(2)
    expect(world.broker(2).disk.restore(true)).toBe(true)
    world.start(2)
    writeFor(world, producers, 6000)
    writeUntilSettled(world, producers)
    const { group } = partitionIn(world, "t")
    const trusted = () => world.node(2).raftGroup(group)?.node.standing === "trusted"
    world.runUntil(trusted, 20_000, "the old copy filled up")
    expect(payloadOn(world, 2)).toBe(payloadOn(world, 0))
    world.crash(0)
    checkLog(world, producers)
  })

  test("three replicas become two and a witness, and three again", () => {
    const world = started(80)
    createTopic(world, "t", { replicas: 3 })
    const producers = producersOn(world, "t")
    writeFor(world, producers, 300)
    for (const target of [
      [1, 2],
      [0, 1, 2],
      [2, 0],
      [2, 1, 0],
    ]) {
      expect(reassign(world, 0, "t", target)).toBe(0)
      writeUntilSettled(world, producers)
      writeFor(world, producers, 500)
      const { replicas, witness } = partitionIn(world, "t")
      expect(replicas).toEqual(target)
      expect(sorted(witness === -1 ? replicas : [...replicas, witness])).toEqual([0, 1, 2])
    }
    checkLog(world, producers)
  })
})
