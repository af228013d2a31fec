/**
 * Members of the consumer protocol beside those of the classic one, in a world without a network.
 */
import { consumerGroupHeartbeat } from "../../../src/protocol/messages/consumer-group-heartbeat.ts"
import type { RequestInput, ResponseInput } from "../../../src/protocol/schema.ts"
import type { RequestOrigin } from "../../../src/coordinator/ports.ts"
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
