/**
 * From the words of a request (name or id, number, epoch) to the replica on this broker, or Kafka's
 * error.
 */
import type { PartitionInfo, TopicInfo } from "../../cluster/image.ts"
import type { Partition } from "../../partition/partition.ts"
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { NodeView } from "./outcome.ts"

export type Lookup =
  | { readonly _tag: "found"; readonly info: PartitionInfo; readonly partition: Partition }
  | {
      readonly _tag: "missing"
      readonly errorCode: number
      readonly info: PartitionInfo | undefined
    }

/** `byId`: the version carries topic ids only, names are empty then. */
export function findTopic(
  node: NodeView,
  topic: { readonly name: string; readonly topicId: string },
  byId: boolean,
): TopicInfo | undefined {
  return byId ? node.image.topicsById.get(topic.topicId) : node.image.topics.get(topic.name)
}

export function findPartition(
  node: NodeView,
  topic: TopicInfo | undefined,
  index: number,
  byId: boolean,
): Lookup {
  if (topic === undefined) {
    const errorCode = byId ? ErrorCode.UNKNOWN_TOPIC_ID : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    return { _tag: "missing", errorCode, info: undefined }
  }
  const info = topic.partitions[index]
  if (info === undefined) {
    return { _tag: "missing", errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, info: undefined }
  }
  const partition = node.partition(info.group)
  if (partition === undefined) {
    return { _tag: "missing", errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER, info }
  }
  return { _tag: "found", info, partition }
}

/** KIP-320: −1 asks for no check. */
export function checkLeaderEpoch(partition: Partition, currentLeaderEpoch: number): number {
  if (currentLeaderEpoch === -1 || currentLeaderEpoch === partition.leaderEpoch)
    return ErrorCode.NONE
  return currentLeaderEpoch < partition.leaderEpoch
    ? ErrorCode.FENCED_LEADER_EPOCH
    : ErrorCode.UNKNOWN_LEADER_EPOCH
}

export interface LeaderHint {
  readonly leaderId: number
  readonly leaderEpoch: number
}

const noHint: LeaderHint = { leaderId: -1, leaderEpoch: -1 }

/**
 * KIP-951: where to go instead; nothing rather than a guess, since clients skip their refresh for
 * it.
 */
export function leaderHint(
  node: NodeView,
  info: PartitionInfo | undefined,
  errorCode: number,
): LeaderHint {
  const wanted =
    errorCode === ErrorCode.NOT_LEADER_OR_FOLLOWER || errorCode === ErrorCode.FENCED_LEADER_EPOCH
  if (!wanted || info === undefined) return noHint
  const { leader, term } = node.leaderOf(info.group)
  if (leader === -1 || leader === node.nodeId) return noHint
  return { leaderId: leader, leaderEpoch: term }
}

/** Addresses of the leaders that the hints of one answer name, ascending by id. */
export function hintEndpoints(node: NodeView, hints: ReadonlyArray<LeaderHint>) {
  const ids = new Set<number>()
  for (const hint of hints) if (hint.leaderId !== -1) ids.add(hint.leaderId)
  return [...ids]
    .sort((a, b) => a - b)
    .flatMap((nodeId) => {
      const broker = node.image.brokers.get(nodeId)
      if (broker === undefined) return []
      return [{ nodeId, host: broker.host, port: broker.port, rack: broker.rack }]
    })
}
