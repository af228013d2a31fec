/** Consumer groups without records: members that join and heartbeat, each on its own connection. */
import { consumerGroupHeartbeat } from "../../src/protocol/messages/consumer-group-heartbeat.ts"
import { findCoordinator } from "../../src/protocol/messages/find-coordinator.ts"
import { heartbeat } from "../../src/protocol/messages/heartbeat.ts"
import { joinGroup } from "../../src/protocol/messages/join-group.ts"
import { syncGroup } from "../../src/protocol/messages/sync-group.ts"
import { parseAddress, RawConnection } from "../harness/raw.ts"
import { until } from "../harness/until.ts"

export type GroupProtocol = "classic" | "consumer"

export interface GroupMember {
  beat(): Promise<number>
  close(): void
}

const sessionTimeoutMs = 30_000
const rebalanceTimeoutMs = 60_000
const protocolType = "consumer"
const protocolName = "range"

/** The address of a group's coordinator, once it has one. */
export const coordinatorOf = (anyBroker: RawConnection, group: string): Promise<string> =>
  until(`a coordinator of ${group}`, async () => {
    const asked = { keyType: 0, coordinatorKeys: [group] }
    const { coordinators } = await anyBroker.request(findCoordinator, 6, asked)
    const [found] = coordinators
    return found?.errorCode === 0 ? `${found.host}:${found.port}` : undefined
  })

const nothing = new Uint8Array(0)

/** All of one group at once; resolves when every one has its assignment. */
export async function joinAll(
  address: string,
  group: string,
  count: number,
  topic: string,
  protocol: GroupProtocol,
): Promise<ReadonlyArray<GroupMember>> {
  const connections = await Promise.all(
    Array.from({ length: count }, () => RawConnection.open(parseAddress(address), "group-load")),
  )
  return Promise.all(
    connections.map((connection, i) =>
      protocol === "classic"
        ? joinClassic(connection, group)
        : joinConsumer(connection, group, `${group}-${i}`, topic),
    ),
  )
}

/** Joins until it is in a generation that all of them are in, for the last one to come moves it. */
async function joinClassic(connection: RawConnection, groupId: string): Promise<GroupMember> {
  let memberId = ""
  let generationId = -1
  const timeouts = { sessionTimeoutMs, rebalanceTimeoutMs }
  const protocols = [{ name: protocolName, metadata: nothing }]
  const join = async (): Promise<void> => {
    const asked = { groupId, memberId, protocolType, protocols, ...timeouts }
    const joined = await connection.request(joinGroup, 9, asked)
    memberId = joined.memberId
    if (joined.errorCode !== 0) return join()
    generationId = joined.generationId
    const assignments = joined.members.map((member) => ({
      memberId: member.memberId,
      assignment: nothing,
    }))
    const mine = { groupId, memberId, generationId, protocolType, protocolName, assignments }
    const { errorCode } = await connection.request(syncGroup, 5, mine)
    return errorCode === 0 ? undefined : join()
  }
  await join()
  return {
    beat: async () => {
      const asked = { groupId, memberId, generationId }
      const { errorCode } = await connection.request(heartbeat, 4, asked)
      if (errorCode !== 0) await join()
      return errorCode
    },
    close: () => connection.close(),
  }
}

async function joinConsumer(
  connection: RawConnection,
  groupId: string,
  memberId: string,
  topic: string,
): Promise<GroupMember> {
  const first = await connection.request(consumerGroupHeartbeat, 1, {
    groupId,
    memberId,
    memberEpoch: 0,
    rebalanceTimeoutMs,
    subscribedTopicNames: [topic],
    topicPartitions: [],
  })
  let memberEpoch = first.memberEpoch
  let owned = first.assignment?.topicPartitions ?? []
  return {
    beat: async () => {
      const topicPartitions = owned
      const asked = { groupId, memberId, memberEpoch, topicPartitions }
      const answer = await connection.request(consumerGroupHeartbeat, 1, asked)
      if (answer.errorCode === 0) memberEpoch = answer.memberEpoch
      owned = answer.assignment?.topicPartitions ?? owned
      return answer.errorCode
    },
    close: () => connection.close(),
  }
}
