/**
 * Consumer groups as an administrator sees them: which there are, who is in them, and how far they
 * have read. Everything is asked of the group's coordinator.
 */
import { ErrorCode, errorName } from "../protocol/error-codes.ts"
import { consumerGroupDescribe } from "../protocol/messages/consumer-group-describe.ts"
import { deleteGroups } from "../protocol/messages/delete-groups.ts"
import { describeGroups } from "../protocol/messages/describe-groups.ts"
import { findCoordinator } from "../protocol/messages/find-coordinator.ts"
import { listGroups } from "../protocol/messages/list-groups.ts"
import { offsetDelete } from "../protocol/messages/offset-delete.ts"
import type { ResponseOf } from "../protocol/schema.ts"
import type { Client } from "./client.ts"
import { KafkaError, UnsupportedApi } from "./client-error.ts"
import type { ClientConnection } from "./connection.ts"
import { decodeAssignment } from "./consumer-protocol.ts"
import { retrying } from "./retry.ts"
import { groupByTopic } from "./topic-partition.ts"
import type { TopicPartition } from "./topic-partition.ts"

export interface GroupListing {
  readonly groupId: string
  readonly protocolType: string
  /** Empty where the broker does not tell, as is the type: "Classic", "Consumer", … */
  readonly state: string
  readonly type: string
}

export interface GroupMember {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly host: string
  readonly assignment: ReadonlyArray<TopicPartition>
  /** Of the new protocol alone. */
  readonly targetAssignment: ReadonlyArray<TopicPartition>
  readonly memberEpoch: number | undefined
  /** Whether it speaks the new protocol; undefined where the broker does not tell. */
  readonly upgraded: boolean | undefined
}

export interface GroupDescription {
  readonly groupId: string
  readonly type: "Classic" | "Consumer"
  readonly state: string
  readonly assignor: string
  readonly coordinator: Coordinator
  readonly members: ReadonlyArray<GroupMember>
  readonly groupEpoch: number | undefined
  readonly targetAssignmentEpoch: number | undefined
}

export interface Coordinator {
  readonly nodeId: number
  readonly host: string
  readonly port: number
}

const defaultTimeoutMs = 30_000

/** Rejects with `KafkaError` when nobody coordinates the group within the time. */
export function findGroupCoordinator(
  client: Client,
  groupId: string,
  timeoutMs = defaultTimeoutMs,
): Promise<Coordinator> {
  return retrying({ deadlineMs: performance.now() + timeoutMs }, async () => {
    const connection = await client.any()
    const version = connection.versionOf(findCoordinator) ?? 0
    const one = { key: groupId, keyType: 0 }
    const request = version >= 4 ? { keyType: 0, coordinatorKeys: [groupId] } : one
    const answer = await connection.request(findCoordinator, request)
    const found = answer.coordinators[0] ?? answer
    check(found.errorCode, found.errorMessage)
    return { nodeId: found.nodeId, host: found.host, port: found.port }
  })
}

/**
 * Asks the coordinator; again with a new one when it is no longer, until the time is over. The
 * action throws `KafkaError` for error codes, by `check`.
 */
export function withCoordinator<A>(
  client: Client,
  groupId: string,
  action: (connection: ClientConnection, coordinator: Coordinator) => Promise<A>,
  timeoutMs = defaultTimeoutMs,
): Promise<A> {
  const deadlineMs = performance.now() + timeoutMs
  return retrying({ deadlineMs }, async () => {
    const coordinator = await findGroupCoordinator(client, groupId, deadlineMs - performance.now())
    return action(await client.broker(coordinator.nodeId, "group"), coordinator)
  })
}

/** Throws `KafkaError` unless the code is NONE. */
export function check(code: number, message?: string | null): void {
  if (code !== ErrorCode.NONE) throw new KafkaError(code, message ?? errorName(code))
}

/** Of all brokers, broker by broker in the order of their ids. */
export async function listAllGroups(
  client: Client,
  filters: { readonly states?: ReadonlyArray<string>; readonly types?: ReadonlyArray<string> } = {},
): Promise<ReadonlyArray<GroupListing>> {
  const { brokers } = await client.metadata([])
  const groups = new Map<string, GroupListing>()
  for (const { nodeId } of brokers.toSorted((a, b) => a.nodeId - b.nodeId)) {
    const answer = await retrying(
      { deadlineMs: performance.now() + defaultTimeoutMs },
      async () => {
        const connection = await client.broker(nodeId)
        const listed = await connection.request(listGroups, {
          statesFilter: filters.states ?? [],
          typesFilter: filters.types ?? [],
        })
        check(listed.errorCode)
        return listed
      },
    )
    for (const { groupId, protocolType, groupState, groupType } of answer.groups) {
      groups.set(groupId, {
        groupId,
        protocolType,
        state: groupState,
        type: capitalized(groupType),
      })
    }
  }
  return [...groups.values()]
}

/** Brokers write the types in small letters, Kafka's tools do not. */
const capitalized = (word: string): string => word.slice(0, 1).toUpperCase() + word.slice(1)

/**
 * By the new protocol's API where the group speaks it, else by the classic one. Rejects with
 * `KafkaError`: GROUP_ID_NOT_FOUND for a group that is not there, where the broker tells.
 */
export function describeGroup(
  client: Client,
  groupId: string,
  timeoutMs = defaultTimeoutMs,
): Promise<GroupDescription> {
  const ask = async (connection: ClientConnection, coordinator: Coordinator) => {
    if (connection.versionOf(consumerGroupDescribe) !== undefined) {
      const answer = await connection.request(consumerGroupDescribe, { groupIds: [groupId] })
      const group = answer.groups[0]
      const classic =
        group === undefined ||
        group.errorCode === ErrorCode.GROUP_ID_NOT_FOUND ||
        group.errorCode === ErrorCode.UNSUPPORTED_VERSION
      if (!classic) {
        check(group.errorCode, group.errorMessage)
        return consumerDescription(group, coordinator)
      }
    }
    const answer = await connection.request(describeGroups, { groups: [groupId] })
    const group = answer.groups[0]
    if (group === undefined) throw new UnsupportedApi("an answer without the group")
    check(group.errorCode, group.errorMessage)
    return classicDescription(group, coordinator)
  }
  return withCoordinator<GroupDescription>(client, groupId, ask, timeoutMs)
}

function classicDescription(
  group: ResponseOf<typeof describeGroups>["groups"][number],
  coordinator: Coordinator,
): GroupDescription {
  return {
    groupId: group.groupId,
    type: "Classic",
    state: group.groupState,
    assignor: group.protocolData,
    coordinator,
    members: group.members.map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      host: member.clientHost,
      assignment:
        group.protocolType === "consumer" ? decodeAssignment(member.memberAssignment) : [],
      targetAssignment: [],
      memberEpoch: undefined,
      upgraded: undefined,
    })),
    groupEpoch: undefined,
    targetAssignmentEpoch: undefined,
  }
}

function consumerDescription(
  group: ResponseOf<typeof consumerGroupDescribe>["groups"][number],
  coordinator: Coordinator,
): GroupDescription {
  const partitionsOf = (assignment: (typeof group.members)[number]["assignment"]) =>
    assignment.topicPartitions.flatMap(({ topicName, partitions }) =>
      partitions.map((partition) => ({ topic: topicName, partition })),
    )
  return {
    groupId: group.groupId,
    type: "Consumer",
    state: group.groupState,
    assignor: group.assignorName,
    coordinator,
    members: group.members.map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.instanceId,
      clientId: member.clientId,
      host: member.clientHost,
      assignment: partitionsOf(member.assignment),
      targetAssignment: partitionsOf(member.targetAssignment),
      memberEpoch: member.memberEpoch,
      upgraded: member.memberType < 0 ? undefined : member.memberType === 1,
    })),
    groupEpoch: group.groupEpoch,
    targetAssignmentEpoch: group.assignmentEpoch,
  }
}

/** Rejects with `KafkaError`. */
export function deleteGroup(client: Client, groupId: string, timeoutMs?: number): Promise<void> {
  const ask = async (connection: ClientConnection) => {
    const answer = await connection.request(deleteGroups, { groupsNames: [groupId] })
    check(answer.results[0]?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR)
  }
  return withCoordinator(client, groupId, ask, timeoutMs)
}

/** The error code of each partition; rejects with `KafkaError` for the group's own. */
export function deleteOffsets(
  client: Client,
  groupId: string,
  partitions: ReadonlyArray<TopicPartition>,
  timeoutMs?: number,
): Promise<ReadonlyArray<TopicPartition & { readonly errorCode: number }>> {
  const ask = async (connection: ClientConnection) => {
    const topics = groupByTopic(partitions).map(({ topic, partitions: own }) => ({
      name: topic,
      partitions: own.map(({ partition }) => ({ partitionIndex: partition })),
    }))
    const answer = await connection.request(offsetDelete, { groupId, topics })
    check(answer.errorCode)
    return answer.topics.flatMap(({ name, partitions: own }) =>
      own.map(({ partitionIndex, errorCode }) => ({
        topic: name,
        partition: partitionIndex,
        errorCode,
      })),
    )
  }
  return withCoordinator(client, groupId, ask, timeoutMs)
}
