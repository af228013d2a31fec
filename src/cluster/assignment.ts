/**
 * Who should lead. An assignment is a wish, not a fact: the raft group elects, and its log check
 * refuses a replica that lacks committed entries. So nothing here can lose data; it decides how
 * fast and how evenly leaders appear.
 */
import type { GroupId } from "../../storage/wal.ts"
import type { MetadataImage, PartitionInfo } from "./image.ts"
import { isVotingReplica } from "./members.ts"
import type { Assignment, LeadersAssigned, MetadataRecord } from "./records.ts"

/** What the leaders of data groups last reported. */
export interface LeadershipView {
  /** Node ids in sync; undefined while nobody has reported on the group. */
  isrOf(group: GroupId): ReadonlyArray<number> | undefined
  /** -1 or undefined: none known. */
  leaderOf(group: GroupId): number | undefined
}

/** May be assigned: not fenced, and its present disk is a voter of the group. */
export const mayLead = (image: MetadataImage, partition: PartitionInfo, id: number): boolean => {
  const broker = image.brokers.get(id)
  if (broker === undefined || broker.fenced || !partition.replicas.includes(id)) return false
  return isVotingReplica(partition, broker)
}

/**
 * Replicas that may be assigned now, the preferred leader first. In sync ones only, as far as that
 * is known.
 */
export const candidates = (
  image: MetadataImage,
  partition: PartitionInfo,
  isr: ReadonlyArray<number> | undefined,
  except: ReadonlySet<number>,
): ReadonlyArray<number> => {
  const inSync = isr ?? partition.replicas
  return partition.replicas.filter(
    (id) => !except.has(id) && inSync.includes(id) && mayLead(image, partition, id),
  )
}

/** How many partitions each broker is assigned to lead. */
class LeaderCounts {
  private readonly counts = new Map<number, number>()

  constructor(image: MetadataImage) {
    for (const { assignedLeader } of image.groups.values()) this.add(assignedLeader)
  }

  add(id: number): void {
    this.counts.set(id, (this.counts.get(id) ?? 0) + 1)
  }

  /** The one with the fewest; the earlier one of equals. */
  fewest(ids: ReadonlyArray<number>): number | undefined {
    let best: number | undefined
    for (const id of ids) {
      if (best === undefined || this.of(id) < this.of(best)) best = id
    }
    return best
  }

  private of(id: number): number {
    return this.counts.get(id) ?? 0
  }
}

/**
 * New leaders for everything the lost broker leads or is to lead, spread over the in-sync
 * survivors. Partitions without one are left to their own election. Undefined when there is nothing
 * to assign.
 */
export const brokerLost = (
  image: MetadataImage,
  lost: number,
  view: LeadershipView,
): LeadersAssigned | undefined => {
  const orphans: Array<PartitionInfo> = []
  for (const partition of image.groups.values()) {
    if (isOrphan(image, partition, lost, view.leaderOf(partition.group))) orphans.push(partition)
  }
  const except = new Set([lost])
  // Those with the least choice first: the others can still even out what they leave.
  const options = orphans
    .map((partition) => ({
      group: partition.group,
      ids: candidates(image, partition, view.isrOf(partition.group), except),
    }))
    .filter(({ ids }) => ids.length > 0)
    .sort((a, b) => a.ids.length - b.ids.length || a.group - b.group)
  const counts = new LeaderCounts(image)
  const assignments: Array<Assignment> = []
  for (const { group, ids } of options) {
    const leader = counts.fewest(ids)!
    counts.add(leader)
    assignments.push({ group, leader, how: "campaign" })
  }
  return assignments.length === 0 ? undefined : { _tag: "LeadersAssigned", assignments }
}

/** Led by the lost broker, or by nobody known while it was the one to lead. */
const isOrphan = (
  image: MetadataImage,
  partition: PartitionInfo,
  lost: number,
  leader: number | undefined,
): boolean => {
  if (leader === lost) return true
  if (partition.assignedLeader !== lost) return false
  const broker = leader === undefined ? undefined : image.brokers.get(leader)
  return broker === undefined || broker.fenced
}

/** One decision for everything a lost broker led. Empty when it is unknown or fenced already. */
export const fenceBroker = (
  image: MetadataImage,
  brokerId: number,
  view: LeadershipView,
): ReadonlyArray<MetadataRecord> => {
  const broker = image.brokers.get(brokerId)
  if (broker === undefined || broker.fenced) return []
  const assigned = brokerLost(image, brokerId, view)
  const fenced: MetadataRecord = { _tag: "BrokerFenced", brokerId }
  return assigned === undefined ? [fenced] : [fenced, assigned]
}

/**
 * For a broker heard again in the incarnation that was fenced (its link was cut); a new one
 * registers.
 */
export const unfenceBroker = (
  image: MetadataImage,
  brokerId: number,
): ReadonlyArray<MetadataRecord> =>
  image.brokers.get(brokerId)?.fenced === true ? [{ _tag: "BrokerUnfenced", brokerId }] : []

/**
 * The next one to try when `tried` refused or did not come to lead: in sync first, then any voter
 * (the report may be old, and a group without any leader is worse than a refused campaign).
 * Undefined: all were tried.
 */
export const nextCandidate = (
  image: MetadataImage,
  partition: PartitionInfo,
  isr: ReadonlyArray<number> | undefined,
  tried: ReadonlySet<number>,
): number | undefined =>
  candidates(image, partition, isr, tried)[0] ?? candidates(image, partition, undefined, tried)[0]

/** Somebody else leads, and the preferred leader is in sync and may lead. */
const wantsBack = (
  image: MetadataImage,
  partition: PartitionInfo,
  view: LeadershipView,
): boolean => {
  const preferred = partition.replicas[0]!
  const leader = view.leaderOf(partition.group)
  if (leader === undefined || leader < 0 || leader === preferred) return false
  const inSync = view.isrOf(partition.group)?.includes(preferred) ?? false
  return inSync && mayLead(image, partition, preferred)
}

/**
 * Moves back to preferred leaders, at most `countMax`, lowest group first. `mayMove` holds back
 * what is under way or failed lately. Undefined when there is nothing to move.
 */
export const movesBack = (
  image: MetadataImage,
  view: LeadershipView,
  mayMove: (group: GroupId) => boolean,
  countMax: number,
): LeadersAssigned | undefined => {
  const wanted: Array<PartitionInfo> = []
  for (const partition of image.groups.values()) {
    if (wantsBack(image, partition, view) && mayMove(partition.group)) wanted.push(partition)
  }
  const assignments = wanted
    .sort((a, b) => a.group - b.group)
    .slice(0, countMax)
    .map(({ group, replicas }): Assignment => ({ group, leader: replicas[0]!, how: "transfer" }))
  return assignments.length === 0 ? undefined : { _tag: "LeadersAssigned", assignments }
}
