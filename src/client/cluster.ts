/** What an administrator asks of brokers: where logs lie and begin, who leads, how metadata is. */
import { ErrorCode } from "../protocol/error-codes.ts"
import { deleteRecords } from "../protocol/messages/delete-records.ts"
import { describeLogDirs } from "../protocol/messages/describe-log-dirs.ts"
import { describeQuorum } from "../protocol/messages/describe-quorum.ts"
import { electLeaders } from "../protocol/messages/elect-leaders.ts"
import type { ResponseOf } from "../protocol/schema.ts"
import type { Client } from "./client.ts"
import { ConnectionLost, KafkaError } from "./client-error.ts"
import { check } from "./groups.ts"
import { retrying } from "./retry.ts"
import { groupByTopic } from "./topic-partition.ts"
import type { TopicPartition } from "./topic-partition.ts"

const timeoutMs = 30_000

/**
 * Moves the start of one log forward, −1: to its high watermark. Gives the new start. Rejects with
 * `KafkaError`.
 */
export function deleteRecordsBefore(
  client: Client,
  { topic, partition }: TopicPartition,
  offset: number,
): Promise<number> {
  const final = [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION]
  const onRetry = () => client.forgetLeader(topic, partition)
  return retrying({ deadlineMs: performance.now() + timeoutMs, final, onRetry }, async () => {
    await client.metadata([topic])
    const leader = client.knownLeader({ topic, partition })
    if (leader === undefined) {
      throw new KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, "UNKNOWN_TOPIC_OR_PARTITION")
    }
    if (leader.nodeId < 0) check(ErrorCode.LEADER_NOT_AVAILABLE)
    const connection = await client.broker(leader.nodeId)
    const topics = [{ name: topic, partitions: [{ partitionIndex: partition, offset }] }]
    const answer = await connection.request(deleteRecords, { topics, timeoutMs })
    const result = answer.topics[0]?.partitions[0]
    check(result?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR)
    return result?.lowWatermark ?? -1
  })
}

export type LogDirs = ResponseOf<typeof describeLogDirs>["results"]

/** The log directories of one broker. Rejects with `KafkaError`. */
export async function logDirsOf(client: Client, nodeId: number): Promise<LogDirs> {
  const connection = await client.broker(nodeId)
  const answer = await connection.request(describeLogDirs, { topics: null })
  check(answer.errorCode)
  return answer.results
}

export interface Election extends TopicPartition {
  readonly errorCode: number
  readonly errorMessage: string | null
}

/**
 * Elects leaders; `partitions` undefined: wherever one is needed. Rejects with `KafkaError` for
 * what concerns the whole request.
 */
export async function electLeadersOf(
  client: Client,
  unclean: boolean,
  partitions?: ReadonlyArray<TopicPartition>,
): Promise<ReadonlyArray<Election>> {
  const topicPartitions =
    partitions === undefined
      ? null
      : groupByTopic(partitions).map(({ topic, partitions: own }) => ({
          topic,
          partitions: own.map(({ partition }) => partition),
        }))
  const input = { electionType: unclean ? 1 : 0, topicPartitions, timeoutMs }
  const answer = await client.ask(electLeaders, input)
  check(answer.errorCode)
  return answer.replicaElectionResults.flatMap(({ topic, partitionResult }) =>
    partitionResult.map(({ partitionId, errorCode, errorMessage }) => ({
      topic,
      partition: partitionId,
      errorCode,
      errorMessage,
    })),
  )
}

export type QuorumAnswer = ResponseOf<typeof describeQuorum>
export type Quorum = QuorumAnswer["topics"][number]["partitions"][number]

/** The group of the metadata log. Rejects with `KafkaError`. */
export async function describeMetadataQuorum(
  client: Client,
): Promise<{ readonly quorum: Quorum; readonly nodes: QuorumAnswer["nodes"] }> {
  const topics = [{ topicName: "__cluster_metadata", partitions: [{ partitionIndex: 0 }] }]
  return retrying({ deadlineMs: performance.now() + timeoutMs }, async () => {
    const answer = await client.ask(describeQuorum, { topics })
    check(answer.errorCode, answer.errorMessage)
    const quorum = answer.topics[0]?.partitions[0]
    if (quorum === undefined) throw new ConnectionLost("a DescribeQuorum answer without the group")
    check(quorum.errorCode, quorum.errorMessage)
    return { quorum, nodes: answer.nodes }
  })
}
