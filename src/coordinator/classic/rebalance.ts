/**
 * When a classic group moves from one generation to the next. Every function here decides on the
 * group's state as it is and gives the step that follows; timers come back through the group's
 * queue and look again.
 */
import { ErrorCode, errorName } from "../../protocol/error-codes.ts"
import { noStep } from "../operations.ts"
import type { Step } from "../operations.ts"
import type { CoordinatorTerm } from "../term.ts"
import { encodeClassicGroup } from "./classic-group.ts"
import type { LiveGroup } from "./live-group.ts"
import { noAssignment } from "./member.ts"
import type { JoinResponse, Member } from "./member.ts"

/** A JoinGroup of a new member waits no longer: its client may be gone (as in Kafka). */
export const newMemberJoinTimeoutMs = 5 * 60 * 1000

/** A rebalance that nobody joined is looked at again no sooner: members may ask for no time. */
const againMs = 1_000

export interface Registry {
  live(groupId: string): LiveGroup | undefined
  /** Nothing of the group is left that its records do not say. */
  forget(group: LiveGroup): void
}

export class Rebalancer {
  readonly #term: CoordinatorTerm
  readonly #registry: Registry

  constructor(term: CoordinatorTerm, registry: Registry) {
    this.#term = term
    this.#registry = registry
  }

  /** Someone came, went or changed: begins a rebalance, or goes on with the one that is begun. */
  advance(group: LiveGroup, reason: string, nowMs: number): Step {
    return group.state === "PreparingRebalance"
      ? this.completeIfAllJoined(group, nowMs)
      : this.prepare(group, reason, nowMs)
  }

  /** Not the first rebalance of an empty group: that one waits for its delay. */
  completeIfAllJoined(group: LiveGroup, nowMs: number): Step {
    const isInitial = group.previousState === "Empty"
    if (group.state !== "PreparingRebalance" || isInitial || !group.hasAllJoined) return noStep
    return this.#completeJoin(group, nowMs)
  }

  prepare(group: LiveGroup, reason: string, nowMs: number): Step {
    if (group.state === "CompletingRebalance") {
      this.withdrawAssignments(group, ErrorCode.REBALANCE_IN_PROGRESS, nowMs)
    }
    group.pendingSync.clear()
    this.#term.timers.cancel(syncKey(group))
    const isInitial = group.isEmpty
    group.moveTo("PreparingRebalance", this.#term.host.wallMs())
    this.#log(group, `prepares to rebalance after generation ${group.generationId}: ${reason}`)
    if (isInitial) return this.#delayFirst(group, nowMs)
    if (group.hasAllJoined) return this.#completeJoin(group, nowMs)
    this.#completeLater(group, nowMs)
    return noStep
  }

  /** Members who wait for an assignment of this generation have to join the next. */
  withdrawAssignments(group: LiveGroup, error: ErrorCode, nowMs: number): void {
    for (const member of group.members.values()) {
      member.assignment = noAssignment
      if (member.answerSync({ errorCode: error })) this.renewSession(group, member, nowMs)
    }
  }

  handOut(group: LiveGroup, assignments: ReadonlyMap<string, Uint8Array>, nowMs: number): void {
    const { protocolType, protocolName } = group
    for (const member of group.members.values()) {
      const assignment = assignments.get(member.memberId) ?? noAssignment
      member.assignment = assignment
      const answered = member.answerSync({
        errorCode: ErrorCode.NONE,
        protocolType,
        protocolName,
        assignment,
      })
      // While it waited its session was not counted.
      if (answered) this.renewSession(group, member, nowMs)
    }
    group.moveTo("Stable", this.#term.host.wallMs())
  }

  #delayFirst(group: LiveGroup, nowMs: number): Step {
    const delayMs = this.#term.host.settings.groupInitialRebalanceDelayMs
    const remainingMs = Math.max(group.rebalanceTimeoutMs - delayMs, 0)
    if (delayMs === 0) return this.#completeJoin(group, nowMs)
    this.#completeFirst(group, nowMs, delayMs, remainingMs)
    return noStep
  }

  /** As long as members come, the first rebalance waits on, up to the rebalance timeout. */
  #completeFirst(group: LiveGroup, nowMs: number, delayMs: number, remainingMs: number): void {
    this.#later(group, joinKey(group), nowMs + delayMs, (nowAtLastMs) => {
      if (group.state !== "PreparingRebalance") return noStep
      if (!group.newMemberAdded || remainingMs === 0) return this.#completeJoin(group, nowAtLastMs)
      group.newMemberAdded = false
      const initialMs = this.#term.host.settings.groupInitialRebalanceDelayMs
      const nextMs = Math.min(initialMs, remainingMs)
      this.#completeFirst(group, nowAtLastMs, nextMs, Math.max(remainingMs - delayMs, 0))
      return noStep
    })
  }

  #completeLater(group: LiveGroup, nowMs: number, atLeastMs = 0): void {
    const timeoutMs = Math.max(group.rebalanceTimeoutMs, atLeastMs)
    this.#later(group, joinKey(group), nowMs + timeoutMs, (nowAtLastMs) =>
      group.state === "PreparingRebalance" ? this.#completeJoin(group, nowAtLastMs) : noStep,
    )
  }

  /** Those who have not joined are out, static members apart: they keep their place. */
  #completeJoin(group: LiveGroup, nowMs: number): Step {
    this.#term.timers.cancel(joinKey(group))
    group.newMemberAdded = false
    for (const { memberId, groupInstanceId, joining } of group.members.values()) {
      if (joining !== undefined || groupInstanceId !== null) continue
      this.#log(group, `removes member ${memberId}, which did not join in time`)
      this.dropMember(group, memberId)
    }
    if (group.members.size > 0 && !group.electJoinedLeader()) {
      this.#log(group, "waits on: only static members are left, and none of them joined")
      this.#completeLater(group, nowMs, againMs)
      return noStep
    }
    group.beginGeneration(this.#term.host.wallMs())
    if (group.isEmpty) return this.#commitEmpty(group)
    this.#answerJoins(group, nowMs)
    return noStep
  }

  #commitEmpty(group: LiveGroup): Step {
    this.#log(group, `is empty with generation ${group.generationId}`)
    return {
      records: [encodeClassicGroup(group.committed(new Map()))],
      settled: (error) => {
        if (error !== ErrorCode.NONE) {
          // The generation before would come back with another leader, and time out there.
          const line = `group ${group.groupId}: not stored as empty: ${errorName(error)}`
          this.#term.host.log("warn", line)
        } else if (group.isEmpty && group.pendingMembers.size === 0) {
          this.#registry.forget(group)
        }
      },
    }
  }

  #answerJoins(group: LiveGroup, nowMs: number): void {
    const { generationId, members } = group
    this.#log(group, `has generation ${generationId} with ${members.size} members`)
    for (const member of members.values()) {
      member.answerJoin(currentGeneration(group, member, group.isLeader(member.memberId)))
      this.renewSession(group, member, nowMs)
      member.isNew = false
      group.pendingSync.add(member.memberId)
    }
    this.#later(group, syncKey(group), nowMs + group.rebalanceTimeoutMs, (nowAtLastMs) =>
      this.#expirePendingSync(group, generationId, nowAtLastMs),
    )
  }

  #expirePendingSync(group: LiveGroup, generationId: number, nowMs: number): Step {
    const { pendingSync, state } = group
    const isOver = generationId !== group.generationId || pendingSync.size === 0
    if (isOver || state === "Empty" || state === "PreparingRebalance") return noStep
    const late = [...pendingSync]
    for (const memberId of late) this.dropMember(group, memberId)
    return this.prepare(group, `${late.join(", ")} did not sync in time`, nowMs)
  }

  /** A member of the group asked for its assignment. */
  synced(group: LiveGroup, memberId: string): void {
    group.pendingSync.delete(memberId)
    if (group.pendingSync.size === 0) this.#term.timers.cancel(syncKey(group))
  }

  /** Without an answer to what it waits for. */
  dropMember(group: LiveGroup, memberId: string): void {
    const member = group.members.get(memberId)
    // Its client, if it is still there, joins anew.
    member?.answerJoin({ errorCode: ErrorCode.UNKNOWN_MEMBER_ID })
    member?.answerSync({ errorCode: ErrorCode.UNKNOWN_MEMBER_ID })
    group.remove(memberId)
    this.#term.timers.cancel(sessionKey(group, memberId))
  }

  renewSession(
    group: LiveGroup,
    member: Member,
    nowMs: number,
    timeoutMs: number = member.sessionTimeoutMs,
  ): void {
    this.expectWithin(group, member.memberId, nowMs, timeoutMs)
  }

  /** A member, or somebody who was promised to be one, is to be heard of within that time. */
  expectWithin(group: LiveGroup, memberId: string, nowMs: number, timeoutMs: number): void {
    this.#later(group, sessionKey(group, memberId), nowMs + timeoutMs, (nowAtLastMs) =>
      this.#expireSession(group, memberId, nowAtLastMs),
    )
  }

  forgetSession(group: LiveGroup, memberId: string): void {
    this.#term.timers.cancel(sessionKey(group, memberId))
  }

  #expireSession(group: LiveGroup, memberId: string, nowMs: number): Step {
    if (group.pendingMembers.has(memberId)) {
      this.#log(group, `forgets member ${memberId}, which never joined`)
      group.remove(memberId)
      if (group.isEmpty && group.pendingMembers.size === 0) this.#registry.forget(group)
      const isJoined = group.state === "PreparingRebalance" && group.hasAllJoined
      return isJoined ? this.#completeJoin(group, nowMs) : noStep
    }
    const member = group.members.get(memberId)
    if (member === undefined || member.isHeldAlive) return noStep
    this.#log(group, `removes member ${memberId}: its session expired`)
    this.dropMember(group, memberId)
    return this.afterRemoval(group, `the session of ${memberId} expired`, nowMs)
  }

  afterRemoval(group: LiveGroup, reason: string, nowMs: number): Step {
    switch (group.state) {
      case "Stable":
      case "CompletingRebalance":
        return this.prepare(group, reason, nowMs)
      case "PreparingRebalance":
        return group.hasAllJoined ? this.#completeJoin(group, nowMs) : noStep
      case "Empty":
    }
    return noStep
  }

  /** Nothing comes of it if the group or the timer has been replaced when its turn comes. */
  #later(group: LiveGroup, key: string, deadlineMs: number, decide: (nowMs: number) => Step): void {
    const { timers, operations } = this.#term
    timers.set(key, deadlineMs, (nowMs) =>
      operations.run(group.groupId, nowMs, (nowAtLastMs) => {
        const isCurrent = this.#registry.live(group.groupId) === group && !timers.has(key)
        return isCurrent ? decide(nowAtLastMs) : noStep
      }),
    )
  }

  #log(group: LiveGroup, what: string): void {
    this.#term.host.log("info", `group ${group.groupId} ${what}`)
  }
}

/** What JoinGroup answers to a member of the current generation. */
export const currentGeneration = (
  group: LiveGroup,
  member: Member,
  showsMembers: boolean,
): JoinResponse => ({
  errorCode: ErrorCode.NONE,
  generationId: group.generationId,
  protocolType: group.protocolType,
  protocolName: group.protocolName,
  leader: group.leaderId ?? "",
  memberId: member.memberId,
  members: showsMembers
    ? [...group.members.values()].map((one) => ({
        memberId: one.memberId,
        groupInstanceId: one.groupInstanceId,
        metadata: one.metadataFor(group.protocolName),
      }))
    : [],
})

const sessionKey = ({ groupId }: LiveGroup, memberId: string): string =>
  `classic session\0${groupId}\0${memberId}`
const joinKey = ({ groupId }: LiveGroup): string => `classic join\0${groupId}`
const syncKey = ({ groupId }: LiveGroup): string => `classic sync\0${groupId}`
