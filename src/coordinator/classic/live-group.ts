/**
 * A classic group as its coordinator knows it: the members of the current generation and those who
 * are joining the next. Lives as long as the term; the committed part of it is `ClassicGroup`.
 *
 *     Empty ─▶ PreparingRebalance ─▶ CompletingRebalance ─▶ Stable
 *       ▲             │  ▲                    │                │
 *       └─────────────┘  └────────────────────┴────────────────┘
 *
 * This class keeps the books; when to move is said in `rebalance.ts`.
 */
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { CommitCheck, Committer, GroupView } from "../group-view.ts"
import type { CommittedOffset } from "../offsets/committed-offset.ts"
import type { CoordinatorRecord } from "../ports.ts"
import { classicGroupTombstone } from "./classic-group.ts"
import type { ClassicGroup } from "./classic-group.ts"
import { Member, noAssignment } from "./member.ts"
import type { JoinProtocol } from "./member.ts"
import { consumerProtocolType, subscribedTopics } from "./subscription.ts"

export type ClassicState = "Empty" | "PreparingRebalance" | "CompletingRebalance" | "Stable"

export class LiveGroup implements GroupView {
  readonly type = "classic"
  readonly groupId: string
  generationId: number
  protocolType: string
  protocolName: string | null
  leaderId: string | null
  /** In ms; −1: not known. */
  stateTimestamp: number
  readonly members = new Map<string, Member>()
  /** Promised a member id (MEMBER_ID_REQUIRED) and not seen with it yet. */
  readonly pendingMembers = new Set<string>()
  /** Of this generation, and not heard of since JoinGroup was answered. */
  readonly pendingSync = new Set<string>()
  /** Somebody joined while the first rebalance waits for more. */
  newMemberAdded = false
  #state: ClassicState
  #previousState: ClassicState | undefined
  readonly #staticMembers = new Map<string, string>()
  /** Undefined: not to be told from what the members sent. */
  #subscribed: ReadonlySet<string> | undefined

  constructor(groupId: string, committed?: ClassicGroup) {
    this.groupId = groupId
    this.generationId = committed?.generationId ?? 0
    this.protocolType = committed?.protocolType ?? ""
    this.protocolName = committed?.protocolName ?? null
    this.leaderId = committed?.leaderId ?? null
    this.stateTimestamp = committed?.stateTimestamp ?? -1
    for (const member of committed?.members ?? []) {
      const protocol = { name: this.protocolName ?? "", metadata: member.subscription }
      this.#enter(new Member({ ...member, protocols: [protocol] }))
    }
    this.#state = this.members.size === 0 ? "Empty" : "Stable"
    this.#subscribed = this.#computeSubscribed()
  }

  get state(): ClassicState {
    return this.#state
  }

  get previousState(): ClassicState | undefined {
    return this.#previousState
  }

  get isEmpty(): boolean {
    return this.#state === "Empty"
  }

  get joiningCount(): number {
    let count = 0
    for (const { joining } of this.members.values()) if (joining !== undefined) count++
    return count
  }

  get hasAllJoined(): boolean {
    return this.pendingMembers.size === 0 && this.joiningCount === this.members.size
  }

  /** The longest that any member asked for. */
  get rebalanceTimeoutMs(): number {
    let longest = 0
    for (const member of this.members.values()) {
      longest = Math.max(longest, member.rebalanceTimeoutMs)
    }
    return longest
  }

  isLeader(memberId: string): boolean {
    return this.leaderId === memberId
  }

  staticMemberId(groupInstanceId: string): string | undefined {
    return this.#staticMembers.get(groupInstanceId)
  }

  moveTo(state: ClassicState, wallMs: number): void {
    this.#previousState = this.#state
    this.#state = state
    this.stateTimestamp = wallMs
  }

  add(member: Member, protocolType: string): void {
    if (this.members.size === 0) this.protocolType = protocolType
    this.#enter(member)
    this.leaderId ??= member.memberId
    this.pendingMembers.delete(member.memberId)
  }

  #enter(member: Member): void {
    this.members.set(member.memberId, member)
    if (member.groupInstanceId !== null) {
      this.#staticMembers.set(member.groupInstanceId, member.memberId)
    }
  }

  remove(memberId: string): void {
    const member = this.members.get(memberId)
    this.members.delete(memberId)
    if (member !== undefined && member.groupInstanceId !== null) {
      this.#staticMembers.delete(member.groupInstanceId)
    }
    this.pendingMembers.delete(memberId)
    this.pendingSync.delete(memberId)
    if (this.isLeader(memberId)) this.leaderId = this.members.keys().next().value ?? null
  }

  /** The member under another id; whoever waits under the old one is fenced. */
  replaceStatic(old: Member, newMemberId: string): Member {
    const member = old.under(newMemberId)
    const wasLeader = this.isLeader(old.memberId)
    old.answerJoin({ memberId: old.memberId, errorCode: ErrorCode.FENCED_INSTANCE_ID })
    old.answerSync({ errorCode: ErrorCode.FENCED_INSTANCE_ID })
    this.members.delete(old.memberId)
    this.pendingSync.delete(old.memberId)
    this.#enter(member)
    if (wasLeader) this.leaderId = newMemberId
    return member
  }

  /** Whether there is a leader for the next generation: only someone who joined can be. */
  electJoinedLeader(): boolean {
    if (this.leaderId === null) return false
    if (this.members.get(this.leaderId)?.joining !== undefined) return true
    for (const { memberId, joining } of this.members.values()) {
      if (joining === undefined) continue
      this.leaderId = memberId
      return true
    }
    return false
  }

  /** Opens the next generation for those who are members now. */
  beginGeneration(wallMs: number): void {
    this.generationId = this.generationId === 0x7fffffff ? 0 : this.generationId + 1
    this.protocolName = this.members.size === 0 ? null : this.selectProtocol()
    this.#subscribed = this.#computeSubscribed()
    this.moveTo(this.members.size === 0 ? "Empty" : "CompletingRebalance", wallMs)
    this.pendingSync.clear()
  }

  /** The protocol with the most votes among those that every member knows. */
  selectProtocol(): string {
    const [first, ...others] = this.members.values()
    if (first === undefined) throw new Error(`no protocol for the empty group ${this.groupId}`)
    const candidates = new Set(first.protocols.map(({ name }) => name))
    for (const member of others) {
      for (const name of candidates) if (!member.knows(name)) candidates.delete(name)
    }
    const votes = new Map<string, number>()
    for (const member of this.members.values()) {
      const vote = member.vote(candidates)
      votes.set(vote, (votes.get(vote) ?? 0) + 1)
    }
    const most = [...votes].reduce((best, one) => (one[1] > best[1] ? one : best))
    return most[0]
  }

  /** Whether somebody who knows these could be a member beside those who are. */
  supports(protocolType: string, protocols: ReadonlyArray<JoinProtocol>): boolean {
    if (this.isEmpty) return protocolType !== "" && protocols.length > 0
    const members = [...this.members.values()]
    return (
      protocolType === this.protocolType &&
      protocols.some(({ name }) => members.every((member) => member.knows(name)))
    )
  }

  /** What every request of a member is asked first. */
  checkMember(memberId: string, groupInstanceId: string | null): ErrorCode {
    if (groupInstanceId !== null) {
      const owner = this.#staticMembers.get(groupInstanceId)
      if (owner === undefined) return ErrorCode.UNKNOWN_MEMBER_ID
      if (owner !== memberId) return ErrorCode.FENCED_INSTANCE_ID
    }
    return this.members.has(memberId) ? ErrorCode.NONE : ErrorCode.UNKNOWN_MEMBER_ID
  }

  checkCommit(committer: Committer): CommitCheck {
    const { memberId, groupInstanceId, generationIdOrMemberEpoch: generationId } = committer
    // Whoever is outside of group management may commit while nobody is inside.
    if (generationId < 0 && this.isEmpty) return ErrorCode.NONE
    if (generationId < 0 && memberId === "" && groupInstanceId === null) {
      return ErrorCode.UNKNOWN_MEMBER_ID
    }
    const member = this.checkMember(memberId, groupInstanceId)
    if (member !== ErrorCode.NONE) return member
    if (generationId !== this.generationId) return ErrorCode.ILLEGAL_GENERATION
    return this.#state === "CompletingRebalance" ? ErrorCode.REBALANCE_IN_PROGRESS : ErrorCode.NONE
  }

  checkFetch(): ErrorCode {
    return ErrorCode.NONE
  }

  checkOffsetDelete(): ErrorCode {
    const isOpaque = !this.isEmpty && this.protocolType !== consumerProtocolType
    return isOpaque ? ErrorCode.NON_EMPTY_GROUP : ErrorCode.NONE
  }

  isSubscribedTo(topic: string): boolean {
    return this.#subscribed?.has(topic) ?? this.protocolType === consumerProtocolType
  }

  /** As ClassicGroup.offsetExpirationCondition: simple, empty, or stable and subscribed. */
  retainedSince({ commitTimestamp }: CommittedOffset): number | undefined {
    if (this.protocolType === "") return commitTimestamp
    if (this.isEmpty) return this.stateTimestamp === -1 ? commitTimestamp : this.stateTimestamp
    const isAware = this.protocolType === consumerProtocolType && this.#subscribed !== undefined
    return isAware && this.#state === "Stable" ? commitTimestamp : undefined
  }

  tombstones(): ReadonlyArray<CoordinatorRecord> {
    return [classicGroupTombstone(this.groupId)]
  }

  /** The group with these assignments, as a record will have it. */
  committed(assignments: ReadonlyMap<string, Uint8Array>): ClassicGroup {
    return {
      _tag: "classic",
      groupId: this.groupId,
      protocolType: this.protocolType,
      generationId: this.generationId,
      protocolName: this.protocolName,
      leaderId: this.leaderId,
      stateTimestamp: this.stateTimestamp,
      members: [...this.members.values()].map((member) => ({
        memberId: member.memberId,
        groupInstanceId: member.groupInstanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        rebalanceTimeoutMs: member.rebalanceTimeoutMs,
        sessionTimeoutMs: member.sessionTimeoutMs,
        subscription: member.metadataFor(this.protocolName),
        assignment: assignments.get(member.memberId) ?? noAssignment,
      })),
    }
  }

  #computeSubscribed(): ReadonlySet<string> | undefined {
    if (this.protocolType !== consumerProtocolType) return undefined
    if (this.members.size === 0) return new Set()
    const all = new Set<string>()
    for (const member of this.members.values()) {
      const topics = subscribedTopics(member.metadataFor(this.protocolName))
      if (topics === undefined) return undefined
      for (const topic of topics) all.add(topic)
    }
    return all
  }
}
