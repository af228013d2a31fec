/** Groups in a small simulated cluster: who coordinates, and members that do as they are told. */
import type { World } from "../../support/world.ts"
import { findCoordinator } from "../../../src/protocol/messages/find-coordinator.ts"
import { joinGroup } from "../../../src/protocol/messages/join-group.ts"
import { offsetCommit } from "../../../src/protocol/messages/offset-commit.ts"
import { offsetFetch } from "../../../src/protocol/messages/offset-fetch.ts"
import { syncGroup } from "../../../src/protocol/messages/sync-group.ts"

export const topic = "t"
const timeouts = { sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 10_000 }
const protocolType = "consumer"
const protocolName = "range"

export const coordinatorOf = (world: World, group: string, ask = 0): number => {
  for (let tries = 0; tries < 200; tries++) {
    const asked = { keyType: 0, coordinatorKeys: [group] }
    const [found] = world.call(ask, findCoordinator, 6, asked).coordinators
    if (found?.errorCode === 0) return found.nodeId
    world.run(50)
  }
  throw new Error(`no coordinator of ${group}`)
}

export interface Member {
  readonly memberId: string
  readonly generationId: number
}

/** The only member of its group. */
export const joinAlone = (world: World, node: number, groupId: string): Member => {
  const protocols = [{ name: protocolName, metadata: new Uint8Array(0) }]
  const ask = { groupId, protocolType, protocols, ...timeouts }
  const { memberId } = world.call(node, joinGroup, 9, { ...ask, memberId: "" })
  const { generationId, errorCode } = world.call(node, joinGroup, 9, { ...ask, memberId })
  if (errorCode !== 0) throw new Error(`JoinGroup: ${errorCode}`)
  const assignments = [{ memberId, assignment: Uint8Array.of(1) }]
  const sync = { groupId, memberId, generationId, protocolType, protocolName, assignments }
  const synced = world.call(node, syncGroup, 5, sync)
  if (synced.errorCode !== 0) throw new Error(`SyncGroup: ${synced.errorCode}`)
  return { memberId, generationId }
}

const noMember: Member = { memberId: "", generationId: -1 }

/** The error code of partition 0. */
export const commit = (
  world: World,
  node: number,
  groupId: string,
  offset: number,
  { memberId, generationId }: Member = noMember,
): number | undefined => {
  const partitions = [{ partitionIndex: 0, committedOffset: offset, committedMetadata: "m" }]
  const asked = {
    groupId,
    memberId,
    generationIdOrMemberEpoch: generationId,
    topics: [{ name: topic, partitions }],
  }
  return world.call(node, offsetCommit, 9, asked).topics[0]?.partitions[0]?.errorCode
}

export interface Fetched {
  readonly errorCode: number | undefined
  /** Of partition 0. */
  readonly offset: number | undefined
}

export const fetched = (world: World, node: number, groupId: string): Fetched => {
  const topics = [{ name: topic, partitionIndexes: [0] }]
  const [group] = world.call(node, offsetFetch, 9, { groups: [{ groupId, topics }] }).groups
  return {
    errorCode: group?.errorCode,
    offset: group?.topics[0]?.partitions[0]?.committedOffset,
  }
}
