import { History, operationsOf } from "../../../src/chaos/history/history.ts"
import type { Operation, Append, Poll } from "../../../src/chaos/history/history.ts"
import type { Recorder } from "../../../src/chaos/history/recorder.ts"
import { partitionsOf } from "../../../src/chaos/drivers/partition.ts"
import type { RawPorts } from "../../../src/chaos/drivers/raw/raw-client.ts"
import { readBatchHeader } from "../../../src/protocol/batch-view.ts"
import { until } from "../../../scripts/harness/until.ts"
import type { Asked, Scripted } from "./scripted-brokers.ts"
import { dig, ScriptedBrokers } from "./scripted-brokers.ts"

/** A topic of two partitions on three scripted brokers, and clients that write a history. */

export const topic = { name: "t", id: "abcdef1200000000000000000000000f", partitions: 2 }
export const [first, second] = partitionsOf(topic)
if (first === undefined || second === undefined) throw new Error("no partitions")
export const ref = first
export const other = second

export class World {
  readonly history = new History(() => performance.now())
  readonly brokers: ScriptedBrokers
  leader = 0
  epoch = 5
  nextProducerId = 1000
  readonly wrote: Array<number> = []
  saw = 0

  /** `script` answers what is not Metadata or InitProducerId. */
  constructor(script: (asked: Asked) => Scripted | Promise<Scripted>) {
    this.brokers = new ScriptedBrokers((asked) => {
      if (asked.api === "Metadata") return this.metadata()
      if (asked.api !== "InitProducerId") return script(asked)
      return { errorCode: 0, producerId: this.nextProducerId++, producerEpoch: 0 }
    })
  }

  get recorder(): Recorder {
    return recorderOf(this.history)
  }

  get ports(): RawPorts {
    return {
      clock: { nowMs: () => performance.now(), sleep: (ms) => Bun.sleep(ms) },
      recorder: this.recorder,
      tally: {
        wrote: (records) => void this.wrote.push(records),
        saw: (records) => (this.saw += records),
      },
      seed: 1,
      runId: "run",
      topics: [topic],
      nodes: [0, 1, 2],
      connect: this.brokers.connect,
      connections: { next: 1 },
    }
  }

  get appends(): ReadonlyArray<Operation<Append>> {
    return operationsOf(this.history.operations, "append")
  }

  get polls(): ReadonlyArray<Operation<Poll>> {
    return operationsOf(this.history.operations, "poll")
  }

  metadata(): object {
    const partitions = [0, 1].map((partitionIndex) => ({
      partitionIndex,
      errorCode: 0,
      leaderId: this.leader,
      leaderEpoch: this.epoch,
      replicaNodes: [0, 1, 2],
      isrNodes: [0, 1, 2],
      offlineReplicas: [],
    }))
    const topics = [{ name: topic.name, topicId: topic.id, errorCode: 0, partitions }]
    return { brokers: [], topics, controllerId: 0, clusterId: "c", errorCode: 0 }
  }
}

export const recorderOf = (history: History): Recorder => ({
  begin(process, call) {
    const id = history.invoke(process, call)
    return { end: (told, result) => history.complete(id, told, result) }
  },
})

export const record = { key: null, valueBytes: 40 }

const partitionOf = ({ input }: Asked, ...path: ReadonlyArray<string>): unknown =>
  dig(input, "topicData", 0, "partitionData", 0, ...path)

/** The batch that a Produce carried. */
export function batchOf(asked: Asked) {
  const bytes = partitionOf(asked, "records")
  const header = bytes instanceof Uint8Array ? readBatchHeader(bytes) : undefined
  if (header === undefined) throw new Error("no batch")
  return header
}

/** An answer to a Produce. */
export const produced = (asked: Asked, errorCode: number, baseOffset = -1): object => {
  const partitionResponses = [{ index: Number(partitionOf(asked, "index")), errorCode, baseOffset }]
  return { responses: [{ name: topic.name, topicId: topic.id, partitionResponses }] }
}

/** Where a Fetch is to begin. */
export const fetchOffsetOf = ({ input }: Asked): number =>
  Number(dig(input, "topics", 0, "partitions", 0, "fetchOffset"))

/** Until the client takes one append: it has an identity then. */
export const begun = (produce: () => boolean) =>
  until("the producer to take a record", produce, { everyMs: 2, timeoutMs: 3000 })
