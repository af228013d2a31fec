/** DescribeGroups and ListGroups, of the groups as the leader knows them. */
import { ErrorCode } from "../protocol/error-codes.ts"
import type { ClassicProtocol } from "./classic/classic-protocol.ts"
import type { LiveGroup } from "./classic/live-group.ts"
import { noAssignment } from "./classic/member.ts"
import type { GroupView } from "./group-view.ts"
import type { Groups } from "./groups.ts"
import type { RequestOrigin } from "./ports.ts"
import type { DescribedGroup, ListedGroup } from "./wire.ts"

interface Views {
  readonly classic: ClassicProtocol
  view(groupId: string): GroupView | undefined
}

/** From here on a group that is not there is an error; before, it is dead. */
const notFoundSince = 6

export const describeClassic = (
  groupId: string,
  views: Views,
  { apiVersion }: RequestOrigin,
): DescribedGroup => {
  const group = views.classic.group(groupId)
  if (group !== undefined) return describe(group)
  const dead = { groupId, groupState: "Dead", errorCode: ErrorCode.NONE }
  if (apiVersion < notFoundSince) return dead
  const isOther = views.view(groupId) !== undefined
  const errorMessage = `Group ${groupId} ${isOther ? "is not a classic group" : "not found"}.`
  return { ...dead, errorCode: ErrorCode.GROUP_ID_NOT_FOUND, errorMessage }
}

/** What members subscribe to is shown when they agree on a protocol. */
const describe = (group: LiveGroup): DescribedGroup => {
  const isStable = group.state === "Stable"
  return {
    errorCode: ErrorCode.NONE,
    groupId: group.groupId,
    groupState: group.state,
    protocolType: group.protocolType,
    protocolData: isStable ? (group.protocolName ?? "") : "",
    members: [...group.members.values()].map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      memberMetadata: isStable ? member.metadataFor(group.protocolName) : noAssignment,
      memberAssignment: member.assignment,
    })),
  }
}

interface Filters {
  readonly states: ReadonlyArray<string>
  readonly types: ReadonlyArray<string>
}

const wanted = (filter: ReadonlyArray<string>): ((value: string) => boolean) => {
  const values = new Set(filter.map((value) => value.trim().toLowerCase()))
  return (value) => values.size === 0 || values.has(value.toLowerCase())
}

export const listGroups = (
  groups: Groups,
  views: Views,
  { states, types }: Filters,
): ReadonlyArray<ListedGroup> => {
  const isState = wanted(states)
  const isType = wanted(types)
  return groups.ids.flatMap((groupId) => {
    const group = views.view(groupId)
    if (group === undefined || !isState(group.state) || !isType(group.type)) return []
    const { protocolType, state, type } = group
    return [{ groupId, protocolType, groupState: state, groupType: type }]
  })
}
