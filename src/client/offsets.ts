/**
 * Offsets of many partitions at once: of the log by time or by name, asked of the leaders, and
 * those that groups have committed, asked of their coordinators.
 */
import { ErrorCode, errorName, isRetriable } from "../protocol/error-codes.ts"
import { listOffsets } from "../protocol/messages/list-offsets.ts"
import { offsetCommit } from "../protocol/messages/offset-commit.ts"
import { offsetFetch } from "../protocol/messages/offset-fetch.ts"
import type { Client } from "./client.ts"
import { ConnectionLost, KafkaError, UnsupportedApi } from "./client-error.ts"
import type { ClientConnection } from "./connection.ts"
import { check, withCoordinator } from "./groups.ts"
import { groupByTopic, partitionName } from "./topic-partition.ts"
import type { TopicPartition } from "./topic-partition.ts"

/** The timestamps that are names. */
export const offsetNames = {
  latest: -1,
  earliest: -2,
  maxTimestamp: -3,
  earliestLocal: -4,
  latestTiered: -5,
  earliestPendingUpload: -6,
} as const

/** The first version of ListOffsets that knows the name. */
const nameSince: ReadonlyMap<number, number> = new Map([
  [offsetNames.maxTimestamp, 7],
  [offsetNames.earliestLocal, 8],
  [offsetNames.latestTiered, 9],
  [offsetNames.earliestPendingUpload, 11],
])

export interface LogOffset extends TopicPartition {
  readonly errorCode: number
  /** −1: there is none. */
  readonly offset: number
  readonly timestamp: number
  readonly leaderEpoch: number
}

export interface ListOffsetsOptions {
  readonly readCommitted?: boolean
  /** In all; 30 s unless said otherwise. */
  readonly timeoutMs?: number
}

const defaultTimeoutMs = 30_000
const backOffMs = 50

/**
 * One answer per partition, in the order asked. A partition whose error passes is asked again
 * until the time is over; the last error then stands in its answer.
 */
export async function listLogOffsets(
  client: Client,
  partitions: ReadonlyArray<TopicPartition>,
  timestamp: number,
  options: ListOffsetsOptions = {},
): Promise<ReadonlyArray<LogOffset>> {
  const deadlineMs = performance.now() + (options.timeoutMs ?? defaultTimeoutMs)
  const answers = new Map<string, LogOffset>()
  let open = partitions
  while (open.length > 0) {
    const late = performance.now() + backOffMs >= deadlineMs
    for (const answer of await listOnce(client, open, timestamp, options)) {
      const again = isRetriable(answer.errorCode) && !late
      if (again) client.forgetLeader(answer.topic, answer.partition)
      else answers.set(partitionName(answer), answer)
    }
    open = open.filter((one) => !answers.has(partitionName(one)))
    if (open.length > 0) await Bun.sleep(backOffMs)
  }
  return partitions.flatMap((one) => answers.get(partitionName(one)) ?? [])
}

async function listOnce(
  client: Client,
  partitions: ReadonlyArray<TopicPartition>,
  timestamp: number,
  options: ListOffsetsOptions,
): Promise<ReadonlyArray<LogOffset>> {
  const { byLeader, failed } = await leadersOf(client, partitions)
  const asked = [...byLeader].map(([nodeId, own]) =>
    listAtLeader(client, nodeId, own, timestamp, options).catch((error: unknown) => {
      if (error instanceof ConnectionLost) return own.map(failure(ErrorCode.NETWORK_EXCEPTION))
      throw error
    }),
  )
  return [...failed, ...(await Promise.all(asked)).flat()]
}

const failure =
  (errorCode: number) =>
  ({ topic, partition }: TopicPartition): LogOffset => ({
    topic,
    partition,
    errorCode,
    offset: -1,
    timestamp: -1,
    leaderEpoch: -1,
  })

async function leadersOf(
  client: Client,
  partitions: ReadonlyArray<TopicPartition>,
): Promise<{
  readonly byLeader: ReadonlyMap<number, ReadonlyArray<TopicPartition>>
  readonly failed: ReadonlyArray<LogOffset>
}> {
  const byLeader = new Map<number, TopicPartition[]>()
  const failed: LogOffset[] = []
  const unknown = partitions.filter((one) => client.knownLeader(one) === undefined)
  if (unknown.length > 0) {
    await client.metadata([...new Set(unknown.map(({ topic }) => topic))])
  }
  for (const one of partitions) {
    const leader = client.knownLeader(one)
    if (leader === undefined) failed.push(failure(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)(one))
    else if (leader.nodeId < 0) failed.push(failure(ErrorCode.LEADER_NOT_AVAILABLE)(one))
    else byLeader.set(leader.nodeId, [...(byLeader.get(leader.nodeId) ?? []), one])
  }
  return { byLeader, failed }
}

async function listAtLeader(
  client: Client,
  nodeId: number,
  partitions: ReadonlyArray<TopicPartition>,
  timestamp: number,
  options: ListOffsetsOptions,
): Promise<ReadonlyArray<LogOffset>> {
  const connection = await client.broker(nodeId)
  const since = nameSince.get(timestamp) ?? 0
  if ((connection.versionOf(listOffsets) ?? 0) < since) {
    throw new UnsupportedApi(`The node ${nodeId} does not support ListOffsets ${timestamp}`)
  }
  const answer = await connection.request(listOffsets, {
    replicaId: -1,
    isolationLevel: options.readCommitted === true ? 1 : 0,
    topics: groupByTopic(partitions).map(({ topic, partitions: own }) => ({
      name: topic,
      partitions: own.map(({ partition }) => ({ partitionIndex: partition, timestamp })),
    })),
    timeoutMs: Math.ceil(options.timeoutMs ?? defaultTimeoutMs),
  })
  return answer.topics.flatMap(({ name, partitions: own }) =>
    own.map(({ partitionIndex, errorCode, offset, timestamp: found, leaderEpoch }) => ({
      topic: name,
      partition: partitionIndex,
      errorCode,
      offset,
      leaderEpoch,
      timestamp: found,
    })),
  )
}

/** As `listLogOffsets`, but rejects with `KafkaError` for the first partition that has an error. */
export async function logOffsets(
  client: Client,
  partitions: ReadonlyArray<TopicPartition>,
  timestamp: number,
  options: ListOffsetsOptions = {},
): Promise<ReadonlyMap<string, number>> {
  const answers = await listLogOffsets(client, partitions, timestamp, options)
  for (const answer of answers) {
    if (answer.errorCode === ErrorCode.NONE) continue
    const what = `${partitionName(answer)}: ${errorName(answer.errorCode)}`
    throw new KafkaError(answer.errorCode, what)
  }
  return new Map(answers.map((answer) => [partitionName(answer), answer.offset]))
}

export interface CommittedOffset extends TopicPartition {
  readonly offset: number
  /** −1: not known. */
  readonly leaderEpoch: number
  readonly metadata: string
}

/** Topic ids instead of names come with version 10; names serve here. */
const namedVersionMax = 9

const namedVersion = (
  connection: ClientConnection,
  api: typeof offsetFetch | typeof offsetCommit,
): number => Math.min(connection.versionOf(api) ?? 1, namedVersionMax)

/**
 * All that the group has committed, or of the partitions named; those without an offset are left
 * out. Rejects with `KafkaError`.
 */
export function committedOffsets(
  client: Client,
  groupId: string,
  partitions?: ReadonlyArray<TopicPartition>,
  timeoutMs?: number,
): Promise<ReadonlyArray<CommittedOffset>> {
  const ask = async (connection: ClientConnection) => {
    const version = namedVersion(connection, offsetFetch)
    const topics =
      partitions === undefined
        ? null
        : groupByTopic(partitions).map(({ topic, partitions: own }) => ({
            name: topic,
            partitionIndexes: own.map(({ partition }) => partition),
          }))
    const input = version >= 8 ? { groups: [{ groupId, topics }] } : { groupId, topics }
    const answer = await connection.request(offsetFetch, input, { version })
    const found = answer.groups[0] ?? answer
    check(found.errorCode)
    return found.topics.flatMap(({ name, partitions: own }) =>
      own.flatMap((one) => {
        check(one.errorCode)
        if (one.committedOffset < 0) return []
        const { partitionIndex: partition, committedOffset: offset } = one
        const metadata = one.metadata ?? ""
        return [{ topic: name, partition, offset, leaderEpoch: one.committedLeaderEpoch, metadata }]
      }),
    )
  }
  return withCoordinator(client, groupId, ask, timeoutMs)
}

/** Who commits; left out for an administrator, who may while the group is empty. */
export interface Committer {
  readonly memberId: string
  readonly generationId: number
  readonly groupInstanceId: string | null
}

export interface OffsetToCommit extends TopicPartition {
  readonly offset: number
  readonly leaderEpoch?: number
  /** Comes back with the offset. */
  readonly metadata?: string
}

/** Rejects with `KafkaError` for the first partition that is refused. */
export function commitOffsets(
  client: Client,
  groupId: string,
  offsets: ReadonlyArray<OffsetToCommit>,
  committer?: Committer,
  timeoutMs?: number,
): Promise<void> {
  const ask = async (connection: ClientConnection) => {
    const input = {
      groupId,
      memberId: committer?.memberId ?? "",
      generationIdOrMemberEpoch: committer?.generationId ?? -1,
      groupInstanceId: committer?.groupInstanceId ?? null,
      topics: groupByTopic(offsets).map(({ topic, partitions }) => ({
        name: topic,
        partitions: partitions.map(({ partition, offset, leaderEpoch, metadata }) => ({
          partitionIndex: partition,
          committedOffset: offset,
          committedLeaderEpoch: leaderEpoch ?? -1,
          committedMetadata: metadata ?? "",
        })),
      })),
    }
    const version = namedVersion(connection, offsetCommit)
    const answer = await connection.request(offsetCommit, input, { version })
    for (const { partitions } of answer.topics) {
      for (const { errorCode } of partitions) check(errorCode)
    }
  }
  return withCoordinator(client, groupId, ask, timeoutMs)
}
