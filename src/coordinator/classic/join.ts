/** JoinGroup in a classic group: who is let in, and what that sets off. */
import { ErrorCode } from "../../protocol/error-codes.ts"
import { uuidFromBase64 } from "../../protocol/uuid.ts"
import { noStep } from "../operations.ts"
import type { Step } from "../operations.ts"
import type { RequestOrigin } from "../ports.ts"
import { fitsRecord } from "../records/codec.ts"
import type { CoordinatorTerm } from "../term.ts"
import { encodeClassicGroup } from "./classic-group.ts"
import type { LiveGroup } from "./live-group.ts"
import { Member, noAssignment, protocolsOf } from "./member.ts"
import type { JoinProtocol, JoinRequest, JoinResponse } from "./member.ts"
import { currentGeneration, newMemberJoinTimeoutMs } from "./rebalance.ts"
import type { Rebalancer } from "./rebalance.ts"

/** Promised ids of one group; Kafka has no bound. */
const pendingMembersMax = 10_000

export interface Join {
  readonly group: LiveGroup
  readonly request: JoinRequest
  readonly origin: RequestOrigin
  readonly protocols: ReadonlyArray<JoinProtocol>
  readonly rebalanceTimeoutMs: number
  readonly reply: (response: JoinResponse) => void
}

export const joinOf = (
  group: LiveGroup,
  request: JoinRequest,
  origin: RequestOrigin,
  reply: (response: JoinResponse) => void,
): Join => ({
  group,
  request,
  origin,
  protocols: protocolsOf(request),
  // Version 0 has no timeout of its own for it.
  rebalanceTimeoutMs:
    origin.apiVersion === 0 ? request.sessionTimeoutMs : request.rebalanceTimeoutMs,
  reply,
})

/** Longer than this no id is promised: a UUID is put to the client's id, or its instance's. */
const idSuffix = `-${"0".repeat(36)}`

/** Whether the group with this member can be stored. */
export const isStorable = (request: JoinRequest, { clientId }: RequestOrigin): boolean => {
  const { memberId, groupInstanceId, protocolType, protocols } = request
  const texts = [memberId, `${groupInstanceId ?? clientId}${idSuffix}`, clientId, protocolType]
  return texts.every(fitsRecord) && protocols.every(({ name }) => fitsRecord(name))
}

export class Joiner {
  readonly #term: CoordinatorTerm
  readonly #rebalancer: Rebalancer

  constructor(term: CoordinatorTerm, rebalancer: Rebalancer) {
    this.#term = term
    this.#rebalancer = rebalancer
  }

  join(join: Join, nowMs: number): Step {
    const { group, request, protocols, reply } = join
    const { memberId } = request
    if (!this.#hasRoomFor(group, memberId)) {
      if (memberId !== "") this.#rebalancer.dropMember(group, memberId)
      reply({ errorCode: ErrorCode.GROUP_MAX_SIZE_REACHED })
      return noStep
    }
    if (!group.supports(request.protocolType, protocols)) {
      reply({ memberId, errorCode: ErrorCode.INCONSISTENT_GROUP_PROTOCOL })
      return noStep
    }
    return memberId === "" ? this.#joinNew(join, nowMs) : this.#joinKnown(join, nowMs)
  }

  /** While it rebalances, whoever joins first has a place; then, whoever is a member. */
  #hasRoomFor(group: LiveGroup, memberId: string): boolean {
    const { groupMaxSize } = this.#term.host.settings
    const member = group.members.get(memberId)
    switch (group.state) {
      case "PreparingRebalance":
        return member?.joining !== undefined || group.joiningCount < groupMaxSize
      case "CompletingRebalance":
      case "Stable":
        return member !== undefined || group.members.size < groupMaxSize
      case "Empty":
    }
    return true
  }

  #joinNew(join: Join, nowMs: number): Step {
    const { group, request, origin, reply } = join
    const { groupInstanceId } = request
    const newMemberId = `${groupInstanceId ?? origin.clientId}-${this.#nextId()}`
    if (groupInstanceId !== null) {
      const old = group.members.get(group.staticMemberId(groupInstanceId) ?? "")
      return old === undefined
        ? this.#add(join, newMemberId, nowMs)
        : this.#replace(join, old, newMemberId, nowMs)
    }
    if (origin.apiVersion < 4) return this.#add(join, newMemberId, nowMs)
    if (group.pendingMembers.size >= pendingMembersMax) {
      reply({ errorCode: ErrorCode.COORDINATOR_NOT_AVAILABLE })
      return noStep
    }
    group.pendingMembers.add(newMemberId)
    this.#rebalancer.expectWithin(group, newMemberId, nowMs, request.sessionTimeoutMs)
    reply({ memberId: newMemberId, errorCode: ErrorCode.MEMBER_ID_REQUIRED })
    return noStep
  }

  /** A random UUID as Java prints it. */
  #nextId(): string {
    const id = this.#term.host.nextUuid()
    const hex = uuidFromBase64(id)
    return hex === undefined ? id : hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-")
  }

  #joinKnown(join: Join, nowMs: number): Step {
    const { group, request, reply } = join
    const { memberId, groupInstanceId } = request
    if (group.pendingMembers.has(memberId) && groupInstanceId === null) {
      return this.#add(join, memberId, nowMs)
    }
    const error = group.checkMember(memberId, groupInstanceId)
    const member = group.members.get(memberId)
    if (error !== ErrorCode.NONE || member === undefined) {
      reply({ memberId, errorCode: error })
      return noStep
    }
    return this.#rejoin(join, member, nowMs)
  }

  #rejoin(join: Join, member: Member, nowMs: number): Step {
    const { group, protocols, reply } = join
    const isUnchanged = member.matches(protocols)
    const isLeader = group.isLeader(member.memberId)
    switch (group.state) {
      case "PreparingRebalance":
        return this.#update(join, member, "joins", nowMs)
      case "CompletingRebalance":
        if (!isUnchanged) return this.#update(join, member, "joins with other metadata", nowMs)
        // It may have missed the answer that began this generation.
        reply(currentGeneration(group, member, isLeader))
        return noStep
      case "Stable":
        // What made the leader rebalance (partitions, say) need not show in its metadata.
        if (isLeader) return this.#update(join, member, "leads and joins again", nowMs)
        if (!isUnchanged) return this.#update(join, member, "joins with other metadata", nowMs)
        reply(currentGeneration(group, member, false))
        return noStep
      case "Empty":
    }
    reply({ memberId: member.memberId, errorCode: ErrorCode.UNKNOWN_MEMBER_ID })
    return noStep
  }

  #add(join: Join, memberId: string, nowMs: number): Step {
    const { group, request, origin, protocols, rebalanceTimeoutMs, reply } = join
    const { groupInstanceId, sessionTimeoutMs } = request
    const member = new Member({
      memberId,
      groupInstanceId,
      clientId: origin.clientId,
      clientHost: origin.clientHost,
      rebalanceTimeoutMs,
      sessionTimeoutMs,
      protocols,
      assignment: noAssignment,
    })
    member.isNew = true
    member.joining = reply
    if (group.state === "PreparingRebalance" && group.previousState === "Empty") {
      group.newMemberAdded = true
    }
    group.add(member, request.protocolType)
    this.#rebalancer.renewSession(group, member, nowMs, newMemberJoinTimeoutMs)
    return this.#rebalancer.advance(group, reasonOf(join, `member ${memberId} is new`), nowMs)
  }

  #update(join: Join, member: Member, what: string, nowMs: number): Step {
    takeOver(join, member)
    const reason = reasonOf(join, `member ${member.memberId} ${what}`)
    return this.#rebalancer.advance(join.group, reason, nowMs)
  }

  /** A static member comes back under a new id: the old one is fenced. */
  #replace(join: Join, old: Member, newMemberId: string, nowMs: number): Step {
    const { group } = join
    const oldLeaderId = group.leaderId
    const member = group.replaceStatic(old, newMemberId)
    this.#rebalancer.forgetSession(group, old.memberId)
    takeOver(join, member)
    this.#rebalancer.renewSession(group, member, nowMs)
    const reason = reasonOf(join, `static member ${member.groupInstanceId} is back`)
    switch (group.state) {
      case "Stable":
        return group.selectProtocol() === group.protocolName
          ? this.#keepGeneration(join, { old, member, oldLeaderId })
          : this.#rebalancer.prepare(group, reason, nowMs)
      case "CompletingRebalance":
        // The leader may be assigning to the old id.
        return this.#rebalancer.prepare(group, reason, nowMs)
      case "PreparingRebalance":
        return this.#rebalancer.completeIfAllJoined(group, nowMs)
      case "Empty":
    }
    throw new Error(`the empty group ${group.groupId} has a static member`)
  }

  /** Nothing changes for the others: the new id takes the old one's place and assignment. */
  #keepGeneration(join: Join, { old, member, oldLeaderId }: Replacement): Step {
    const { group, origin } = join
    const assignments = new Map(
      [...group.members.values()].map((one) => [one.memberId, one.assignment]),
    )
    return {
      records: [encodeClassicGroup(group.committed(assignments))],
      settled: (error, nowMs) => {
        if (error !== ErrorCode.NONE) {
          member.answerJoin({ errorCode: error, generationId: group.generationId })
          const again = group.replaceStatic(member, old.memberId)
          again.protocols = old.protocols
          again.rebalanceTimeoutMs = old.rebalanceTimeoutMs
          again.sessionTimeoutMs = old.sessionTimeoutMs
          this.#rebalancer.forgetSession(group, member.memberId)
          this.#rebalancer.renewSession(group, again, nowMs)
          return
        }
        const isLeader = group.isLeader(member.memberId)
        const answer = currentGeneration(group, member, isLeader && origin.apiVersion >= 9)
        // Older clients must not take themselves for a leader that assigns (KAFKA-13435).
        const older = { leader: oldLeaderId ?? "" }
        const newer = { skipAssignment: isLeader }
        member.answerJoin({ ...answer, ...(origin.apiVersion >= 9 ? newer : older) })
      },
    }
  }
}

interface Replacement {
  readonly old: Member
  readonly member: Member
  readonly oldLeaderId: string | null
}

/** The member waits with this request, and with what it says. */
const takeOver = (join: Join, member: Member): void => {
  const { request, protocols, rebalanceTimeoutMs, reply } = join
  // Sent twice: its client gave the earlier one up.
  member.answerJoin({
    memberId: member.memberId,
    errorCode: ErrorCode.REBALANCE_IN_PROGRESS,
  })
  member.protocols = protocols
  member.rebalanceTimeoutMs = rebalanceTimeoutMs
  member.sessionTimeoutMs = request.sessionTimeoutMs
  member.joining = reply
}

const reasonOf = ({ request }: Join, what: string): string => {
  const { reason } = request
  return reason === null || reason === "" ? what : `${what} (${reason})`
}
