import { describe, expect, test } from "bun:test"
import { crc32c } from "../../raft/index.ts"
import type { Message } from "../../raft/index.ts"
import { CorruptEntry } from "../../storage/wal.ts"
import { ErrorCode } from "../../src/protocol/error-codes.ts"
import { crcFrom, readBatchHeader } from "../../src/protocol/record-batch.ts"
import { memberOf, TestCluster } from "./cluster.ts"
import { consume } from "./log-dump.ts"

const ok = { errorCode: ErrorCode.NONE, logAppendTimeMs: -1, logStartOffset: 0 }

describe("append and read", () => {
  test("acks=all is answered after the commit, and every replica serves it", () => {
    const cluster = new TestCluster()
    const leader = cluster.elect(0)
    const records = [{ value: "a" }, { value: "b" }]
    expect(cluster.produced(leader, { records })).toEqual({ ...ok, baseOffset: 0 })
    expect(cluster.produced(leader, { records })).toEqual({ ...ok, baseOffset: 2 })
    expect(leader.highWatermark).toBe(4)
    cluster.tick(4)
    for (const node of [0, 1, 2]) {
      expect(consume(cluster.at(node)).map(({ value }) => value)).toEqual(["a", "b", "a", "b"])
      expect(cluster.at(node).highWatermarkKnown).toBe(true)
    }
  })

  test("the batch carries its offset and the epoch of its leader", () => {
    const cluster = new TestCluster()
    const leader = cluster.elect(0)
    cluster.produced(leader)
    cluster.produced(leader)
    const { batches } = leader.read(1, 1 << 20, true)
    const header = readBatchHeader(batches[0]!)!
    expect(header.baseOffset).toBe(1)
    expect(header.partitionLeaderEpoch).toBe(leader.leaderEpoch)
  })

  test("a single replica commits by its own fsync alone", () => {
    const cluster = new TestCluster({ nodes: 1 })
    const leader = cluster.elect(0)
    const { replies } = cluster.produce(leader)
    cluster.turns()
    expect(replies).toEqual([])
    expect(leader.highWatermark).toBe(0)
    cluster.flush()
    cluster.turns()
    expect(replies).toEqual([{ ...ok, baseOffset: 0 }])
    expect(leader.highWatermark).toBe(1)
  })

  test("many appends of one turn and of many groups go to the log as one commit", () => {
    const cluster = new TestCluster({ nodes: 1, groups: 3 })
    for (const group of [1, 2, 3]) cluster.elect(0, group)
    for (const group of [1, 2, 3, 1, 2, 3]) cluster.produce(cluster.at(0, group))
    cluster.turns()
    expect(cluster.nodes[0]!.wal.pendingCommits).toBe(1)
    cluster.settle()
    expect([1, 2, 3].map((group) => cluster.at(0, group).highWatermark)).toEqual([2, 2, 2])
  })

  test("a second commit goes out while the first is being fsynced", () => {
    const cluster = new TestCluster({ nodes: 1 })
    const leader = cluster.elect(0)
    const first = cluster.produce(leader)
    cluster.turns()
    const second = cluster.produce(leader)
    cluster.turns()
    const { wal } = cluster.nodes[0]!
    expect(wal.pendingCommits).toBe(2)
    wal.flush(1)
    cluster.turns()
    expect([first.replies.length, second.replies.length]).toEqual([1, 0])
    wal.flush(1)
    cluster.turns()
    expect(second.replies).toEqual([{ ...ok, baseOffset: 1 }])
  })

  test("a follower refuses, and says that nothing was written", () => {
    const cluster = new TestCluster()
    cluster.elect(0)
    expect(cluster.produced(cluster.at(1))).toEqual({
      errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER,
      baseOffset: -1,
      logAppendTimeMs: -1,
      logStartOffset: -1,
    })
    expect(cluster.at(1).leaderNode).toBe(0)
  })
})

describe("acks=1", () => {
  test("is answered after the leader's fsync and seen by nobody before the commit", () => {
    const cluster = new TestCluster()
    const leader = cluster.elect(0)
    cluster.isolate(0)
    const { replies } = cluster.produce(leader, { acks: 1 })
    cluster.turns()
    expect(replies).toEqual([])
    cluster.settle()
    expect(replies).toEqual([{ ...ok, baseOffset: 0 }])
    expect(leader.highWatermark).toBe(0)
    expect(leader.logEndOffset).toBe(1)
    expect(leader.read(0, 1 << 20, true)).toMatchObject({ errorCode: 0, batches: [] })
    cluster.heal()
    cluster.tick(6)
    expect(leader.highWatermark).toBe(1)
  })
})

const filled = (): TestCluster => {
  const cluster = new TestCluster({ nodes: 1 })
  const leader = cluster.elect(0)
  for (let i = 0; i < 3; i++) {
    cluster.produced(leader, { records: [{ value: "a" }, { value: "b" }, { value: "c" }] })
  }
  return cluster
}

describe("read", () => {
  test("an offset inside a batch brings the whole batch", () => {
    const leader = filled().at(0)
    const { batches } = leader.read(4, 1, true)
    expect(batches.map((batch) => readBatchHeader(batch)!.baseOffset)).toEqual([3])
  })

  test("whole batches as far as they fit; the first one in any case if asked so", () => {
    const leader = filled().at(0)
    const one = leader.read(0, 1, true).bytes
    expect(leader.read(0, one * 2, true)).toMatchObject({ bytes: one * 2 })
    expect(leader.read(0, one * 2 - 1, true)).toMatchObject({ bytes: one })
    expect(leader.read(0, one - 1, false)).toMatchObject({ bytes: 0, batches: [], errorCode: 0 })
    expect(leader.read(0, one, false)).toMatchObject({ bytes: one })
  })

  test("readable bytes are those that a read would bring, up to the cap", () => {
    const leader = filled().at(0)
    const one = leader.read(0, 1, true).bytes
    expect(leader.readableBytes(0, 1 << 20)).toBe(one * 3)
    expect(leader.readableBytes(5, 1 << 20)).toBe(one * 2)
    expect(leader.readableBytes(0, one + 1)).toBe(one + 1)
    expect(leader.readableBytes(9, 1 << 20)).toBe(0)
  })

  test("at the end nothing, past it or before the start OFFSET_OUT_OF_RANGE", () => {
    const leader = filled().at(0)
    expect(leader.read(9, 1 << 20, true)).toMatchObject({ errorCode: 0, batches: [] })
    expect(leader.read(10, 1 << 20, true).errorCode).toBe(ErrorCode.OFFSET_OUT_OF_RANGE)
    expect(leader.read(-1, 1 << 20, true).errorCode).toBe(ErrorCode.OFFSET_OUT_OF_RANGE)
  })

  test("a follower that is behind never says OFFSET_OUT_OF_RANGE at the end", () => {
    const cluster = new TestCluster()
    const leader = cluster.elect(0)
    cluster.isolate(2)
    cluster.produced(leader)
    expect(cluster.at(2).read(0, 1, true).errorCode).toBe(ErrorCode.NONE)
    expect(cluster.at(2).read(1, 1, true).errorCode).toBe(ErrorCode.OFFSET_NOT_AVAILABLE)
    expect(cluster.at(1).read(0, 1, true)).toMatchObject({ errorCode: 0 })
  })
})

describe("a corrupt entry", () => {
  test("is never served; a look-up by time answers with the start of its batch", () => {
    const cluster = filled()
    const leader = cluster.at(0)
    const { log } = leader.raftGroup
    log.entries = (lo) => {
      throw new CorruptEntry(1, lo, "planted")
    }
    expect(leader.read(4, 1 << 20, true)).toMatchObject({
      errorCode: ErrorCode.KAFKA_STORAGE_ERROR,
      batches: [],
      highWatermark: 9,
    })
    expect(leader.offsetForTimestamp(-1)).toMatchObject({ offset: 0 })
    expect(cluster.nodes[0]!.logged).toEqual([
      "group 1: entry 3 is damaged: t-0: group 1 index 3: planted; nobody else holds it: it is lost",
      "group 1: entry 2 is damaged: t-0: group 1 index 2: planted; nobody else holds it: it is lost",
    ])
    expect(leader.read(9, 1 << 20, true).errorCode).toBe(ErrorCode.NONE)
  })
})

const acknowledges = ({ message }: { readonly message: Message }): boolean =>
  message._tag === "AppendEntriesResponse" && message.to === memberOf(0)

describe("a new leader", () => {
  test("serves the end only when its own no-op is committed", () => {
    const cluster = new TestCluster()
    const first = cluster.elect(0)
    cluster.produced(first)
    cluster.isolate(0)
    const second = cluster.at(1)
    second.raftGroup.campaign("assigned")
    while (!second.isLeader) {
      cluster.turns()
      cluster.flush()
      cluster.deliver()
    }
    expect(second.readyToServe).toBe(false)
    expect(second.highWatermarkKnown).toBe(false)
    cluster.settle()
    expect(second.readyToServe).toBe(true)
    expect(second.highWatermark).toBe(1)
  })

  test("what was proposed and not decided is REQUEST_TIMED_OUT at step-down, once", () => {
    const cluster = new TestCluster()
    const first = cluster.elect(0)
    cluster.isolate(0)
    const all = cluster.produce(first, { acks: -1 })
    const one = cluster.produce(first, { acks: 1 })
    cluster.turns()
    cluster.elect(1)
    cluster.heal()
    cluster.tick(10)
    expect(first.isLeader).toBe(false)
    expect(all.replies.map(({ errorCode }) => errorCode)).toEqual([ErrorCode.REQUEST_TIMED_OUT])
    expect(one.replies.length).toBe(1)
    expect(first.backlogBytes).toBe(0)
    expect(first.logEndOffset).toBe(0)
  })

  test("what was committed in the turn of the step-down is told, if a majority is all that was asked", () => {
    const answers = [1, 2, 3].map((minInSyncReplicas) => {
      const cluster = new TestCluster({ config: { minInSyncReplicas } })
      const leader = cluster.elect(0)
      cluster.isolate(2)
      const { replies } = cluster.produce(leader)
      while (!cluster.transit.some(acknowledges)) {
        cluster.turns()
        cluster.flush()
        cluster.deliver()
      }
      leader.raftGroup.step(cluster.transit.find(acknowledges)!.message)
      leader.raftGroup.step({
        _tag: "AppendEntries",
        from: memberOf(2),
        to: memberOf(0),
        term: leader.leaderEpoch + 1,
        prevLogIndex: 0,
        prevLogTerm: 0,
        entries: [],
        leaderCommit: 0,
        round: 1,
        durableIndex: 0,
        readmitted: false,
        stripped: false,
      })
      expect(leader.isLeader).toBe(false)
      cluster.turns()
      expect(leader.highWatermark).toBe(1)
      return replies.map(({ errorCode }) => errorCode)
    })
    const { NONE, REQUEST_TIMED_OUT } = ErrorCode
    expect(answers).toEqual([[NONE], [NONE], [REQUEST_TIMED_OUT]])
  })

  test("the watermark of a follower never goes back when its tail is cut", () => {
    const cluster = new TestCluster()
    const first = cluster.elect(0)
    cluster.produced(first)
    cluster.tick(4)
    cluster.isolate(0)
    cluster.produce(first)
    cluster.settle()
    expect(first.logEndOffset).toBe(2)
    const second = cluster.elect(1)
    cluster.produced(second, { records: [{ value: "other" }] })
    cluster.heal()
    cluster.tick(10)
    expect(consume(first).map(({ value }) => value)).toEqual(["v", "other"])
    expect(first.highWatermark).toBe(2)
  })
})

describe("time", () => {
  test("appendMs never goes back along the log", () => {
    const cluster = new TestCluster({ nodes: 1 })
    const leader = cluster.elect(0)
    for (const wallMs of [500, 300, 400, 900]) cluster.produced(leader, { wallMs })
    const { log } = leader.raftGroup
    const times = log
      .metas(1, log.lastIndex + 1, 10)
      .filter(({ type }) => type === "data")
      .map(({ appendMs }) => appendMs)
    expect(times).toEqual([500, 500, 500, 900])
  })

  test("LogAppendTime writes the entry's time into the batch, under a right CRC", () => {
    const cluster = new TestCluster({ nodes: 1, config: { timestampType: "LogAppendTime" } })
    const leader = cluster.elect(0)
    const records = [
      { value: "a", timestamp: 5 },
      { value: "b", timestamp: 7 },
    ]
    const reply = cluster.produced(leader, { records, wallMs: 1234 })
    expect(reply).toEqual({ ...ok, baseOffset: 0, logAppendTimeMs: 1234 })
    const batch = leader.read(0, 1, true).batches[0]!
    expect(readBatchHeader(batch)!.maxTimestamp).toBe(1234)
    expect(readBatchHeader(batch)!.crc).toBe(crc32c(batch, crcFrom))
    expect(leader.offsetForTimestamp(8)).toEqual({ offset: 0, timestamp: 1234, leaderEpoch: 1 })
  })

  test("a timestamp finds the first record at or after it, not its batch", () => {
    const cluster = new TestCluster({ nodes: 1 })
    const leader = cluster.elect(0)
    const batch = (...times: Array<number>): void => {
      cluster.produced(leader, { records: times.map((timestamp) => ({ value: "v", timestamp })) })
    }
    batch(10, 20, 30)
    batch(25, 15)
    batch(40, 60, 60, 50)
    batch(60)
    const leaderEpoch = 1
    expect(leader.offsetForTimestamp(5)).toEqual({ offset: 0, timestamp: 10, leaderEpoch })
    expect(leader.offsetForTimestamp(21)).toEqual({ offset: 2, timestamp: 30, leaderEpoch })
    expect(leader.offsetForTimestamp(31)).toEqual({ offset: 5, timestamp: 40, leaderEpoch })
    expect(leader.offsetForTimestamp(60)).toEqual({ offset: 6, timestamp: 60, leaderEpoch })
    expect(leader.offsetForTimestamp(61)).toBeUndefined()
    expect(leader.offsetOfMaxTimestamp()).toEqual({ offset: 6, timestamp: 60, leaderEpoch })
    expect(leader.earliestOffset()).toEqual({ offset: 0, timestamp: -1, leaderEpoch })
  })

  test("a record that is not committed is not found by its time", () => {
    const cluster = new TestCluster()
    const leader = cluster.elect(0)
    cluster.isolate(0)
    cluster.produce(leader, { records: [{ value: "v", timestamp: 77 }] })
    cluster.settle()
    expect(leader.offsetForTimestamp(1)).toBeUndefined()
    expect(leader.offsetOfMaxTimestamp()).toBeUndefined()
  })
})

describe("bounds", () => {
  test("a leader that cannot commit takes on no more than its backlog, and gives it back", () => {
    const cluster = new TestCluster({ config: { backlogBytesMax: 200 } })
    const leader = cluster.elect(0)
    cluster.isolate(0)
    const taken = [1, 2, 3].map(() => cluster.produce(leader, { acks: 1 }))
    const refused = cluster.produce(leader, { acks: 1 })
    cluster.settle()
    expect(taken.map(({ replies }) => replies[0]?.errorCode)).toEqual([0, 0, 0])
    expect(refused.replies).toMatchObject([{ errorCode: ErrorCode.NOT_ENOUGH_REPLICAS }])
    expect(leader.logEndOffset).toBe(3)
    cluster.heal()
    cluster.tick(6)
    expect(leader.backlogBytes).toBe(0)
    expect(cluster.produced(leader).errorCode).toBe(0)
  })
})
