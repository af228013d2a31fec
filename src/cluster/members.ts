/** Who a raft member is: one disk of one node. A node with a new disk is a new member. */
import type { Configuration, MemberId } from "../../raft/types.ts"
import type { BrokerInfo, PartitionInfo } from "./image.ts"

export interface Founder {
  readonly nodeId: number
  readonly diskUuid: string
}

/**
 * Group 0 never has more voters: more would make every metadata commit slower, not the cluster
 * safer.
 */
export const metadataVotersMax = 5

export const memberId = (nodeId: number, diskUuid: string): MemberId => `${nodeId}/${diskUuid}`

const zero = 0x30
const slash = 0x2f
const digitsMax = 10

/** Throws for anything that `memberId` did not make. Asked for every message: no pattern. */
export const nodeOf = (member: MemberId): number => {
  let nodeId = 0
  for (let at = 0; at <= digitsMax; at++) {
    const digit = member.charCodeAt(at) - zero
    if (digit >= 0 && digit <= 9) nodeId = nodeId * 10 + digit
    else if (at > 0 && digit === slash - zero && member.length > at + 1) return nodeId
    else break
  }
  throw new Error(`not a member id: ${member}`)
}

/**
 * Membership of group 0 at the birth of the cluster, the same on every broker: lowest node ids
 * vote.
 */
export const foundingConfiguration = (founders: ReadonlyArray<Founder>): Configuration => {
  const sorted = founders.toSorted((a, b) => a.nodeId - b.nodeId)
  const members = sorted.map((founder) => memberId(founder.nodeId, founder.diskUuid))
  if (members.length === 0) throw new Error("a cluster needs at least one founding broker")
  for (let i = 1; i < sorted.length; i++) {
    const { nodeId } = sorted[i]!
    if (nodeId === sorted[i - 1]!.nodeId) throw new Error(`two founding brokers ${nodeId}`)
  }
  return {
    voters: members.slice(0, metadataVotersMax),
    votersOutgoing: [],
    learners: members.slice(metadataVotersMax),
    learnersNext: [],
    witnesses: [],
  }
}

/** Membership in which a data group begins: its log is empty, every replica and witness votes. */
export const groupConfiguration = ({ members, foundingWitness }: PartitionInfo): Configuration => {
  const witnesses = foundingWitness === null ? [] : [foundingWitness]
  return {
    voters: [...members, ...witnesses],
    votersOutgoing: [],
    learners: [],
    learnersNext: [],
    witnesses,
  }
}

export const memberOfBroker = (broker: BrokerInfo): MemberId => memberId(broker.id, broker.diskUuid)

/**
 * Whether the broker's present disk is a data voter, as of the last settled membership. A new disk
 * of a known node is not, until it has learned (hazard 18).
 */
export const isVotingReplica = (partition: PartitionInfo, broker: BrokerInfo): boolean =>
  partition.voters.includes(memberOfBroker(broker))

/** The present disks of those brokers that are registered. */
export const presentMembers = (
  ids: Iterable<number>,
  brokers: ReadonlyMap<number, BrokerInfo>,
): ReadonlyArray<MemberId> => {
  const members: Array<MemberId> = []
  for (const id of ids) {
    const broker = brokers.get(id)
    if (broker !== undefined) members.push(memberOfBroker(broker))
  }
  return members
}
