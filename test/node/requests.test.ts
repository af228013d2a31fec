/**
 * What the recorded exchanges cannot ask: waiting, failing over, followers, deposed leaders,
 * bounds.
 */
import { describe, expect, test } from "bun:test"
import { createPartitions } from "../../src/protocol/messages/create-partitions.ts"
import { createTopics } from "../../src/protocol/messages/create-topics.ts"
import { deleteTopics } from "../../src/protocol/messages/delete-topics.ts"
import { describeCluster } from "../../src/protocol/messages/describe-cluster.ts"
import { fetch } from "../../src/protocol/messages/fetch.ts"
import { initProducerId } from "../../src/protocol/messages/init-producer-id.ts"
import { listOffsets } from "../../src/protocol/messages/list-offsets.ts"
import { metadata } from "../../src/protocol/messages/metadata.ts"
import { offsetForLeaderEpoch } from "../../src/protocol/messages/offset-for-leader-epoch.ts"
import { produce } from "../../src/protocol/messages/produce.ts"
import { ErrorCode } from "../../src/protocol/error-codes.ts"
import { buildBatch } from "../../src/protocol/record.ts"
import {
  askFetch,
  askProduce,
  createTopic,
  fetched,
  leaderOf,
  newProducerId,
  produced,
  produceRetrying,
  produceTo,
  readAll,
  untilLed,
} from "../support/clients.ts"
import { World } from "../support/world.ts"

const started = (seed: number, options: ConstructorParameters<typeof World>[0] = {}) =>
  new World({ ...options, seed }).startAll().untilReady()

const withTopic = (seed: number, partitions = 1, configs: Record<string, string> = {}) => {
  const world = started(seed)
  createTopic(world, "t", { partitions, configs })
  world.run(50)
  return { world, leader: leaderOf(world, "t") }
}

const partitionOf = (world: World, at: number, index = 0) => {
  const group = world.node(at).image.topics.get("t")?.partitions[index]?.group
  const partition = group === undefined ? undefined : world.node(at).partition(group)
  if (partition === undefined) throw new Error("no such partition there")
  return partition
}

describe("Fetch waits", () => {
  test("until a record is committed, and no longer", () => {
    const { world, leader } = withTopic(1)
    const beganMs = world.nowMs
    const waiting = askFetch(world, leader, "t", 0, { maxWaitMs: 5000 })
    world.run(200)
    expect(waiting.answer).toBeUndefined()
    produceTo(world, leader, "t", ["x"])
    world.run(20)
    expect(fetched(waiting)?.records).toEqual([{ offset: 0, value: "x" }])
    expect(waiting.answeredMs - beganMs).toBeLessThan(260)
  })

  test("until its time is over, and then answers empty", () => {
    const { world, leader } = withTopic(2)
    const beganMs = world.nowMs
    const waiting = askFetch(world, leader, "t", 0, { maxWaitMs: 300 })
    world.run(1000)
    expect(fetched(waiting)).toMatchObject({ errorCode: 0, records: [] })
    expect(waiting.answeredMs - beganMs).toBeGreaterThanOrEqual(300)
    expect(waiting.answeredMs - beganMs).toBeLessThan(350)
  })

  test("for min_bytes, but never for more than it may carry", () => {
    const { world, leader } = withTopic(3)
    const waiting = askFetch(world, leader, "t", 0, { maxWaitMs: 5000, minBytes: 300 })
    for (let i = 0; i < 3; i++) produceTo(world, leader, "t", ["1234567890"])
    expect(waiting.answer).toBeUndefined()
    for (let i = 0; i < 3; i++) produceTo(world, leader, "t", ["1234567890"])
    world.run(20)
    expect(fetched(waiting)?.records.length).toBeGreaterThanOrEqual(4)
    const capped = world.ask(leader, fetch, 12, {
      maxWaitMs: 5000,
      minBytes: 1_000_000,
      maxBytes: 50 << 20,
      topics: [
        { topic: "t", partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 100 }] },
      ],
    })
    expect(capped.answer).toBeDefined()
  })

  test("and is answered at once when the leader goes", () => {
    const { world, leader } = withTopic(4)
    const waiting = world.ask(leader, fetch, 12, {
      maxWaitMs: 30_000,
      minBytes: 1,
      topics: [
        {
          topic: "t",
          partitions: [
            {
              partition: 0,
              fetchOffset: 0,
              partitionMaxBytes: 100,
              currentLeaderEpoch: partitionOf(world, leader).leaderEpoch,
            },
          ],
        },
      ],
    })
    world.isolate(leader)
    world.run(4000)
    world.heal()
    world.run(2000)
    expect(waiting.answer).toMatchObject({
      responses: [{ partitions: [{ errorCode: ErrorCode.FENCED_LEADER_EPOCH }] }],
    })
  })

  test("a cancelled one is forgotten", () => {
    const { world, leader } = withTopic(5)
    const node = world.node(leader)
    askFetch(world, leader, "t", 0, { maxWaitMs: 1000 })
    expect(node.status().requestsWaiting).toBe(1)
    for (const token of world.brokers[leader]!.answers.keys()) node.cancel(token)
    expect(node.status().requestsWaiting).toBe(0)
  })
})

describe("Fetch reads", () => {
  test("partitions in the order asked, at least one batch, then only what fits", () => {
    const { world } = withTopic(10, 6)
    const mine = [0, 1, 2, 3, 4, 5].filter((p) => leaderOf(world, "t", p) === 0)
    expect(mine.length).toBe(2)
    for (const partition of mine) produceTo(world, 0, "t", ["x".repeat(500)], { partition })
    const ask = (order: ReadonlyArray<number>, maxBytes: number) =>
      world.call(0, fetch, 12, {
        maxWaitMs: 0,
        maxBytes,
        topics: [
          {
            topic: "t",
            partitions: order.map((partition) => ({
              partition,
              fetchOffset: 0,
              partitionMaxBytes: 10_000,
            })),
          },
        ],
      })
    const sizes = (answer: ReturnType<typeof ask>) =>
      answer.responses[0]?.partitions.map((partition) => partition.records?.length ?? -1)
    const [small, both] = [sizes(ask(mine, 1)), sizes(ask(mine.toReversed(), 10_000))]
    // Room for one and a half: the second one is left out, not cut.
    expect(sizes(ask(mine, 850))?.[1]).toBe(0)
    expect(small?.[0]).toBeGreaterThan(500)
    expect(small?.[1]).toBe(0)
    expect(both?.every((size) => size > 500)).toBe(true)
  })

  test("from followers since version 11, never above what they know to be committed", () => {
    const { world, leader } = withTopic(11)
    produceTo(world, leader, "t", ["a"])
    world.run(300)
    const follower = (leader + 1) % 3
    expect(fetched(askFetch(world, follower, "t", 0, { version: 10 }))?.errorCode).toBe(6)
    expect(fetched(askFetch(world, follower, "t", 0, { version: 11 }))?.records.length).toBe(1)
    expect(fetched(askFetch(world, follower, "t", 1, { version: 11 }))).toMatchObject({
      errorCode: 0,
      records: [],
    })
    expect(fetched(askFetch(world, follower, "t", 50, { version: 11 }))?.errorCode).toBe(78)
    const pastEnd = askFetch(world, leader, "t", 50)
    world.runUntil(() => pastEnd.answer !== undefined, 100)
    expect(fetched(pastEnd)?.errorCode).toBe(ErrorCode.OFFSET_OUT_OF_RANGE)
  })

  test("a deposed leader that does not know it yet calls no position past the end", () => {
    const { world, leader } = withTopic(13)
    produceTo(world, leader, "t", ["a"])
    world.isolate(leader)
    // What a client holds that has read from the next leader already.
    const ahead = askFetch(world, leader, "t", 5)
    const epochs = world.ask(leader, offsetForLeaderEpoch, 4, {
      topics: [{ topic: "t", partitions: [{ partition: 0, leaderEpoch: 1 }] }],
    })
    world.run(3000)
    expect(fetched(ahead)?.errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER)
    const { answer } = epochs
    if (answer === undefined || typeof answer === "string") throw new Error("no answer")
    expect(answer.topics[0]?.partitions[0]?.errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER)
  })

  test("tells a client where its log diverged (KIP-595)", () => {
    const { world, leader } = withTopic(12)
    produceTo(world, leader, "t", ["a", "b"])
    const old = partitionOf(world, leader).leaderEpoch
    world.crash(leader)
    const next = untilLed(world, "t")
    produceTo(world, next, "t", ["c"])
    const answer = world.call(next, fetch, 12, {
      maxWaitMs: 0,
      topics: [
        {
          topic: "t",
          partitions: [
            { partition: 0, fetchOffset: 9, lastFetchedEpoch: old, partitionMaxBytes: 100 },
            { partition: 0, fetchOffset: 2, lastFetchedEpoch: old, partitionMaxBytes: 100 },
          ],
        },
      ],
    })
    const [outside, diverged] = [
      answer.responses[0]?.partitions[0],
      answer.responses[0]?.partitions[1],
    ]
    expect(outside?.errorCode).toBe(ErrorCode.OFFSET_OUT_OF_RANGE)
    expect(diverged).toMatchObject({ errorCode: 0, divergingEpoch: { epoch: -1 } })
    const epochs = world.call(next, offsetForLeaderEpoch, 4, {
      topics: [{ topic: "t", partitions: [{ partition: 0, leaderEpoch: old }] }],
    })
    expect(epochs.topics[0]?.partitions[0]).toMatchObject({ leaderEpoch: old, endOffset: 2 })
  })
})

describe("Produce", () => {
  test("pipelined batches of one connection keep their order", () => {
    const { world, leader } = withTopic(20)
    const asked = Array.from({ length: 50 }, (_, i) => askProduce(world, leader, "t", [`${i}`]))
    world.run(200)
    expect(asked.map((ask) => produced(ask)?.baseOffset)).toEqual(asked.map((_, i) => i))
  })

  test("acks=0 has no answer, and an error ends the connection", () => {
    const { world, leader } = withTopic(21)
    expect(askProduce(world, leader, "t", ["x"], { acks: 0 }).answer).toBe("none")
    expect(askProduce(world, (leader + 1) % 3, "t", ["x"], { acks: 0 }).answer).toBe("closed")
    world.run(50)
    expect(readAll(world, leader, "t").records.length).toBe(1)
  })

  test("acks=1 answers before the commit, acks=all after it", () => {
    const world = started(22, { latencyMs: [40, 40], fsyncMs: [1, 1] })
    createTopic(world, "t")
    const leader = leaderOf(world, "t")
    const beganMs = world.nowMs
    const one = askProduce(world, leader, "t", ["x"], { acks: 1 })
    const all = askProduce(world, leader, "t", ["y"], { acks: -1 })
    world.runUntil(() => all.answer !== undefined, 1000)
    expect(one.answeredMs - beganMs).toBeLessThan(10)
    expect(all.answeredMs - beganMs).toBeGreaterThanOrEqual(80)
  })

  test("fewer in sync than min.insync.replicas: refused before the append", () => {
    const { world, leader } = withTopic(23, 1, { "min.insync.replicas": "3" })
    produceTo(world, leader, "t", ["a"])
    world.crash((leader + 1) % 3)
    world.run(1500)
    expect(produceTo(world, leader, "t", ["b"]).errorCode).toBe(ErrorCode.NOT_ENOUGH_REPLICAS)
    expect(produceTo(world, leader, "t", ["c"], { acks: 1 }).errorCode).toBe(0)
    world.run(50)
    expect(readAll(world, leader, "t").records.map((r) => r.value)).toEqual(["a", "c"])
  })

  test("a retry through a leader change gets the first one's offset", () => {
    const { world, leader } = withTopic(24)
    const producerId = newProducerId(world, leader)
    const once = { producerId, producerEpoch: 0, baseSequence: 0 }
    expect(produceTo(world, leader, "t", ["x"], once)).toMatchObject({
      errorCode: 0,
      baseOffset: 0,
    })
    world.crash(leader)
    expect(produceRetrying(world, "t", ["x"], once)).toMatchObject({ errorCode: 0, baseOffset: 0 })
    expect(readAll(world, untilLed(world, "t"), "t").records.length).toBe(1)
  })

  test("elsewhere: the hint names the leader, its epoch and its address", () => {
    const { world, leader } = withTopic(25)
    const records = buildBatch({ records: [{ value: Buffer.from("x"), timestamp: world.nowMs }] })
    const answer = world.call((leader + 1) % 3, produce, 12, {
      acks: -1,
      timeoutMs: 100,
      topicData: [{ name: "t", partitionData: [{ index: 0, records }] }],
    })
    const leaderEpoch = partitionOf(world, leader).leaderEpoch
    expect(answer.responses[0]?.partitionResponses[0]).toMatchObject({
      errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER,
      currentLeader: { leaderId: leader, leaderEpoch },
    })
    expect(answer.nodeEndpoints).toEqual([
      { nodeId: leader, host: "127.0.0.1", port: 9092 + leader, rack: null },
    ])
  })
})

const askOffset = (world: World, at: number, timestamp: number, timeoutMs = 1000) =>
  world.ask(at, listOffsets, 10, {
    timeoutMs,
    topics: [{ name: "t", partitions: [{ partitionIndex: 0, timestamp }] }],
  })

describe("ListOffsets", () => {
  test("a deposed leader that does not know it yet tells no end", () => {
    const { world, leader } = withTopic(30)
    produceTo(world, leader, "t", ["a"])
    world.isolate(leader)
    const stale = askOffset(world, leader, -1)
    world.run(3000)
    const { answer } = stale
    if (answer === undefined || typeof answer === "string") throw new Error("no answer")
    expect([6, 7]).toContain(answer.topics[0]!.partitions[0]!.errorCode)
  })

  test("by time: the first record at or after it", () => {
    const { world, leader } = withTopic(31)
    const records = buildBatch({
      records: [10, 20, 30, 25].map((timestamp) => ({ value: Buffer.from("x"), timestamp })),
    })
    world.call(leader, produce, 9, {
      acks: -1,
      timeoutMs: 1000,
      topicData: [{ name: "t", partitionData: [{ index: 0, records }] }],
    })
    const found = (timestamp: number) => {
      const asked = askOffset(world, leader, timestamp)
      world.runUntil(() => asked.answer !== undefined, 1000)
      const { answer } = asked
      if (answer === undefined || typeof answer === "string") throw new Error("no answer")
      const { offset, timestamp: at } = answer.topics[0]!.partitions[0]!
      return [offset, at]
    }
    expect(found(5)).toEqual([0, 10])
    expect(found(21)).toEqual([2, 30])
    expect(found(31)).toEqual([-1, -1])
    expect(found(-3)).toEqual([2, 30])
  })
})

describe("topics", () => {
  test("asked for in Metadata they are made, if the client allows it", () => {
    const world = started(40)
    const ask = (allowAutoTopicCreation: boolean, version = 12) =>
      world.call(1, metadata, version, { topics: [{ name: "made" }], allowAutoTopicCreation })
    expect(ask(false).topics[0]?.errorCode).toBe(3)
    world.run(500)
    expect(ask(true).topics[0]?.errorCode).toBe(3)
    world.run(500)
    expect(ask(false).topics[0]).toMatchObject({ errorCode: 0, name: "made" })
    expect(ask(false).topics[0]?.partitions[0]?.leaderId).toBeGreaterThanOrEqual(0)
  })

  test("deleted they are gone everywhere, and come back as others", () => {
    const { world, leader } = withTopic(41)
    produceTo(world, leader, "t", ["a"])
    const id = world.node(0).image.topics.get("t")?.id ?? ""
    const gone = world.call(2, deleteTopics, 6, { topics: [{ name: "t" }], timeoutMs: 5000 })
    expect(gone.responses[0]).toMatchObject({ name: "t", topicId: id, errorCode: 0 })
    world.run(100)
    for (const { id: at } of world.brokers) expect(leaderOf(world, "t", 0, at)).toBe(-1)
    expect(createTopic(world, "t")).toBe(0)
    const next = leaderOf(world, "t")
    expect(readAll(world, next, "t").records).toEqual([])
    const records = buildBatch({ records: [{ value: Buffer.from("x"), timestamp: world.nowMs }] })
    const answer = world.call(next, produce, 13, {
      acks: -1,
      timeoutMs: 100,
      topicData: [{ topicId: id, partitionData: [{ index: 0, records }] }],
    })
    expect(answer.responses[0]?.partitionResponses[0]?.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_ID)
  })

  test("deleted while a broker is down, their logs go when it is back", () => {
    const { world, leader } = withTopic(42)
    produceTo(world, leader, "t", ["a"])
    world.run(100)
    const down = (leader + 1) % 3
    const group = partitionOf(world, leader).info.group
    world.crash(down)
    world.run(1000)
    world.call(leader, deleteTopics, 6, { topics: [{ name: "t" }], timeoutMs: 5000 })
    world.start(down)
    world.untilReady()
    expect(world.brokers[down]!.wal.groups()).not.toContain(group)
  })

  test("grow, and the new partitions are led when the answer comes", () => {
    const { world } = withTopic(43)
    const answer = world.call(1, createPartitions, 3, {
      topics: [{ name: "t", count: 4, assignments: null }],
      timeoutMs: 5000,
    })
    expect(answer.results).toEqual([{ name: "t", errorCode: 0, errorMessage: null }])
    for (let partition = 0; partition < 4; partition++) {
      expect(leaderOf(world, "t", partition, 1)).toBeGreaterThanOrEqual(0)
    }
  })

  test("a forwarded request whose link breaks is decided once", () => {
    for (let seed = 0; seed < 20; seed++) {
      const world = started(60 + seed, { latencyMs: [5, 9] })
      const controller = world.node(0).status().metadata.leader
      const asker = (controller + 1) % 3
      const asked = world.ask(asker, createTopics, 7, {
        topics: [{ name: "t", numPartitions: 1, replicationFactor: 3 }],
        timeoutMs: 5000,
      })
      world.run(2 + seed)
      world.resetLink(controller, asker)
      world.runUntil(() => asked.answer !== undefined, 6000)
      expect(asked.answer).toMatchObject({ topics: [{ name: "t", errorCode: 0 }] })
    }
  })
})

describe("cluster", () => {
  test("producer ids are given once in the whole cluster, also after restarts", () => {
    const world = started(50)
    const ids: number[] = []
    for (let i = 0; i < 30; i++) ids.push(newProducerId(world, i % 3))
    world.crash(1)
    world.start(1)
    world.untilReady()
    for (let i = 0; i < 5; i++) ids.push(newProducerId(world, 1))
    expect(new Set(ids).size).toBe(ids.length)
    const transactional = world.call(0, initProducerId, 4, {
      transactionalId: "tx",
      transactionTimeoutMs: 60_000,
    })
    expect(transactional.errorCode).toBe(ErrorCode.COORDINATOR_NOT_AVAILABLE)
  })

  test("a lost broker is listed no more, a fenced one on demand; the controller is one that lives", () => {
    const world = started(51)
    const controller = world.node(0).controllerId
    world.crash(controller)
    world.run(2000)
    const at = (controller + 1) % 3
    const seen = world.call(at, metadata, 12, { topics: [] })
    expect(seen.brokers.map((broker) => broker.nodeId)).not.toContain(controller)
    expect(seen.brokers.map((broker) => broker.nodeId)).toContain(seen.controllerId)
    const all = world.call(at, describeCluster, 2, { includeFencedBrokers: true })
    expect(all.brokers.filter((broker) => broker.isFenced).map((b) => b.brokerId)).toEqual([
      controller,
    ])
    world.start(controller)
    world.untilReady()
    world.run(500)
    expect(world.call(at, metadata, 12, { topics: [] }).brokers.length).toBe(3)
  })

  test("what is not offered is refused", () => {
    const node = started(52).node(0)
    expect(node.served(0, 2)).toBe("unsupportedVersion")
    expect(node.served(0, 3)).toBe("served")
    expect(node.served(1, 19)).toBe("unsupportedVersion")
    expect(node.served(10, 7)).toBe("unsupportedVersion")
    expect(node.served(24, 0)).toBe("unknownApi")
  })
})
