import { existsSync, readFileSync } from "node:fs"
import { describe, expect, test } from "bun:test"
import { ErrorCode } from "../../src/protocol/error-codes.ts"
import { readBatchHeader } from "../../src/protocol/record-batch.ts"
import type { Partition } from "../../src/partition/partition.ts"
import { TestCluster } from "./cluster.ts"
import type { Produced } from "./cluster.ts"
import { consume } from "./log-dump.ts"

const { NONE, OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_PRODUCER_EPOCH, REQUEST_TIMED_OUT } = ErrorCode

/** [errorCode, baseOffset] of one produce of `count` records. */
function sends(cluster: TestCluster, partition: Partition) {
  return (baseSequence: number, count = 1, producerEpoch = 0, producerId = 7): [number, number] => {
    const records = Array.from({ length: count }, () => ({ value: `${baseSequence}` }))
    const input = { producerId, producerEpoch, baseSequence, records }
    const { errorCode, baseOffset } = cluster.produced(partition, input)
    return [errorCode, baseOffset]
  }
}

function single(config = {}) {
  const cluster = new TestCluster({ nodes: 1, config })
  const leader = cluster.elect(0)
  return { cluster, leader, send: sends(cluster, leader) }
}

describe("sequence numbers", () => {
  test("a repeated batch gets the first one's offset, for the last five batches", () => {
    const { send, leader } = single()
    for (let i = 0; i < 6; i++) expect(send(i)).toEqual([NONE, i])
    for (let i = 1; i < 6; i++) expect(send(i)).toEqual([NONE, i])
    expect(send(0)).toEqual([OUT_OF_ORDER_SEQUENCE_NUMBER, -1])
    expect(leader.highWatermark).toBe(6)
  })

  test("a batch that begins like another but is longer is no repetition", () => {
    const { send } = single()
    expect(send(0, 2)).toEqual([NONE, 0])
    expect(send(0, 3)).toEqual([OUT_OF_ORDER_SEQUENCE_NUMBER, -1])
    expect(send(0, 1)).toEqual([OUT_OF_ORDER_SEQUENCE_NUMBER, -1])
    expect(send(0, 2)).toEqual([NONE, 0])
  })

  test("a gap is refused, and the next in turn is still taken", () => {
    const { send } = single()
    expect(send(0)).toEqual([NONE, 0])
    expect(send(2)).toEqual([OUT_OF_ORDER_SEQUENCE_NUMBER, -1])
    expect(send(1)).toEqual([NONE, 1])
  })

  test("an unknown producer may begin anywhere", () => {
    const { send } = single()
    expect(send(41)).toEqual([NONE, 0])
    expect(send(42)).toEqual([NONE, 1])
  })

  test("a new epoch begins at 0, an old one is fenced", () => {
    const { send } = single()
    expect(send(0)).toEqual([NONE, 0])
    expect(send(1, 1, 1)).toEqual([OUT_OF_ORDER_SEQUENCE_NUMBER, -1])
    expect(send(0, 1, 1)).toEqual([NONE, 1])
    expect(send(1, 1, 0)).toEqual([INVALID_PRODUCER_EPOCH, -1])
    expect(send(0, 1, 0)).toEqual([INVALID_PRODUCER_EPOCH, -1])
    expect(send(0, 1, 1)).toEqual([NONE, 1])
  })

  test("after 2^31 - 1 comes 0, also within a batch", () => {
    const last = 2 ** 31 - 1
    const { send } = single()
    expect(send(last - 1, 2)).toEqual([NONE, 0])
    expect(send(0)).toEqual([NONE, 2])
    const other = single()
    expect(other.send(last, 3)).toEqual([NONE, 0])
    expect(other.send(last, 3)).toEqual([NONE, 0])
    expect(other.send(1)).toEqual([OUT_OF_ORDER_SEQUENCE_NUMBER, -1])
    expect(other.send(2)).toEqual([NONE, 3])
  })

  test("producers do not see each other", () => {
    const { send } = single()
    expect(send(0, 1, 0, 7)).toEqual([NONE, 0])
    expect(send(0, 1, 0, 8)).toEqual([NONE, 1])
    expect(send(1, 1, 0, 7)).toEqual([NONE, 2])
  })

  test("batches that are not committed count, for order and for repetition", () => {
    const cluster = new TestCluster()
    const leader = cluster.elect(0)
    cluster.isolate(0)
    const produce = (baseSequence: number): Produced =>
      cluster.produce(leader, { producerId: 7, baseSequence })
    const first = [produce(0), produce(1)]
    const again = [produce(0), produce(1)]
    const gap = produce(3)
    cluster.settle()
    expect([...first, ...again, gap].flatMap(({ replies }) => replies)).toEqual([])
    cluster.heal()
    cluster.tick(6)
    expect(gap.replies).toMatchObject([{ errorCode: OUT_OF_ORDER_SEQUENCE_NUMBER }])
    const offsets = [...first, ...again].map(({ replies }) => replies.map((r) => r.baseOffset))
    expect(offsets).toEqual([[0], [1], [0], [1]])
    expect(leader.highWatermark).toBe(2)
  })
})

describe("expiry", () => {
  test("follows the times in the log: who has not written for so long is unknown", () => {
    const { cluster, leader } = single({ producerIdExpirationMs: 1000 })
    const at = (wallMs: number, producerId: number, baseSequence: number): number =>
      cluster.produced(leader, { producerId, baseSequence, wallMs }).errorCode
    expect(at(1000, 7, 0)).toBe(NONE)
    expect(at(2000, 7, 5)).toBe(OUT_OF_ORDER_SEQUENCE_NUMBER)
    expect(at(2001, 7, 5)).toBe(NONE)
    expect(at(3002, 8, 0)).toBe(NONE)
    expect(leader.producers().map(({ producerId }) => producerId)).toEqual([8])
  })

  test("at most so many producers are remembered; who wrote longest ago goes", () => {
    const { leader, send } = single({ producersMax: 2 })
    for (const producerId of [1, 2, 1, 3]) {
      send(producerId === 1 && leader.producers().length > 1 ? 1 : 0, 1, 0, producerId)
    }
    expect(leader.producers().map(({ producerId }) => producerId)).toEqual([1, 3])
  })
})

describe("through a change of leader", () => {
  test("a retry of a committed batch gets its offset from the new leader", () => {
    const cluster = new TestCluster()
    const first = cluster.elect(0)
    expect(sends(cluster, first)(0, 3)).toEqual([NONE, 0])
    expect(sends(cluster, first)(3, 2)).toEqual([NONE, 3])
    const second = cluster.elect(1)
    const send = sends(cluster, second)
    expect(send(0, 3)).toEqual([NONE, 0])
    expect(send(3, 2)).toEqual([NONE, 3])
    expect(send(5, 1)).toEqual([NONE, 5])
    expect(second.highWatermark).toBe(6)
  })

  test("a retry of what the new leader holds uncommitted waits for its no-op, and is not written twice", () => {
    const cluster = new TestCluster()
    const first = cluster.elect(0)
    // Node 1 gets the entry, its acknowledgement is lost, and node 0 with it.
    cluster.isolate(2)
    cluster.cut(1, 0)
    const lost = cluster.produce(first, { producerId: 7, baseSequence: 0 })
    cluster.settle()
    expect(lost.replies).toEqual([])
    cluster.heal()
    cluster.isolate(0)
    const second = cluster.at(1)
    second.raftGroup.campaign("assigned")
    while (!second.isLeader) {
      cluster.turns()
      cluster.flush()
      cluster.deliver()
    }
    const retry = cluster.produce(second, { producerId: 7, baseSequence: 0 })
    cluster.turns()
    expect(second.readyToServe).toBe(false)
    expect(retry.replies).toEqual([])
    cluster.settle()
    expect(retry.replies).toMatchObject([{ errorCode: NONE, baseOffset: 0 }])
    expect(second.highWatermark).toBe(1)
    cluster.heal()
    cluster.tick(10)
    expect(lost.replies).toMatchObject([{ errorCode: REQUEST_TIMED_OUT }])
    expect(consume(first).length).toBe(1)
  })

  test("a cut tail takes its producer state along", () => {
    const cluster = new TestCluster()
    const first = cluster.elect(0)
    expect(sends(cluster, first)(0)).toEqual([NONE, 0])
    cluster.isolate(0)
    cluster.produce(first, { producerId: 7, baseSequence: 1 })
    cluster.produce(first, { producerId: 7, producerEpoch: 3, baseSequence: 0 })
    cluster.settle()
    cluster.elect(1)
    cluster.heal()
    cluster.tick(10)
    const again = cluster.elect(0)
    expect(sends(cluster, again)(1)).toEqual([NONE, 1])
    expect(again.producers().map(({ batches }) => batches.length)).toEqual([2])
  })

  test("survives a restart of every node", () => {
    const cluster = new TestCluster()
    const leader = cluster.elect(0)
    for (let i = 0; i < 7; i++) expect(sends(cluster, leader)(i)).toEqual([NONE, i])
    for (const node of cluster.nodes) node.crash()
    for (const node of cluster.nodes) node.restart()
    const again = cluster.elect(2)
    expect(sends(cluster, again)(6)).toEqual([NONE, 6])
    expect(sends(cluster, again)(1)).toEqual([OUT_OF_ORDER_SEQUENCE_NUMBER, -1])
    expect(sends(cluster, again)(7)).toEqual([NONE, 7])
  })
})

const golden = new URL("../../../shared/kafka/golden/Produce.jsonl", import.meta.url)

interface Exchange {
  readonly note: string
  readonly request: { TopicData: [{ PartitionData: [{ Index: number; Records: string }] }] }
  readonly response: {
    Responses: [{ PartitionResponses: [Record<string, number>] }]
  }
}

describe("Kafka's recorded answers", () => {
  test.skipIf(!existsSync(golden))("to every idempotent batch, in order (../shared)", () => {
    const cluster = new TestCluster({ nodes: 1, groups: 2 })
    const exchanges = readFileSync(golden, "utf8")
      .split("\n")
      .filter((line) => line.includes('"idempotent: '))
      .map((line): Exchange => JSON.parse(line))
    expect(exchanges.length).toBe(10)
    for (const { note, request, response } of exchanges) {
      // The last question was put to a partition that was empty.
      const partition = cluster.elect(0, note.includes("unknown producer") ? 2 : 1)
      const records = Buffer.from(request.TopicData[0].PartitionData[0].Records, "hex")
      const header = readBatchHeader(records)!
      const replies: Array<unknown> = []
      partition.append(
        { header, records, recordCount: header.recordCount },
        { acks: -1, wallMs: cluster.nowMs },
        (reply) => replies.push(reply),
      )
      cluster.settle()
      const expected = response.Responses[0].PartitionResponses[0]
      expect({ note, replies }).toEqual({
        note,
        replies: [
          {
            errorCode: expected["ErrorCode"],
            baseOffset: expected["BaseOffset"],
            logAppendTimeMs: expected["LogAppendTimeMs"],
            logStartOffset: expected["LogStartOffset"],
          },
        ],
      })
    }
  })
})
