/** A broker comes back on another disk: the disk takes the place of the old one, everywhere. */
import { describe, expect, test } from "bun:test"
import { memberId, nodeOf } from "../../src/cluster/members.ts"
import { createTopics } from "../../src/protocol/messages/create-topics.ts"
import {
  askProduce,
  createTopic,
  newProducerId,
  produced,
  produceTo,
  readAll,
  untilLed,
} from "../support/clients.ts"
import { createAssigned, isSettled, partitionIn, reassign } from "../support/reassignments.ts"
import { SteadyProducer } from "../support/steady-producer.ts"
import { World } from "../support/world.ts"
import { sorted } from "../support/sorted.ts"

const started = (seed: number, nodes = 3) => new World({ seed, nodes }).startAll().untilReady()

const diskOf = (world: World, id: number) => memberId(id, world.brokers[id]!.diskUuid)

/** The present disk of that broker votes in group 0, and the old one does not. */
const votesInMetadata = (world: World, id: number): boolean =>
  world.running().some(({ node }) => {
    if (node?.raftGroup(0)?.node.role !== "leader") return false
    const { voters, votersOutgoing } = node.metadataConfiguration
    const own = voters.filter((member) => nodeOf(member) === id)
    return votersOutgoing.length === 0 && own.join() === diskOf(world, id)
  })

const votesIn = (world: World, id: number, topic: string): boolean => {
  if (!isSettled(world, topic)) return false
  const info = partitionIn(world, topic)
  return info.voters.includes(diskOf(world, id))
}

/** The broker's present disk votes in each of them. */
const everyPartition = (world: World, topic: string, id: number): boolean =>
  world
    .node(0)
    .image.topics.get(topic)!
    .partitions.every(({ partition, voters }) => {
      return voters.includes(diskOf(world, id)) && isSettled(world, topic, partition)
    })

function replaceDisk(world: World, id: number): void {
  world.crash(id)
  world.run(1000)
  world.wipe(id)
  world.start(id)
}

const untilReplaced = (world: World, id: number, topic: string): void =>
  world.runUntil(
    () => votesIn(world, id, topic) && votesInMetadata(world, id),
    10_000,
    `the new disk of ${id}`,
    20,
  )

describe("a replaced disk", () => {
  test.each([0, 1, 2])("of broker %d votes again; the loss of another loses nothing", (wiped) => {
    for (const lost of [0, 1, 2].filter((id) => id !== wiped)) {
      const world = started(10 + wiped)
      createTopic(world, "t", { configs: { "min.insync.replicas": "2" } })
      const producer = new SteadyProducer(world, "a", newProducerId(world, 0), "t")
      const write = (ms: number) => {
        for (let left = ms; left > 0; left -= 5) {
          world.run(5)
          producer.step()
        }
      }
      write(300)
      replaceDisk(world, wiped)
      write(2000)
      untilReplaced(world, wiped, "t")
      // The other voter of before is gone for good, disk and all.
      world.crash(lost)
      write(2500)
      expect(world.nowMs - producer.lastAckedMs).toBeLessThan(300)
      world.run(1000)
      const places = new Map(
        readAll(world, untilLed(world, "t"), "t").records.map(({ value, offset }) => [
          value,
          offset,
        ]),
      )
      for (const [value, offset] of producer.acked) expect(places.get(value)).toBe(offset)
      expect(
        world.call(wiped, createTopics, 7, {
          topics: [{ name: "u", numPartitions: 1, replicationFactor: 2 }],
          timeoutMs: 5000,
        }).topics[0]?.errorCode,
      ).toBe(0)
    }
  })

  test("every disk in turn, while a producer writes", () => {
    const world = started(20)
    createTopic(world, "t")
    const values: string[] = []
    for (const wiped of [0, 1, 2, 0]) {
      for (let i = 0; i < 10; i++) {
        const value = `v${values.length}`
        expect(produceTo(world, untilLed(world, "t"), "t", [value]).errorCode).toBe(0)
        values.push(value)
      }
      replaceDisk(world, wiped)
      untilReplaced(world, wiped, "t")
    }
    for (const { id } of world.brokers) {
      expect(readAll(world, id, "t").records.map(({ value }) => value)).toEqual(values)
    }
    // All of them restart: the memberships are in the logs.
    for (const { id } of world.brokers) world.crash(id, 100)
    world.run(100)
    world.startAll().untilReady()
    expect(produceTo(world, untilLed(world, "t"), "t", ["after"]).errorCode).toBe(0)
  })

  test("that loses its log, whose beginning knows nobody of today, wakes its leader", () => {
    const world = started(25)
    createTopic(world, "t")
    for (const wiped of [0, 1, 2]) {
      replaceDisk(world, wiped)
      untilReplaced(world, wiped, "t")
    }
    const { group } = partitionIn(world, "t")
    const raftGroup = (id: number) => world.node(id).raftGroup(group)!
    const asleep = () => [0, 1, 2].every((id) => raftGroup(id).node.quiesced)
    world.runUntil(asleep, 20_000, "sleep")
    const follower = (untilLed(world, "t") + 1) % 3
    world.node(follower).damaged(group, 1, "found by the scrub", world.nowMs)
    world.runUntil(() => raftGroup(follower).node.standing === "recovering", 5000, "doubt")
    expect(raftGroup(follower).node.configuration.voters).not.toContain(diskOf(world, follower))
    world.runUntil(() => raftGroup(follower).node.standing === "trusted", 20_000, "trust")
    world.runUntil(asleep, 20_000, "sleep again")
  })

  test("does not count before it has learned: a majority of the others is needed", () => {
    const world = started(30)
    createTopic(world, "t", { configs: { "min.insync.replicas": "2" } })
    const leader = untilLed(world, "t")
    for (let i = 0; i < 10; i++) produceTo(world, leader, "t", [`v${i}`])
    const wiped = (leader + 1) % 3
    const third = (leader + 2) % 3
    const { group } = partitionIn(world, "t")
    world.crash(wiped)
    world.run(1500)
    world.crash(third)
    world.run(50)
    world.wipe(wiped)
    world.start(wiped)
    // The leader alone is no majority of the voters, so nobody can be made one.
    const lone = askProduce(world, leader, "t", ["no"], { timeoutMs: 1000 })
    world.run(4000)
    expect(produced(lone)?.errorCode).not.toBe(0)
    world.crash(leader)
    world.run(4000)
    expect(world.node(wiped).leaderOf(group).leader).toBe(-1)
    world.start(third)
    world.start(leader)
    untilReplaced(world, wiped, "t")
    const found = readAll(world, untilLed(world, "t"), "t").records.map(({ value }) => value)
    expect(found.slice(0, 10)).toEqual(Array.from({ length: 10 }, (_, i) => `v${i}`))
  })

  test("and again before it had learned: the disk between holds no place", () => {
    const world = started(23)
    createTopic(world, "t", { partitions: 40 })
    untilLed(world, "t", 39)
    replaceDisk(world, 2)
    // As many as may learn at a time, from each leader.
    const learning = (id: number) => {
      const groups = [...world.node(id).image.groups.keys()]
      const led = groups.filter((group) => {
        const raft = world.node(id).raftGroup(group)?.node
        return raft?.role === "leader" && raft.configuration.learners.includes(diskOf(world, 2))
      })
      return led.length
    }
    const full = () => [0, 1].every((id) => learning(id) === 8)
    world.runUntil(full, 5000, "every place is taken", 1)
    replaceDisk(world, 2)
    world.runUntil(
      () => everyPartition(world, "t", 2),
      20_000,
      "the newest disk votes everywhere",
      50,
    )
  })

  test("while its broker is also being reassigned", () => {
    for (const seed of [40, 41, 42]) {
      const world = started(seed, 5)
      createAssigned(world, "t", [[0, 1, 2]])
      for (let i = 0; i < 10; i++) produceTo(world, untilLed(world, "t"), "t", [`v${i}`])
      world.crash(2)
      world.run(1000)
      world.wipe(2)
      expect(reassign(world, 0, "t", [2, 3, 4])).toBe(0)
      world.run(30 * (seed - 40))
      world.start(2)
      untilReplaced(world, 2, "t")
      expect(partitionIn(world, "t").replicas).toEqual([2, 3, 4])
      expect(readAll(world, untilLed(world, "t"), "t").records.length).toBe(10)
    }
  })
})

describe("group 0", () => {
  test("has at most five voters, replaced disks among them", () => {
    const world = started(50, 7)
    replaceDisk(world, 4)
    world.runUntil(() => votesInMetadata(world, 4), 10_000, "the new disk", 20)
    const voters = world.node(0).metadataConfiguration.voters.map(nodeOf)
    expect(sorted(voters)).toEqual([0, 1, 2, 3, 4])
    replaceDisk(world, 6)
    world.runUntil(() => world.node(6).ready, 10_000, "a learner's new disk", 20)
    world.runUntil(
      () => world.node(0).metadataConfiguration.learners.includes(diskOf(world, 6)),
      5000,
      "it learns",
      20,
    )
    expect(sorted(world.node(0).metadataConfiguration.learners.map(nodeOf))).toEqual([5, 6])
  })

  test("survives the leader's disk replaced, then two others lost", () => {
    const world = started(51, 5)
    const leader = world.node(0).status().metadata.leader
    replaceDisk(world, leader)
    world.runUntil(() => votesInMetadata(world, leader), 10_000, "the new disk", 20)
    const [a, b] = [0, 1, 2, 3, 4].filter((id) => id !== leader)
    world.crash(a!)
    world.crash(b!)
    world.run(2000)
    expect(createTopic(world, "t", { at: leader })).toBe(0)
  })
})
