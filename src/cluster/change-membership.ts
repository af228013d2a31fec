/**
 * ChangeMembership (between brokers): claims, settled memberships, vacated witnesses. Repeating one
 * changes nothing; what no longer fits the image is left out, and asked again if it still matters.
 */
import type { changeMembership as schema } from "../protocol/messages/change-membership.ts"
import type { RequestOf, ResponseInput } from "../protocol/schema.ts"
import type { ControllerContext, Decision } from "./controller.ts"
import type { MetadataImage, PartitionInfo } from "./image.ts"
import { nodeOf } from "./members.ts"
import {
  goalConfiguration,
  isReassigning,
  isUnsettled,
  sameMembers,
  targetOf,
  waitsForWitness,
} from "./membership.ts"
import type { Assignment, MembershipChanged, MetadataRecord } from "./records.ts"
import { WitnessPlacer, witnessFactor } from "./witness.ts"

export type ChangeMembershipRequest = RequestOf<typeof schema>
export type ChangeMembershipResponse = ResponseInput<typeof schema>
type Change = ChangeMembershipRequest["partitions"][number]

export const membershipKind = { claim: 0, settled: 1, vacated: 2 } as const

export const changeMembership = (
  image: MetadataImage,
  request: ChangeMembershipRequest,
  context: ControllerContext,
): Decision<ChangeMembershipResponse> => {
  const records: Array<MetadataRecord> = []
  const assignments: Array<Assignment> = []
  const seen = new Set<number>()
  let placer: WitnessPlacer | undefined
  const placeWitness = (info: PartitionInfo): number => {
    placer ??= new WitnessPlacer(image, context).countPresent(image)
    return placer.place(targetOf(info), info.group, notYet(info))
  }
  for (const change of request.partitions) {
    const info = image.groups.get(change.group)
    if (info === undefined || seen.has(change.group)) continue
    seen.add(change.group)
    const record = decided(image, info, change, request, placeWitness)
    if (record === undefined) continue
    records.push(record)
    if (record.replicas.includes(info.assignedLeader)) continue
    const leader = record.replicas.includes(request.brokerId)
      ? request.brokerId
      : record.replicas[0]!
    assignments.push({ group: info.group, leader, how: "transfer" })
  }
  const settled = records.length
  if (assignments.length > 0) records.push({ _tag: "LeadersAssigned", assignments })
  return { records, response: { settled } }
}

const decided = (
  image: MetadataImage,
  info: PartitionInfo,
  change: Change,
  { brokerId, asOf }: ChangeMembershipRequest,
  placeWitness: (info: PartitionInfo) => number,
): MembershipChanged | undefined => {
  switch (change.kind) {
    case membershipKind.claim:
      return change.term > info.claimTerm
        ? membershipChanged(info, { claimTerm: change.term })
        : undefined
    case membershipKind.settled:
      // An older image of the leader may lead it on to a goal that was given up.
      if (change.term !== info.claimTerm || asOf < info.membershipIndex) return undefined
      return isGoal(image, info, change) ? settled(image, info, change, placeWitness) : undefined
    case membershipKind.vacated:
      return info.vacating.includes(brokerId)
        ? membershipChanged(info, { vacating: info.vacating.filter((id) => id !== brokerId) })
        : undefined
    default:
      return undefined
  }
}

const isGoal = (image: MetadataImage, info: PartitionInfo, { voters, witnesses }: Change) => {
  const goal = goalConfiguration(info, image.brokers)
  return sameMembers(voters, goal.voters) && sameMembers(witnesses, goal.witnesses)
}

const settled = (
  image: MetadataImage,
  info: PartitionInfo,
  { voters, witnesses }: Change,
  placeWitness: (info: PartitionInfo) => number,
): MembershipChanged | undefined => {
  const target = targetOf(info)
  const lacksWitness = info.witness === -1 && target.length === witnessFactor
  if (!isUnsettled(info, image.brokers)) return undefined
  const data = voters.filter((member) => !witnesses.includes(member))
  const left = {
    departing: [],
    leavingWitnesses: [],
    vacating: [...new Set([...info.vacating, ...info.leavingWitnesses])],
    voters: data,
  }
  if (waitsForWitness(info)) return membershipChanged(info, left)
  return membershipChanged(info, {
    ...left,
    replicas: target,
    adding: [],
    removing: [],
    witness: lacksWitness ? placeWitness(info) : info.witness,
  })
}

/** The record that makes these changes and no others. */
export const membershipChanged = (
  info: PartitionInfo,
  changes: Partial<PartitionInfo>,
): MembershipChanged => {
  const { group, replicas, adding, removing, departing, witness, ...rest } = {
    ...info,
    ...changes,
  }
  const { leavingWitnesses, vacating, claimTerm } = rest
  const voters = changes.voters?.map((member) => ({
    brokerId: nodeOf(member),
    uuid: member.slice(member.indexOf("/") + 1),
  }))
  return {
    _tag: "MembershipChanged",
    group,
    replicas,
    adding,
    removing,
    departing,
    witness,
    leavingWitnesses,
    vacating,
    claimTerm,
    voters: voters ?? null,
  }
}

/** Brokers that still have to get rid of what they held as witnesses. */
const notYet = ({ leavingWitnesses, vacating }: PartitionInfo): ReadonlyArray<number> => [
  ...leavingWitnesses,
  ...vacating,
]

/** Witnesses for settled partitions with two replicas that have none; lowest group first. */
export const missingWitnesses = (
  image: MetadataImage,
  context: ControllerContext,
  countMax: number,
): ReadonlyArray<MembershipChanged> => {
  if (!context.placeWitnesses) return []
  const lacking = [...image.groups.values()]
    .filter(lacksWitness)
    .sort((a, b) => a.group - b.group)
    .slice(0, countMax)
  if (lacking.length === 0) return []
  const placer = new WitnessPlacer(image, context).countPresent(image)
  return lacking.flatMap((info) => {
    const witness = placer.place(info.replicas, info.group, notYet(info))
    return witness === -1 ? [] : [membershipChanged(info, { witness })]
  })
}

const lacksWitness = (info: PartitionInfo): boolean =>
  info.replicas.length === witnessFactor &&
  info.witness === -1 &&
  info.leavingWitnesses.length === 0 &&
  info.departing.length === 0 &&
  !isReassigning(info)
