/**
 * Members of the consumer protocol beside those of the classic one, in a world without a network.
 */
import { consumerGroupHeartbeat } from "../../../src/protocol/messages/consumer-group-heartbeat.ts"
import type { RequestInput, ResponseInput } from "../../../src/protocol/schema.ts"
import type { CoordinatorRecord, RequestOrigin } from "../../../src/coordinator/ports.ts"
import { decodeRecord } from "../../../src/coordinator/records/codec.ts"
import { asReceived } from "../as-received.ts"
import { Answer, World } from "../world.ts"

export type Beat = RequestInput<typeof consumerGroupHeartbeat>
export type Beaten = ResponseInput<typeof consumerGroupHeartbeat>

export class ConsumerWorld extends World {
  beat(input: Beat, rest: Partial<RequestOrigin> = {}): Answer<Beaten> {
    const origin = this.origin({ apiVersion: 1, ...rest })
    const answer = new Answer<Beaten>()
    const request = asReceived(consumerGroupHeartbeat, origin.apiVersion, {
      groupId: "g",
      ...input,
    })
    this.coordinator.consumerGroupHeartbeat(request, origin, answer.set)
    this.settle()
    return answer
  }

  /** Joins with everything a first heartbeat has. */
  joinAs(memberId: string, input: Beat = {}): Beaten {
    return this.beat({
      memberId,
      memberEpoch: 0,
      rebalanceTimeoutMs: 60_000,
      subscribedTopicNames: input.subscribedTopicRegex === undefined ? ["t"] : null,
      topicPartitions: [],
      ...input,
    }).now
  }

  /** As `joinAs`, answered when it is committed. */
  joinAsync(memberId: string): Answer<Beaten> {
    return this.beat({
      memberId,
      memberEpoch: 0,
      rebalanceTimeoutMs: 60_000,
      subscribedTopicNames: ["t"],
      topicPartitions: [],
    })
  }

  /** What compaction would leave of the log: the last record of each key, without tombstones. */
  compacted(): ReadonlyArray<CoordinatorRecord> {
    const last = new Map<string, CoordinatorRecord>()
    for (const record of this.log.flatMap(({ records }) => records)) {
      const key = Buffer.from(record.key).toString("hex")
      last.delete(key)
      last.set(key, record)
    }
    return [...last.values()].filter(({ value }) => value !== null)
  }

  stateBytes(): Buffer {
    return Buffer.from(this.coordinator.encode())
  }

  /** The kinds of records that it would leave, each once. */
  standing(): ReadonlyArray<string> {
    return [...new Set(this.compacted().map((record) => decodeRecord(record)._tag))].sort()
  }

  describeGroup(groupId = "g") {
    return this.coordinator.describeConsumerGroup(groupId, this.origin({ apiVersion: 1 }))
  }

  /** Member → topic → partitions, as described. */
  assignments(which: "assignment" | "targetAssignment" = "assignment") {
    const members = this.describeGroup().members ?? []
    return Object.fromEntries(
      members.map((member) => [member.memberId ?? "", spoken(member[which]?.topicPartitions)]),
    )
  }
}

type Described = ReadonlyArray<{
  readonly topicName?: string | undefined
  readonly partitions?: ReadonlyArray<number> | undefined
}>

const spoken = (topics: Described = []): string =>
  topics
    .map(({ topicName, partitions = [] }) => `${topicName}:${partitions.join()}`)
    .sort()
    .join(" ")

export const owns = (topicId: string, ...partitions: ReadonlyArray<number>) => [
  { topicId, partitions },
]

/** What the answer assigns, of one topic. */
export const given = (beaten: Beaten): ReadonlyArray<number> | null | undefined =>
  beaten.assignment === null || beaten.assignment === undefined
    ? null
    : beaten.assignment.topicPartitions?.flatMap(({ partitions }) => partitions ?? [])

export const copyOf = (records: ReadonlyArray<CoordinatorRecord>) =>
  records.map(({ key, value }) => ({
    key: Buffer.from(key),
    value: value === null ? null : Buffer.from(value),
  }))

/** What a coordinator was lent may be used for something else after `apply`. */
export const wipe = (records: ReadonlyArray<CoordinatorRecord>): void => {
  for (const { key, value } of records) {
    key.fill(0)
    value?.fill(0)
  }
}
