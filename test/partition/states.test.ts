/** Checkpoints and cuts: where a partition begins, and that it is the same as if it had not. */
import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import type { EntryMeta } from "../../storage/wal.ts"
import {
  decodeCommittedState,
  encodeCommittedState,
} from "../../src/partition/committed-state-codec.ts"
import { CommittedState } from "../../src/partition/committed-state.ts"
import { defaultPartitionConfig } from "../../src/partition/partition-config.ts"
import { ErrorCode } from "../../src/protocol/error-codes.ts"
import { TestCluster } from "./cluster.ts"
import { consume, derivedState } from "./log-dump.ts"

interface Written {
  readonly producer: number
  readonly epoch: number
  readonly records: number
  readonly timestamp: number
  readonly newTerm: boolean
}

const written: fc.Arbitrary<Written> = fc.record({
  producer: fc.integer({ min: -1, max: 4 }),
  epoch: fc.integer({ min: 0, max: 3 }),
  records: fc.integer({ min: 1, max: 5 }),
  timestamp: fc.oneof(fc.integer({ min: -1, max: 50 }), fc.constant(2 ** 63)),
  newTerm: fc.boolean(),
})

function metasOf(entries: ReadonlyArray<Written>): ReadonlyArray<EntryMeta> {
  let term = 1
  let offset = 0
  let sequence = 2 ** 31 - 8
  return entries.map(({ producer, epoch, records, timestamp, newTerm }, at) => {
    if (newTerm) term++
    const idempotent = producer >= 0
    const meta: EntryMeta = {
      term,
      index: at + 1,
      type: "data",
      appendMs: at * 10,
      firstOffset: offset,
      lastOffset: offset + records - 1,
      maxTimestamp: timestamp,
      producerId: producer,
      producerEpoch: idempotent ? epoch : -1,
      baseSequence: idempotent ? sequence : -1,
      entryCrc: 0,
      keptCrc: 0,
      payloadBytes: 10,
    }
    offset += records
    sequence = (sequence + 3) % 2 ** 31
    return meta
  })
}

const noPayload = (): Uint8Array => new Uint8Array(0)

const stateOf = (metas: ReadonlyArray<EntryMeta>, from?: Uint8Array): CommittedState => {
  const state = new CommittedState({ ...defaultPartitionConfig, producersMax: 3 })
  if (from !== undefined) state.restore(decodeCommittedState(from))
  for (const meta of metas) state.apply(meta, noPayload)
  return state
}

test("a state goes on from its bytes as if it had never been written, and has one form", () => {
  fc.assert(
    fc.property(fc.array(written, { maxLength: 60 }), fc.nat({ max: 60 }), (entries, at) => {
      const metas = metasOf(entries)
      const whole = encodeCommittedState(stateOf(metas))
      const half = encodeCommittedState(stateOf(metas.slice(0, at)))
      const resumed = encodeCommittedState(stateOf(metas.slice(at), half))
      expect(resumed).toEqual(whole)
    }),
    { numRuns: 300 },
  )
})

test("bytes of another version, cut or lengthened, are refused", () => {
  const bytes = encodeCommittedState(stateOf(metasOf([])))
  expect(() => decodeCommittedState(bytes.subarray(0, -1))).toThrow()
  expect(() => decodeCommittedState(new Uint8Array([...bytes, 0]))).toThrow()
  expect(() => decodeCommittedState(new Uint8Array([0, 9, ...bytes.subarray(2)]))).toThrow(
    "version 9",
  )
})

function filled(count: number, checkpoints = { entries: 50, bytes: 1 << 20 }) {
  const cluster = new TestCluster({ nodes: 1, checkpoints })
  const leader = cluster.elect(0)
  for (let i = 0; i < count; i++) {
    cluster.nowMs += 10
    cluster.produced(leader, { producerId: i % 3, baseSequence: Math.floor(i / 3) })
  }
  return { cluster, leader }
}

describe("checkpoints", () => {
  test("a start begins behind the newest one, and comes to the same state", () => {
    const { cluster, leader } = filled(130)
    const before = derivedState(leader)
    const checkpoint = cluster.nodes[0]!.wal.log(1).checkpoint()!
    expect(checkpoint.index).toBeGreaterThanOrEqual(100)
    cluster.nodes[0]!.crash()
    cluster.nodes[0]!.restart()
    const reopened = cluster.at(0)
    expect(reopened.raftGroup.appliedIndex).toBe(checkpoint.index)
    expect(reopened.highWatermark).toBeGreaterThan(0)
    cluster.elect(0)
    expect(derivedState(reopened)).toEqual({ ...before, epochs: reopened.epochStarts() })
    const again = cluster.produced(reopened, { producerId: 0, baseSequence: 43 })
    expect(again.baseOffset).toBe(129)
    const duplicate = cluster.produced(reopened, { producerId: 0, baseSequence: 43 })
    expect(duplicate.baseOffset).toBe(129 + Number(again.baseOffset !== 129))
  })

  test("one that does not fit the log is not used", () => {
    const { cluster } = filled(60)
    const { wal } = cluster.nodes[0]!
    const at = wal.log(1).checkpoint()!.index
    wal.amputate(1, at)
    expect(wal.log(1).checkpoint()).toBeUndefined()
  })

  test("a large state is written less often than it is long", () => {
    const cluster = new TestCluster({ nodes: 1, checkpoints: { entries: 10, bytes: 1 << 30 } })
    const leader = cluster.elect(0)
    let writes = 0
    let last = 0
    for (let i = 0; i < 2000; i++) {
      cluster.produced(leader, { producerId: i, baseSequence: 0 })
      const at = cluster.nodes[0]!.wal.log(1).checkpoint()?.index ?? 0
      if (at !== last) writes++
      last = at
    }
    // 2,000 producers: as often as allowed it would be 200 times, up to 120 KB each.
    expect(writes).toBeGreaterThan(5)
    expect(writes).toBeLessThan(40)
  })
})

describe("a cut", () => {
  test("takes what lies before it and nothing else", () => {
    const { cluster, leader } = filled(40, { entries: 1000, bytes: 1 << 20 })
    const values = consume(leader)
    const before = derivedState(leader)
    expect(leader.cutTo(21)).toBe(21)
    cluster.settle()
    expect(leader.logStartOffset).toBe(20)
    expect(leader.earliestOffset()).toMatchObject({ offset: 20 })
    expect(consume(leader)).toEqual(values.slice(20))
    expect(leader.read(19, 1000, true).errorCode).toBe(ErrorCode.OFFSET_OUT_OF_RANGE)
    expect(leader.read(20, 1000, true).errorCode).toBe(ErrorCode.NONE)
    expect(leader.readableBytes(19, 100)).toBe(0)
    expect(derivedState(leader)).toEqual(before)
    expect(cluster.produced(leader).logStartOffset).toBe(20)
    expect(leader.cutTo(21)).toBe(0)
    expect(leader.cutTo(10_000)).toBe(leader.raftGroup.appliedIndex)
    cluster.settle()
    expect(leader.logStartOffset).toBe(leader.highWatermark)
    expect(cluster.produced(leader).baseOffset).toBe(41)
  })

  test("keeps the producers: a repeated batch from before it is still known after a restart", () => {
    const { cluster, leader } = filled(40, { entries: 1000, bytes: 1 << 20 })
    const before = derivedState(leader)
    leader.cutTo(40)
    cluster.settle()
    cluster.nodes[0]!.crash()
    cluster.nodes[0]!.restart()
    const reopened = cluster.elect(0)
    expect(derivedState(reopened).producers).toEqual(before.producers)
    expect(reopened.highWatermark).toBe(40)
    expect(cluster.produced(reopened, { producerId: 0, baseSequence: 13 }).baseOffset).toBe(39)
    expect(cluster.produced(reopened, { producerId: 0, baseSequence: 14 }).baseOffset).toBe(40)
  })

  test("epochs that ended before it are forgotten, as by Kafka", () => {
    const cluster = new TestCluster({ nodes: 1 })
    const leader = cluster.elect(0)
    const starts: Array<number> = []
    for (let epoch = 0; epoch < 3; epoch++) {
      starts.push(leader.highWatermark)
      for (let i = 0; i < 5; i++) cluster.produced(leader)
      leader.raftGroup.stepDown()
      cluster.settle()
      cluster.elect(0)
    }
    cluster.produced(leader)
    const [first, second] = leader.epochStarts().map(({ epoch }) => epoch)
    expect(leader.endOffsetForEpoch(first!)).toEqual({ leaderEpoch: first!, endOffset: 5 })
    const log = cluster.nodes[0]!.wal.log(1)
    leader.cutTo(log.indexOfOffset(7)!)
    cluster.settle()
    expect(leader.logStartOffset).toBe(8)
    expect(leader.endOffsetForEpoch(first!)).toEqual({ leaderEpoch: first!, endOffset: 8 })
    expect(leader.endOffsetForEpoch(second!)).toEqual({ leaderEpoch: second!, endOffset: 10 })
  })

  test("the record with the greatest timestamp may be cut off: then the next one is it", () => {
    const cluster = new TestCluster({ nodes: 1 })
    const leader = cluster.elect(0)
    for (const timestamp of [10, 90, 30, 50, 50, 20]) {
      cluster.produced(leader, { records: [{ value: "v", timestamp }] })
    }
    expect(leader.offsetOfMaxTimestamp()).toMatchObject({ offset: 1, timestamp: 90 })
    leader.cutTo(3)
    cluster.settle()
    expect(leader.offsetOfMaxTimestamp()).toMatchObject({ offset: 3, timestamp: 50 })
    expect(leader.offsetForTimestamp(40)).toMatchObject({ offset: 3 })
    leader.cutTo(1000)
    cluster.settle()
    expect(leader.offsetOfMaxTimestamp()).toBeUndefined()
  })
})
