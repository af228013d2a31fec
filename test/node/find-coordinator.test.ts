/**
 * FindCoordinator: who coordinates a group, how its topic comes to be, and who may not touch it.
 */
import { describe, expect, test } from "bun:test"
import { groupPartition } from "../../src/node/coordination/group-partition.ts"
import { ErrorCode } from "../../src/protocol/error-codes.ts"
import { createTopics } from "../../src/protocol/messages/create-topics.ts"
import { describeTopicPartitions } from "../../src/protocol/messages/describe-topic-partitions.ts"
import { findCoordinator } from "../../src/protocol/messages/find-coordinator.ts"
import { metadata } from "../../src/protocol/messages/metadata.ts"
import { createTopic, leaderOf, produceTo } from "../support/clients.ts"
import { World } from "../support/world.ts"

const offsets = "__consumer_offsets"

const started = (seed: number, options: ConstructorParameters<typeof World>[0] = {}) =>
  new World({ ...options, seed }).startAll().untilReady()

const find = (world: World, at: number, keys: ReadonlyArray<string>, keyType = 0, version = 6) =>
  world.call(at, findCoordinator, version, { keyType, coordinatorKeys: keys }).coordinators

const findOne = (world: World, at: number, key: string) => {
  const [coordinator] = find(world, at, [key])
  if (coordinator === undefined) throw new Error("no answer for the key")
  return coordinator
}

/** As clients do: again until it is named. */
const untilFound = (world: World, at: number, key: string) => {
  for (let i = 0; i < 100; i++) {
    const coordinator = findOne(world, at, key)
    if (coordinator.errorCode === ErrorCode.NONE) return coordinator
    expect(coordinator.errorCode).toBe(ErrorCode.COORDINATOR_NOT_AVAILABLE)
    world.run(20)
  }
  throw new Error(`no coordinator for ${key}`)
}

describe("a group's partition", () => {
  // From Java: Utils.abs(groupId.hashCode()) % 50. Hashes below zero are the ones that tell this
  // from other ways to make a number positive; "polygenelubricants" has the hash −2³¹.
  test.each([
    ["", 0],
    ["g", 3],
    ["orders-service", 17],
    ["join-0", 1],
    ["my-group", 12],
    ["zzzzzzzz", 12],
    ["perf-consumer-12345", 0],
    ["polygenelubricants", 0],
    ["grüße", 23],
    ["日本", 47],
    ["😀 group", 6],
  ])("of %p is %p, as Kafka has it", (groupId, partition) => {
    expect(groupPartition(groupId, 50)).toBe(partition)
  })
})

describe("the first question", () => {
  test("is answered at once, and has the topic created as Kafka creates it", () => {
    const world = started(1)
    expect(findOne(world, 1, "g")).toMatchObject({
      key: "g",
      errorCode: ErrorCode.COORDINATOR_NOT_AVAILABLE,
      nodeId: -1,
      host: "",
      port: -1,
    })
    untilFound(world, 1, "g")
    const topic = world.node(2).image.topics.get(offsets)
    expect(topic?.internal).toBe(true)
    expect(topic?.partitions.length).toBe(50)
    expect(new Set(topic?.partitions.map((info) => info.replicas.length))).toEqual(new Set([3]))
    expect(Object.fromEntries(topic?.configs ?? [])).toEqual({
      "cleanup.policy": "compact",
      "compression.type": "producer",
      "segment.bytes": "104857600",
    })
  })

  test("asked of all brokers at once, makes one topic", () => {
    const world = started(2)
    const asked = [0, 1, 2].flatMap((id) =>
      ["a", "b"].map((key) => world.ask(id, findCoordinator, 2, { key })),
    )
    world.runUntil(() => asked.every(({ answer }) => answer !== undefined), 1000)
    for (const key of ["a", "b"]) untilFound(world, 0, key)
    expect(world.node(0).image.topics.size).toBe(1)
    expect(world.lines.filter((line) => line.includes("cannot be created"))).toEqual([])
  })

  test("takes the settings of the broker that is asked", () => {
    const settings = { offsetsTopicNumPartitions: 4, offsetsTopicReplicationFactor: 1 }
    const world = started(3, { nodes: 1, settings })
    untilFound(world, 0, "g")
    const partitions = world.node(0).image.topics.get(offsets)?.partitions ?? []
    expect(partitions.map((info) => info.replicas)).toEqual([[0], [0], [0], [0]])
  })

  test("where replicas cannot be placed: not available, and one line says why", () => {
    const world = started(4, { nodes: 1 })
    for (let i = 0; i < 5; i++) {
      expect(findOne(world, 0, "g").errorCode).toBe(ErrorCode.COORDINATOR_NOT_AVAILABLE)
      world.run(50)
    }
    const told = world.lines.filter((line) => line.includes(`${offsets} cannot be created`))
    expect(told.length).toBe(1)
    expect(told[0]).toContain("Unable to replicate the partition 3 time(s)")
  })
})

describe("the coordinator of a group", () => {
  test("is the leader of its partition, the same at every broker and in every version", () => {
    const world = started(10)
    for (const key of ["g", "join-0", "", "grüße"]) {
      untilFound(world, 0, key)
      const nodeId = leaderOf(world, offsets, groupPartition(key, 50))
      expect(nodeId).toBeGreaterThanOrEqual(0)
      for (const at of [0, 1, 2]) {
        const one = { nodeId, host: "127.0.0.1", port: 9092 + nodeId }
        expect(untilFound(world, at, key)).toMatchObject({ key, errorCode: 0, ...one })
        for (const version of [0, 1, 2, 3]) {
          const found = world.call(at, findCoordinator, version, { key })
          const errorMessage = version === 0 ? found.errorMessage : "NONE"
          expect(found).toMatchObject({ errorCode: 0, errorMessage, ...one })
        }
        for (const version of [4, 5, 6]) {
          expect(find(world, at, [key], 0, version)).toMatchObject([{ key, errorCode: 0, ...one }])
        }
      }
    }
  })

  test("moves with the leader; nobody is named meanwhile who does not live", () => {
    const world = started(11)
    const before = untilFound(world, 0, "g").nodeId
    world.crash(before)
    const other = (before + 1) % 3
    world.runUntil(() => {
      const { errorCode, nodeId } = findOne(world, other, "g")
      return errorCode === ErrorCode.NONE && nodeId !== before
    }, 5000)
    const { partitions } = world.node(other).image.topics.get(offsets)!
    for (const info of partitions) {
      expect(world.node(other).leaderOf(info.group).leader).not.toBe(before)
    }
  })

  test("many keys: each its own answer, in order, echoed, twice when asked twice", () => {
    const world = started(12)
    const keys = ["a", "", "b", "a", "x".repeat(1000)]
    for (const key of keys) untilFound(world, 0, key)
    const found = find(world, 0, keys)
    expect(found.map((one) => one.key)).toEqual(keys)
    expect(new Set(found.map((one) => one.errorCode))).toEqual(new Set([0]))
    expect(find(world, 0, [])).toEqual([])
  })

  test("while one partition has no leader, the groups of the others have their coordinators", () => {
    const settings = { offsetsTopicReplicationFactor: 1 }
    const world = started(13, { settings })
    const lost = untilFound(world, 0, "g").nodeId
    const asked = (lost + 1) % 3
    world.crash(lost)
    world.run(2000)
    const keys = Array.from({ length: 100 }, (_, i) => (i === 0 ? "g" : `group-${i}`))
    const found = find(world, asked, keys)
    expect(found[0]).toMatchObject({
      key: "g",
      errorCode: ErrorCode.COORDINATOR_NOT_AVAILABLE,
      nodeId: -1,
    })
    const named = found.filter((one) => one.errorCode === ErrorCode.NONE)
    expect(named.length).toBeGreaterThan(40)
    expect(named.every((one) => one.nodeId !== lost)).toBe(true)
  })
})

describe("what is not coordinated", () => {
  test("transactional ids: not available, and no topic is made for them", () => {
    const world = started(20)
    for (const version of [4, 5, 6]) {
      const [one] = find(world, 0, ["tx"], 1, version)
      expect(one).toMatchObject({
        key: "tx",
        errorCode: ErrorCode.COORDINATOR_NOT_AVAILABLE,
        nodeId: -1,
        errorMessage: "The coordinator is not available: transactions are not served.",
      })
    }
    const old = world.call(0, findCoordinator, 1, { key: "tx", keyType: 1 })
    expect(old.errorCode).toBe(ErrorCode.COORDINATOR_NOT_AVAILABLE)
    world.run(500)
    expect(world.node(0).image.topics.size).toBe(0)
  })

  test.each([2, 3, 9, -1])("key type %p: INVALID_REQUEST for every key", (keyType) => {
    const world = started(21)
    const found = find(world, 0, ["a", "b"], keyType)
    expect(found.map(({ key, errorCode, nodeId }) => [key, errorCode, nodeId])).toEqual([
      ["a", ErrorCode.INVALID_REQUEST, -1],
      ["b", ErrorCode.INVALID_REQUEST, -1],
    ])
    const old = world.call(0, findCoordinator, 3, { key: "a", keyType })
    expect(old).toMatchObject({ errorCode: ErrorCode.INVALID_REQUEST, nodeId: -1, port: -1 })
    expect(world.node(0).image.topics.size).toBe(0)
  })
})

describe("internal topics", () => {
  test("are not made by asking for their metadata, nor by writing to them", () => {
    const world = started(30)
    for (const name of [offsets, "__transaction_state", "__share_group_state"]) {
      const asked = { topics: [{ name }], allowAutoTopicCreation: true }
      const [topic] = world.call(0, metadata, 12, asked).topics
      expect(topic).toMatchObject({
        errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        isInternal: true,
      })
      expect(produceTo(world, 0, name, ["x"]).errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    }
    world.call(0, metadata, 12, { topics: [{ name: "t" }], allowAutoTopicCreation: true })
    world.run(500)
    expect([...world.node(0).image.topics.keys()]).toEqual(["t"])
  })

  test("are shown as internal, and take no client's records at any broker", () => {
    const world = started(31)
    untilFound(world, 0, "g")
    createTopic(world, "t")
    const { topics } = world.call(1, metadata, 12, { topics: null })
    expect(topics.map(({ name, isInternal }) => [name, isInternal])).toEqual([
      [offsets, true],
      ["t", false],
    ])
    const described = world.call(1, describeTopicPartitions, 0, { topics: [{ name: offsets }] })
    expect(described.topics[0]).toMatchObject({ name: offsets, isInternal: true, errorCode: 0 })
    for (const at of [0, 1, 2]) {
      const { errorCode } = produceTo(world, at, offsets, ["x"])
      expect(errorCode).toBe(ErrorCode.INVALID_TOPIC_EXCEPTION)
    }
    const beyond = produceTo(world, 0, offsets, ["x"], { partition: 50 })
    expect(beyond.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
  })

  test("of another size, made by hand: the groups spread over what is there", () => {
    const world = started(32)
    const topic = { name: offsets, numPartitions: 7, replicationFactor: 3 }
    const made = world.call(0, createTopics, 7, { topics: [topic], timeoutMs: 5000 })
    expect(made.topics[0]?.errorCode).toBe(0)
    for (const key of ["g", "join-0", "my-group"]) {
      const leader = leaderOf(world, offsets, groupPartition(key, 7))
      expect(untilFound(world, 0, key).nodeId).toBe(leader)
    }
  })
})
