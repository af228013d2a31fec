/** Where logs begin: retention by time and size, DeleteRecords, and what replicas make of it. */
import { describe, expect, test } from "bun:test"
import type { Partition } from "../../src/partition/partition.ts"
import { ErrorCode } from "../../src/protocol/error-codes.ts"
import { deleteRecords } from "../../src/protocol/messages/delete-records.ts"
import { describeLogDirs } from "../../src/protocol/messages/describe-log-dirs.ts"
import { fetch } from "../../src/protocol/messages/fetch.ts"
import { incrementalAlterConfigs } from "../../src/protocol/messages/incremental-alter-configs.ts"
import { listOffsets } from "../../src/protocol/messages/list-offsets.ts"
import { produce } from "../../src/protocol/messages/produce.ts"
import { buildBatch } from "../../src/protocol/record.ts"
import {
  askFetch,
  createTopic,
  fetched,
  leaderOf,
  produceRetrying,
  produceTo,
  untilLed,
} from "../support/clients.ts"
import { World } from "../support/world.ts"

const checkMs = 500

function begun(
  configs: Record<string, string>,
  options: ConstructorParameters<typeof World>[0] = {},
) {
  const settings = { retentionCheckIntervalMs: checkMs, ...options.settings }
  const world = new World({ seed: 7, ...options, settings }).startAll().untilReady()
  createTopic(world, "t", { replicas: world.brokers.length, configs })
  const leader = untilLed(world, "t")
  world.run(100)
  return { world, leader }
}

function partitionAt(world: World, at: number): Partition {
  const group = world.node(at).image.topics.get("t")?.partitions[0]?.group
  const partition = group === undefined ? undefined : world.node(at).partition(group)
  if (partition === undefined) throw new Error(`no replica at broker ${at}`)
  return partition
}

const partitions = (world: World) => world.running().map(({ id }) => partitionAt(world, id))

const starts = (world: World) => partitions(world).map(({ logStartOffset }) => logStartOffset)

/** What the logs still hold. */
const firstOffsets = (world: World) =>
  partitions(world).map(({ raftGroup }) => raftGroup.log.firstOffset)

function remove(world: World, at: number, offset: number, version = 2) {
  const response = world.call(at, deleteRecords, version, {
    topics: [{ name: "t", partitions: [{ partitionIndex: 0, offset }] }],
    timeoutMs: 3000,
  })
  return response.topics[0]?.partitions[0]
}

const done = (lowWatermark: number) => ({ partitionIndex: 0, lowWatermark, errorCode: 0 })
const refused = (errorCode: number) => ({ partitionIndex: 0, lowWatermark: -1, errorCode })

function fetchAt(world: World, at: number, offset: number) {
  const asked = askFetch(world, at, "t", offset)
  world.runUntil(() => asked.answer !== undefined, 10_000, "the answer of Fetch")
  return fetched(asked)
}

function offsetAt(world: World, at: number, timestamp: number) {
  const response = world.call(at, listOffsets, 7, {
    replicaId: -1,
    topics: [{ name: "t", partitions: [{ partitionIndex: 0, timestamp }] }],
  })
  return response.topics[0]?.partitions[0]?.offset
}

const outOfRange = { errorCode: ErrorCode.OFFSET_OUT_OF_RANGE, records: [] }

describe("retention.ms", () => {
  test("takes off what is too old, on every replica, and keeps the rest", () => {
    const { world, leader } = begun({ "retention.ms": "5000" })
    produceTo(world, leader, "t", ["a", "b"])
    world.run(3000)
    produceTo(world, leader, "t", ["c"])
    world.run(1500)
    expect(starts(world)).toEqual([0, 0, 0])
    world.run(2000)
    expect(starts(world)).toEqual([2, 2, 2])
    expect(firstOffsets(world)).toEqual([2, 2, 2])
    expect(fetchAt(world, leader, 1)).toMatchObject(outOfRange)
    expect(fetchAt(world, leader, 2)?.records).toEqual([{ offset: 2, value: "c" }])
    expect(offsetAt(world, leader, -2)).toBe(2)
    world.run(4000)
    expect(starts(world)).toEqual([3, 3, 3])
    expect(partitions(world).map(({ sizeBytes }) => sizeBytes < 100)).toEqual([true, true, true])
    expect(produceTo(world, leader, "t", ["d"])).toMatchObject({ errorCode: 0, baseOffset: 3 })
    expect(fetchAt(world, leader, 3)?.records).toEqual([{ offset: 3, value: "d" }])
  })

  test("goes by the records' own time, but not before they were here for a round", () => {
    const { world, leader } = begun({ "retention.ms": "5000" })
    const records = buildBatch({ records: [{ value: Buffer.from("old"), timestamp: 1000 }] })
    world.call(leader, produce, 9, {
      acks: -1,
      timeoutMs: 5000,
      topicData: [{ name: "t", partitionData: [{ index: 0, records }] }],
    })
    expect(fetchAt(world, leader, 0)?.records).toEqual([{ offset: 0, value: "old" }])
    world.run(checkMs - 50)
    expect(starts(world)).toEqual([0, 0, 0])
    world.run(checkMs * 2)
    expect(starts(world)).toEqual([1, 1, 1])
  })

  test("of −1 keeps everything, and so does a topic that is only compacted", () => {
    for (const configs of [
      { "retention.ms": "-1" },
      { "retention.ms": "1000", "cleanup.policy": "compact" },
    ]) {
      const { world } = begun(configs)
      const group = partitionAt(world, 0).raftGroup
      world.run(20_000)
      expect(group.log.cut.index).toBe(0)
      expect(partitionAt(world, 0).logStartOffset).toBe(0)
    }
  })

  test("holds from the moment it is altered, for a topic or for all brokers", () => {
    for (const [resourceType, resourceName, name] of [
      [2, "t", "retention.ms"],
      [4, "", "log.retention.ms"],
    ] as const) {
      const { world, leader } = begun({})
      produceTo(world, leader, "t", ["a", "b"])
      world.run(5000)
      expect(starts(world)).toEqual([0, 0, 0])
      const configs = [{ name, configOperation: 0, value: "2000" }]
      const altered = world.call(leader, incrementalAlterConfigs, 1, {
        resources: [{ resourceType, resourceName, configs }],
      })
      expect(altered.responses[0]?.errorCode).toBe(ErrorCode.NONE)
      world.run(1000)
      expect(starts(world)).toEqual([2, 2, 2])
    }
  })

  test("is carried on by the next leader, and a restart begins where the log did", () => {
    const { world, leader } = begun({ "retention.ms": "4000" })
    for (let i = 0; i < 5; i++) {
      produceTo(world, leader, "t", [`v${i}`])
      world.run(1000)
    }
    world.crash(leader)
    world.runUntil(() => leaderOf(world, "t") >= 0, 10_000, "another leader", 50)
    world.run(2500)
    const [start = 0] = starts(world)
    expect(start).toBeGreaterThan(1)
    world.start(leader)
    world.untilReady()
    world.run(1000)
    expect(new Set(starts(world)).size).toBe(1)
    for (const { id } of world.brokers) world.crash(id)
    for (const { id } of world.brokers) world.start(id)
    world.untilReady(10_000)
    for (const at of starts(world)) expect(at).toBeGreaterThanOrEqual(start)
  })
})

describe("retention.bytes", () => {
  test("keeps at least so much, and no batch more than it must", () => {
    const { world, leader } = begun({ "retention.bytes": "1000" })
    for (let i = 0; i < 20; i++) produceTo(world, leader, "t", ["x".repeat(132)])
    const size = (fetchAt(world, leader, 0)?.records.length ?? 0) > 0
    expect(size).toBe(true)
    world.run(3000)
    for (const { sizeBytes } of partitions(world)) {
      expect(sizeBytes).toBeGreaterThanOrEqual(1000)
      expect(sizeBytes).toBeLessThan(1000 + 250)
    }
    expect(new Set(starts(world)).size).toBe(1)
    expect(fetchAt(world, leader, 0)).toMatchObject(outOfRange)
  })

  test("and retention.ms take off what either lets go", () => {
    const { world, leader } = begun({ "retention.bytes": "1000", "retention.ms": "60000" })
    for (let i = 0; i < 20; i++) produceTo(world, leader, "t", ["x".repeat(132)])
    world.run(2000)
    const bySize = starts(world)[0] ?? 0
    expect(bySize).toBeGreaterThan(10)
    world.run(60_000)
    expect(starts(world)).toEqual([20, 20, 20])
  })
})

describe("DeleteRecords", () => {
  test("inside a batch: the start is exact, the batch stays, a read begins with it", () => {
    const { world, leader } = begun({})
    produceTo(world, leader, "t", ["a", "b"])
    produceTo(world, leader, "t", ["c", "d", "e"])
    expect(remove(world, leader, 3)).toEqual(done(3))
    world.run(500)
    expect(starts(world)).toEqual([3, 3, 3])
    expect(firstOffsets(world)).toEqual([2, 2, 2])
    expect(fetchAt(world, leader, 2)).toMatchObject(outOfRange)
    const read = fetchAt(world, leader, 3)
    expect(read?.records.map(({ offset }) => offset)).toEqual([2, 3, 4])
    expect(offsetAt(world, leader, -2)).toBe(3)
    expect(offsetAt(world, leader, 0)).toBe(3)
    expect(offsetAt(world, leader, -3)).toBe(3)
  })

  test("to the watermark, below the start, beyond the end, below −1", () => {
    const { world, leader } = begun({})
    for (const value of ["a", "b", "c"]) produceTo(world, leader, "t", [value])
    for (const version of [0, 1, 2]) {
      expect(remove(world, leader, version, version)).toEqual(done(version))
    }
    expect(remove(world, leader, 1)).toEqual(done(2))
    expect(remove(world, leader, 4)).toEqual(refused(ErrorCode.OFFSET_OUT_OF_RANGE))
    expect(remove(world, leader, -2)).toEqual(refused(ErrorCode.OFFSET_OUT_OF_RANGE))
    expect(remove(world, leader, -1)).toEqual(done(3))
    world.run(500)
    expect(firstOffsets(world)).toEqual([3, 3, 3])
    expect(offsetAt(world, leader, -1)).toBe(3)
    expect(offsetAt(world, leader, -3)).toBe(-1)
    const produced = world.call(leader, produce, 9, {
      acks: -1,
      timeoutMs: 5000,
      topicData: [
        {
          name: "t",
          partitionData: [{ index: 0, records: buildBatch({ records: [{ value: null }] }) }],
        },
      ],
    })
    const answer = produced.responses[0]?.partitionResponses[0]
    expect(answer).toMatchObject({ errorCode: 0, baseOffset: 3, logStartOffset: 3 })
    const read = world.call(leader, fetch, 12, {
      maxWaitMs: 0,
      minBytes: 1,
      maxBytes: 1000,
      topics: [
        { topic: "t", partitions: [{ partition: 0, fetchOffset: 3, partitionMaxBytes: 1000 }] },
      ],
    })
    expect(read.responses[0]?.partitions[0]).toMatchObject({ errorCode: 0, logStartOffset: 3 })
  })

  test("is refused where the topic keeps its records, by followers, and for what is not there", () => {
    const { world, leader } = begun({ "cleanup.policy": "compact" })
    expect(remove(world, leader, 0)).toEqual(refused(ErrorCode.POLICY_VIOLATION))
    const follower = (leader + 1) % 3
    expect(remove(world, follower, 0)).toEqual(refused(ErrorCode.NOT_LEADER_OR_FOLLOWER))
    const response = world.call(leader, deleteRecords, 2, {
      topics: [
        { name: "nobody", partitions: [{ partitionIndex: 0, offset: 0 }] },
        { name: "t", partitions: [{ partitionIndex: 5, offset: 0 }] },
      ],
      timeoutMs: 1000,
    })
    const codes = response.topics.map(({ partitions: [one] }) => one?.errorCode)
    const unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    expect(codes).toEqual([unknown, unknown])
  })

  test("without a majority is not confirmed; a deposed leader refuses no offset", () => {
    const { world, leader } = begun({})
    produceTo(world, leader, "t", ["a", "b"])
    world.isolate(leader)
    const topics = [{ name: "t", partitions: [{ partitionIndex: 0, offset: 1 }] }]
    const patient = world.ask(leader, deleteRecords, 2, { topics, timeoutMs: 10_000 })
    const soon = world.call(leader, deleteRecords, 2, { topics, timeoutMs: 100 })
    const timedOut = { lowWatermark: 0, errorCode: ErrorCode.REQUEST_TIMED_OUT }
    expect(soon.topics[0]?.partitions[0]).toMatchObject(timedOut)
    expect(remove(world, leader, 5)).toEqual(refused(ErrorCode.NOT_LEADER_OR_FOLLOWER))
    expect(remove(world, leader, 1)).toEqual(refused(ErrorCode.NOT_LEADER_OR_FOLLOWER))
    const lost = { topics: [{ partitions: [refused(ErrorCode.NOT_LEADER_OR_FOLLOWER)] }] }
    expect(patient.answer).toMatchObject(lost)
    world.heal()
    world.run(3000)
    expect(new Set(starts(world)).size).toBe(1)
  })

  test("survives its leader, and a restart of everybody", () => {
    const { world, leader } = begun({})
    for (let i = 0; i < 4; i++) produceTo(world, leader, "t", [`v${i}`])
    expect(remove(world, leader, 3)).toEqual(done(3))
    world.crash(leader)
    world.run(3000)
    const next = untilLed(world, "t")
    expect(offsetAt(world, next, -2)).toBe(3)
    expect(fetchAt(world, next, 2)).toMatchObject(outOfRange)
    world.start(leader)
    world.untilReady()
    for (const { id } of world.brokers) world.crash(id)
    for (const { id } of world.brokers) world.start(id)
    world.untilReady(10_000)
    world.runUntil(() => starts(world).every((at) => at === 3), 5000, "every start", 50)
  })

  test("a long log is cut a little at a time, and is read right meanwhile", () => {
    const { world, leader } = begun({}, { nodes: 1 })
    for (let i = 0; i < 12; i++) {
      for (let n = 0; n < 790; n++) {
        world.ask(leader, produce, 9, {
          acks: 1,
          timeoutMs: 5000,
          topicData: [
            {
              name: "t",
              partitionData: [{ index: 0, records: buildBatch({ records: [{ value: null }] }) }],
            },
          ],
        })
      }
      world.run(50)
    }
    expect(partitionAt(world, 0).highWatermark).toBe(9_480)
    expect(remove(world, leader, 9_470)).toEqual(done(9_470))
    expect(firstOffsets(world)).toEqual([0])
    expect(fetchAt(world, leader, 9_469)).toMatchObject(outOfRange)
    expect(fetchAt(world, leader, 9_470)?.records.length).toBe(10)
    world.run(100)
    expect(firstOffsets(world)).toEqual([9_470])
  })
})

function fill(world: World, from: number, to: number): void {
  for (let i = from; i < to; i++) produceRetrying(world, "t", [`v${i}`])
}

describe("who was away", () => {
  test("a slow follower goes on behind what was taken off", () => {
    const { world, leader } = begun({})
    fill(world, 0, 5)
    const slow = (leader + 1) % 3
    world.isolate(slow)
    fill(world, 5, 10)
    expect(remove(world, leader, 8)).toEqual(done(8))
    world.run(1000)
    expect(partitionAt(world, leader).raftGroup.log.firstOffset).toBe(8)
    expect(partitionAt(world, slow).logStartOffset).toBe(0)
    world.heal()
    world.runUntil(() => partitionAt(world, slow).highWatermark === 10, 10_000, "the follower", 50)
    world.run(500)
    expect(starts(world)).toEqual([8, 8, 8])
    expect(fetchAt(world, slow, 7)).toMatchObject(outOfRange)
    expect(fetchAt(world, slow, 8)?.records.map(({ value }) => value)).toEqual(["v8", "v9"])
  })

  test("nobody who follows closely needs a snapshot for what is deleted under it", () => {
    const { world, leader } = begun({}, { latencyMs: [10, 40] })
    const records = buildBatch({ records: [{ value: null }] })
    for (let i = 0; i < 40; i++) {
      world.ask(leader, produce, 9, {
        acks: 1,
        timeoutMs: 5000,
        topicData: [{ name: "t", partitionData: [{ index: 0, records: records.slice() }] }],
      })
      if (i % 4 === 0) {
        const topics = [{ name: "t", partitions: [{ partitionIndex: 0, offset: -1 }] }]
        world.ask(leader, deleteRecords, 2, { topics, timeoutMs: 5000 })
      }
      world.run(15)
    }
    world.run(1000)
    expect(remove(world, leader, -1)).toEqual(done(40))
    world.run(500)
    expect(firstOffsets(world)).toEqual([40, 40, 40])
    expect(world.lines.filter((line) => line.includes("from a snapshot"))).toEqual([])
  })

  test("a new disk gets the state at the cut and what is left", () => {
    const { world, leader } = begun({})
    fill(world, 0, 10)
    expect(remove(world, leader, 6)).toEqual(done(6))
    world.run(1000)
    const gone = (leader + 1) % 3
    world.crash(gone)
    world.wipe(gone)
    world.start(gone)
    world.runUntil(
      () => world.node(gone).ready && partitionAt(world, gone).highWatermark === 10,
      30_000,
      "the new disk",
      100,
    )
    world.run(500)
    expect(starts(world)).toEqual([6, 6, 6])
    expect(fetchAt(world, gone, 6)?.records.map(({ offset }) => offset)).toEqual([6, 7, 8, 9])
  })
})

test("DescribeLogDirs tells what the batches of a replica take, and leaves out what is not here", () => {
  const { world, leader } = begun({})
  const ask = (
    topics: ReadonlyArray<{ topic: string; partitions: ReadonlyArray<number> }> | null,
  ) => world.call(leader, describeLogDirs, 5, { topics })
  const size = buildBatch({ records: [{ value: Buffer.from("abc") }] }).length
  for (let i = 0; i < 3; i++) produceTo(world, leader, "t", ["abc"])
  const expected = {
    name: "t",
    partitions: [{ partitionIndex: 0, partitionSize: 3 * size, offsetLag: 0, isFutureKey: false }],
  }
  const named = ask([
    { topic: "t", partitions: [0, 7] },
    { topic: "nobody", partitions: [0] },
  ])
  expect(named.results[0]?.topics).toEqual([expected])
  expect(ask(null).results[0]?.topics).toEqual([expected])
  expect(ask([]).results[0]?.topics).toEqual([])
})
