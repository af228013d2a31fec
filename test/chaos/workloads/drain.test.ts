import { describe, expect, test } from "bun:test"
import type { ChaosCluster } from "../../../src/chaos/cluster.ts"
import { History, operationsOf } from "../../../src/chaos/history/history.ts"
import { valueOf } from "../../../src/chaos/history/values.ts"
import { drainReplicas } from "../../../src/chaos/workloads/drain.ts"
import { ErrorCode } from "../../../src/protocol/error-codes.ts"
import { buildBatch } from "../../../src/protocol/record.ts"
import { fetchOffsetOf, recorderOf } from "../drivers/raw-fixture.ts"
import { ScriptedBrokers } from "../drivers/scripted-brokers.ts"
import type { Asked } from "../drivers/scripted-brokers.ts"

const topic = { name: "t", id: "abcdef1200000000000000000000000f", partitions: 1 }

interface Replica {
  /** How many records it shows. */
  end: number
  start: number
  /** What lies at an offset, where it is not the usual. */
  readonly odd?: ReadonlyMap<number, string>
}

/** Three replicas of one partition; broker 0 leads. */
class Replicas {
  readonly history = new History(() => performance.now())
  readonly brokers = new ScriptedBrokers((asked) => this.#answer(asked))
  readonly all: ReadonlyArray<Replica>
  fetches = 0
  onFetch: (node: number) => void = () => {}
  #elapsedMs = 0

  constructor(...all: ReadonlyArray<Replica>) {
    this.all = all
  }

  async drain(timeoutMs = 60_000): Promise<void> {
    const nodes = [0, 1, 2].map((id) => {
      const nowhere = { host: "127.0.0.1", port: 1 }
      return { id, address: nowhere, direct: nowhere, dir: "", logFile: "" }
    })
    const cluster: Pick<ChaosCluster, "nodes"> = { nodes }
    await drainReplicas({
      // Every look at the clock takes a second.
      clock: { nowMs: () => (this.#elapsedMs += 1000), sleep: (ms) => Bun.sleep(ms) },
      cluster,
      recorder: recorderOf(this.history),
      topics: [topic],
      timeoutMs,
      signal: new AbortController().signal,
      connect: this.brokers.connect,
    })
  }

  get drains() {
    return operationsOf(this.history.operations, "drain")
  }

  #answer(asked: Asked): object {
    if (asked.api === "Metadata") return metadata
    const { end } = this.all[asked.node] ?? { end: 0 }
    if (asked.api === "ListOffsets") {
      const partitions = [{ partitionIndex: 0, errorCode: 0, offset: end, timestamp: -1 }]
      return { topics: [{ name: topic.name, partitions }] }
    }
    this.fetches++
    this.onFetch(asked.node)
    return this.#fetch(asked)
  }

  #fetch(asked: Asked): object {
    const { end, start, odd } = this.all[asked.node] ?? { end: 0, start: 0 }
    const from = fetchOffsetOf(asked)
    const answer = (errorCode: number, records: Uint8Array | null) => {
      const told = errorCode === 0 ? end : -1
      const more = { highWatermark: told, logStartOffset: errorCode === 0 ? start : -1 }
      const partitions = [{ partitionIndex: 0, errorCode, records, ...more }]
      return { responses: [{ topic: topic.name, topicId: topic.id, partitions }] }
    }
    if (from < start) return answer(ErrorCode.OFFSET_OUT_OF_RANGE, null)
    if (from > end) return answer(ErrorCode.OFFSET_NOT_AVAILABLE, null)
    if (from === end) return answer(0, null)
    const value = valueOf(odd?.get(from) ?? `v${from}`, 30)
    return answer(0, buildBatch({ baseOffset: from, records: [{ value, timestamp: 1 }] }))
  }
}

const metadata = {
  brokers: [],
  controllerId: 0,
  clusterId: "c",
  errorCode: 0,
  topics: [
    {
      name: topic.name,
      topicId: topic.id,
      errorCode: 0,
      partitions: [
        {
          partitionIndex: 0,
          errorCode: 0,
          leaderId: 0,
          leaderEpoch: 1,
          replicaNodes: [0, 1, 2],
          isrNodes: [0, 1, 2],
          offlineReplicas: [],
        },
      ],
    },
  ],
}

describe("the drain", () => {
  test("reads every replica to the end, each from where it begins", async () => {
    const replicas = new Replicas({ end: 3, start: 0 }, { end: 3, start: 1 }, { end: 3, start: 0 })
    await replicas.drain()
    const seen = replicas.drains.map(({ process, node, records, logStartOffset }) => {
      return { process, node, records: records.map(([, value]) => value), logStartOffset }
    })
    expect(seen).toEqual([
      { process: "harness-drain-0", node: 0, records: ["v0", "v1", "v2"], logStartOffset: 0 },
      { process: "harness-drain-1", node: 1, records: ["v1", "v2"], logStartOffset: 1 },
      { process: "harness-drain-2", node: 2, records: ["v0", "v1", "v2"], logStartOffset: 0 },
    ])
    expect(replicas.drains.map(({ highWatermark }) => highWatermark)).toEqual([3, 3, 3])
  })

  test("waits for a replica that is behind", async () => {
    const late: Replica = { end: 1, start: 0 }
    const replicas = new Replicas({ end: 3, start: 0 }, late, { end: 3, start: 0 })
    replicas.onFetch = () => {
      if (replicas.fetches > 6) late.end = 3
    }
    await replicas.drain()
    expect(replicas.drains.map(({ records }) => records.length)).toEqual([3, 3, 3])
  })

  test("reads on when a log has grown in the meantime", async () => {
    const all = [0, 1, 2].map((): Replica => ({ end: 2, start: 0 }))
    const replicas = new Replicas(...all)
    replicas.onFetch = () => {
      if (replicas.fetches === 6) for (const replica of all) replica.end = 4
    }
    await replicas.drain()
    expect(replicas.drains.map(({ highWatermark }) => highWatermark)).toEqual([4, 4, 4])
    expect(replicas.drains.map(({ records }) => records.length)).toEqual([4, 4, 4])
  })

  test("begins a replica again whose front went away while it was read", async () => {
    const cut: Replica = { end: 4, start: 0 }
    const replicas = new Replicas(cut, { end: 4, start: 0 }, { end: 4, start: 0 })
    let read = 0
    replicas.onFetch = (node) => {
      if (node === 0 && ++read === 3) cut.start = 3
    }
    await replicas.drain()
    expect(replicas.drains[0]).toMatchObject({ logStartOffset: 3, records: [[3, "v3", -1]] })
  })

  test("tells what a replica holds instead of what it should hold", async () => {
    const odd = new Map([[1, "other"]])
    const replicas = new Replicas(
      { end: 2, start: 0 },
      { end: 2, start: 0, odd },
      { end: 2, start: 0 },
    )
    await replicas.drain()
    expect(replicas.drains.map(({ records }) => records[1]?.[1])).toEqual(["v1", "other", "v1"])
  })

  test("says which replica could not be read", async () => {
    const replicas = new Replicas({ end: 3, start: 0 }, { end: 3, start: 0 }, { end: 2, start: 0 })
    const failure = await replicas.drain(20_000).catch(String)
    expect(failure).toMatch(
      /broker 2 could not be read completely: t\/0: OFFSET_NOT_AVAILABLE at 3/,
    )
    expect(replicas.drains.map(({ outcome }) => outcome)).toEqual(["ok", "ok", "pending"])
  })
})
