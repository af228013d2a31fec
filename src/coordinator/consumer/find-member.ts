/** Who a request speaks for: the member it names, checked and fenced, or a new one. */
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { CoordinatorRecord } from "../ports.ts"
import type { ConsumerGroup } from "./consumer-group.ts"
import * as recordOf from "./group-records.ts"
import { newMember, staticLeaveEpoch } from "./member.ts"
import type { ConsumerMember } from "./member.ts"
import { isReportedWithin } from "./owned-partitions.ts"
import type { ReportedPartitions } from "./owned-partitions.ts"
import { refused } from "./refusal.ts"
import type { Refused } from "./refusal.ts"

export interface Claim {
  readonly memberId: string
  readonly instanceId: string | null
  /**
   * Undefined: a member that speaks the classic protocol, whose generation is checked elsewhere.
   */
  readonly memberEpoch: number | undefined
  readonly reported: ReportedPartitions | null
  /** It joins, or joins again. */
  readonly mayJoin: boolean
}

export interface Found {
  readonly member: ConsumerMember
  /** The static member in whose place it steps. */
  readonly replacedId: string | undefined
  /** What puts it there. */
  readonly records: ReadonlyArray<CoordinatorRecord>
}

export function checkGroupSize(
  group: ConsumerGroup,
  memberId: string,
  sizeMax: number,
): Refused | undefined {
  if (group.members.size < sizeMax || group.members.has(memberId)) return undefined
  return refused(
    ErrorCode.GROUP_MAX_SIZE_REACHED,
    `The consumer group has reached its maximum capacity of ${sizeMax} members.`,
  )
}

export function findMember(group: ConsumerGroup, claim: Claim): Found | Refused {
  return claim.instanceId === null
    ? findDynamic(group, claim)
    : findStatic(group, claim, claim.instanceId)
}

export const unknownMember = (group: ConsumerGroup, memberId: string): Refused =>
  refused(
    ErrorCode.UNKNOWN_MEMBER_ID,
    `Member ${memberId} is not a member of group ${group.groupId}.`,
  )

function findDynamic(group: ConsumerGroup, claim: Claim): Found | Refused {
  const known = group.members.get(claim.memberId)
  if (known === undefined && !claim.mayJoin) return unknownMember(group, claim.memberId)
  const member = known ?? newMember(claim.memberId)
  return checkEpoch(member, claim) ?? { member, replacedId: undefined, records: [] }
}

function findStatic(group: ConsumerGroup, claim: Claim, instanceId: string): Found | Refused {
  const known = group.staticMember(instanceId)
  if (claim.mayJoin) {
    return known === undefined
      ? {
          member: group.members.get(claim.memberId) ?? newMember(claim.memberId),
          replacedId: undefined,
          records: [],
        }
      : replaceStatic(group, known, claim, instanceId)
  }
  if (known === undefined) return unknownInstance(instanceId)
  const member = checkInstance(known, claim.memberId, instanceId) ?? checkEpoch(known, claim)
  return member ?? { member: known, replacedId: undefined, records: [] }
}

export const unknownInstance = (instanceId: string): Refused =>
  refused(ErrorCode.UNKNOWN_MEMBER_ID, `Instance id ${instanceId} is unknown.`)

export function checkInstance(
  member: ConsumerMember,
  memberId: string,
  instanceId: string,
): Refused | undefined {
  if (member.memberId === memberId) return undefined
  return refused(
    ErrorCode.FENCED_INSTANCE_ID,
    `Static member ${memberId} with instance id ${instanceId} was fenced by member ` +
      `${member.memberId}.`,
  )
}

/**
 * The newcomer takes over what the instance has; both speak the new protocol: only once it left.
 */
function replaceStatic(
  group: ConsumerGroup,
  known: ConsumerMember,
  { memberId, memberEpoch }: Claim,
  instanceId: string,
): Found | Refused {
  const isClassic = memberEpoch === undefined
  if (!isClassic && known.classic === null && known.memberEpoch !== staticLeaveEpoch) {
    return refused(
      ErrorCode.UNRELEASED_INSTANCE_ID,
      `Static member ${memberId} with instance id ${instanceId} cannot join the group because ` +
        `the instance id is owned by ${known.memberId} member.`,
    )
  }
  const member = { ...known, memberId, memberEpoch: 0, previousMemberEpoch: 0 }
  const { groupId, targets } = group
  const records = [
    ...recordOf.memberTombstones(groupId, known.memberId),
    recordOf.memberMetadata(groupId, member),
    recordOf.targetMember(groupId, memberId, targets.get(known.memberId) ?? new Map()),
    recordOf.currentAssignment(groupId, member),
  ]
  return { member, replacedId: known.memberId, records }
}

/** 0 may always join again. The epoch before is good once more if its owner has not too much. */
function checkEpoch(member: ConsumerMember, claim: Claim): Refused | undefined {
  const received = claim.memberEpoch
  const known = member.memberEpoch
  if (received === undefined || received === 0 || received === known) return undefined
  const isRetry =
    received === member.previousMemberEpoch && isReportedWithin(claim.reported, member.assigned)
  if (received < known && isRetry) return undefined
  const size = received > known ? "greater" : "smaller"
  return refused(
    ErrorCode.FENCED_MEMBER_EPOCH,
    `The consumer group member has a ${size} member epoch (${received}) than the one known by ` +
      `the group coordinator (${known}). The member must abandon all its partitions and rejoin.`,
  )
}
