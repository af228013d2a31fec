/**
 * The consumer protocol (KIP-848) on the leader: requests to its groups as steps of their queues.
 * The decisions are in the other files of this folder; here they get their context, and what is not
 * in records is kept: deadlines, and which groups have looked at the topics as they are.
 */
import type { ClassicProtocol } from "../classic/classic-protocol.ts"
import { leaveResponse } from "../classic/leave.ts"
import type { LeaveResponse, Leaving } from "../classic/leave.ts"
import type { JoinRequest, JoinResponse, SyncResponse } from "../classic/member.ts"
import type { SyncRequest } from "../classic/sync.ts"
import type { ConsumerProtocol } from "../consumer-port.ts"
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { GroupView } from "../group-view.ts"
import { noStep } from "../operations.ts"
import type { Step } from "../operations.ts"
import type { RequestOrigin } from "../ports.ts"
import type { CoordinatorTerm } from "../term.ts"
import type {
  ConsumerHeartbeatResponse,
  DescribedConsumerGroup,
  HeartbeatRequest,
  HeartbeatResponse,
} from "../wire.ts"
import type { Advance } from "./advance-member.ts"
import { checkHeartbeat } from "./check-heartbeat.ts"
import type { HeartbeatRequest as ConsumerHeartbeatRequest } from "./check-heartbeat.ts"
import { ClassicRequests } from "./classic-requests.ts"
import type { ConsumerGroup } from "./consumer-group.ts"
import { ConsumerGroupView } from "./consumer-group-view.ts"
import { Deadlines } from "./deadlines.ts"
import { describeConsumerGroup } from "./describe.ts"
import { sessionTimeoutMs } from "./group-context.ts"
import type { GroupContext } from "./group-context.ts"
import { decideHeartbeat } from "./heartbeat.ts"
import { decideLeave } from "./leave.ts"
import type { ConsumerMember } from "./member.ts"
import { downgrade, mayDowngrade } from "./migration.ts"
import type { Downgrade } from "./migration.ts"
import { NewestTopics } from "./newest-topics.ts"
import { openGroup } from "./open-group.ts"
import { isRefused, refused } from "./refusal.ts"
import type { Refused } from "./refusal.ts"
import { RegexResolver } from "./regex-resolver.ts"
import { removalRecords } from "./remove-members.ts"

export class ConsumerCoordinator implements ConsumerProtocol {
  readonly #term: CoordinatorTerm
  readonly #classic: ClassicProtocol
  readonly #deadlines: Deadlines
  readonly #classicRequests: ClassicRequests
  readonly #regexes: RegexResolver
  /** Moves with the topics; a group is up to date whose number is this. */
  #topicsGeneration = 0
  readonly #newestTopics: NewestTopics
  readonly #upToDate = new WeakMap<ConsumerGroup, number>()

  constructor(term: CoordinatorTerm, classic: ClassicProtocol) {
    this.#term = term
    this.#classic = classic
    this.#newestTopics = new NewestTopics(term.host.topics)
    this.#regexes = new RegexResolver(term, (group, nowMs) => this.#contextOf(group, nowMs))
    this.#deadlines = new Deadlines(term, (group, member, nowMs) =>
      this.#remove(group, [member], nowMs, () => undefined),
    )
    this.#classicRequests = new ClassicRequests({
      deadlines: this.#deadlines,
      contextOf: (group, nowMs) => this.#contextOf(group, nowMs),
      remove: (group, gone, nowMs, settled) => this.#remove(group, gone, nowMs, settled),
      downgraded: (down, mustRebalance, nowMs) => this.#downgraded(down, mustRebalance, nowMs),
      advanced: (context, advance, nowMs) => this.#advanced(context, advance, nowMs),
    })
  }

  /** Every member has one session to be heard of again, and its time to revoke begins anew. */
  elected(nowMs: number): void {
    const { groups, host } = this.#term
    for (const group of groups.all) {
      if (group._tag !== "consumer") continue
      const { groupId } = group
      const sessionMs = sessionTimeoutMs(host, groupId)
      for (const member of group.members.values()) {
        this.#deadlines.set("session", groupId, member.memberId, nowMs + sessionMs)
        const isRevoking = member.state === "unrevokedPartitions" && member.classic === null
        if (isRevoking) this.#deadlines.setRevocation(groupId, member, nowMs)
      }
    }
  }

  topicsChanged(): void {
    this.#topicsGeneration++
  }

  view(groupId: string): GroupView | undefined {
    const group = this.#group(groupId)
    return group === undefined ? undefined : new ConsumerGroupView(group)
  }

  describe(groupId: string): DescribedConsumerGroup {
    const { host } = this.#term
    const group = this.#group(groupId)
    if (group !== undefined) return describeConsumerGroup(group, host)
    const isOther = this.#classic.group(groupId) !== undefined
    const errorMessage = `Group ${groupId} ${isOther ? "is not a consumer group" : "not found"}.`
    return { groupId, errorCode: ErrorCode.GROUP_ID_NOT_FOUND, errorMessage }
  }

  consumerHeartbeat(
    request: ConsumerHeartbeatRequest,
    origin: RequestOrigin,
    reply: (response: ConsumerHeartbeatResponse) => void,
    nowMs: number,
  ): Step {
    const names = this.#term.host.settings.groupConsumerAssignors
    const refusal = checkHeartbeat(request, origin.apiVersion, names)
    const step =
      refusal ??
      (request.memberEpoch < 0
        ? this.#leave(request, reply, nowMs)
        : this.#stay(request, origin, reply, nowMs))
    if (!isRefused(step)) return step
    reply({ errorCode: step.errorCode, errorMessage: step.message })
    return noStep
  }

  #leave(
    request: ConsumerHeartbeatRequest,
    reply: (response: ConsumerHeartbeatResponse) => void,
    nowMs: number,
  ): Step | Refused {
    const { groupId, memberEpoch } = request
    const group = this.#group(groupId)
    if (group === undefined) {
      const isOther = this.#classic.group(groupId) !== undefined
      const what = isOther ? "is not a consumer group" : "not found"
      return refused(ErrorCode.GROUP_ID_NOT_FOUND, `Group ${groupId} ${what}.`)
    }
    const leave = decideLeave(group, request)
    if (isRefused(leave)) return leave
    const { memberId } = leave.member
    const settled = (errorCode: ErrorCode) =>
      reply(errorCode === ErrorCode.NONE ? { memberId, memberEpoch } : { errorCode })
    return leave.record === undefined
      ? this.#remove(group, [leave.member], nowMs, settled)
      : { records: [leave.record], settled }
  }

  #stay(
    request: ConsumerHeartbeatRequest,
    origin: RequestOrigin,
    reply: (response: ConsumerHeartbeatResponse) => void,
    nowMs: number,
  ): Step | Refused {
    const { groupId, memberEpoch } = request
    const opened = openGroup(this.#term, this.#classic, groupId, memberEpoch === 0)
    if (isRefused(opened)) return opened
    const context = this.#contextOf(opened.group, nowMs)
    const decision = decideHeartbeat(context, request, origin)
    if (isRefused(decision)) return decision
    return {
      records: [...opened.records, ...decision.records],
      settled: (errorCode, nowAtLastMs) => {
        if (errorCode !== ErrorCode.NONE) return reply({ errorCode })
        if (opened.upgraded !== undefined) this.#upgraded(opened.group, nowAtLastMs)
        opened.settled()
        const { member } = decision.advance
        const sessionMs = sessionTimeoutMs(this.#term.host, groupId)
        this.#deadlines.set("session", groupId, member.memberId, nowAtLastMs + sessionMs)
        this.#advanced(context, decision.advance, nowAtLastMs)
        reply(decision.response)
      },
    }
  }

  join(
    request: JoinRequest,
    origin: RequestOrigin,
    reply: (response: JoinResponse) => void,
    nowMs: number,
  ): Step {
    const group = this.#group(request.groupId)
    if (group?.isEmpty === false) {
      return this.#classicRequests.join(group, request, origin, reply, nowMs)
    }
    if (group === undefined || request.memberId !== "") {
      reply({ memberId: request.memberId, errorCode: ErrorCode.UNKNOWN_MEMBER_ID })
      return noStep
    }
    // Nobody is left who speaks the consumer protocol: the newcomer's group is a classic one.
    return {
      records: new ConsumerGroupView(group).tombstones(),
      settled: (errorCode, nowAtLastMs) => {
        const isGone = errorCode === ErrorCode.NONE
        if (isGone) return this.#classic.join(request, origin, reply, nowAtLastMs)
        return reply({ memberId: "", errorCode })
      },
    }
  }

  sync(
    request: SyncRequest,
    _origin: RequestOrigin,
    reply: (response: SyncResponse) => void,
    nowMs: number,
  ): Step {
    const group = this.#group(request.groupId)
    reply(
      group === undefined
        ? { errorCode: ErrorCode.UNKNOWN_MEMBER_ID }
        : this.#classicRequests.sync(group, request, this.#contextOf(group, nowMs)),
    )
    return noStep
  }

  heartbeat(
    request: HeartbeatRequest,
    _origin: RequestOrigin,
    reply: (response: HeartbeatResponse) => void,
    nowMs: number,
  ): Step {
    const group = this.#group(request.groupId)
    const errorCode =
      group === undefined
        ? ErrorCode.UNKNOWN_MEMBER_ID
        : this.#classicRequests.heartbeat(group, request, nowMs)
    reply({ errorCode })
    return noStep
  }

  leave(
    groupId: string,
    leaving: ReadonlyArray<Leaving>,
    { apiVersion }: RequestOrigin,
    reply: (response: LeaveResponse) => void,
    nowMs: number,
  ): Step {
    const group = this.#group(groupId)
    if (group !== undefined) {
      return this.#classicRequests.leave(group, leaving, nowMs, (error, errors) =>
        reply(
          error === ErrorCode.NONE
            ? leaveResponse(leaving, errors, apiVersion)
            : { errorCode: error },
        ),
      )
    }
    const errors = leaving.map(() => ErrorCode.UNKNOWN_MEMBER_ID)
    reply(leaveResponse(leaving, errors, apiVersion))
    return noStep
  }

  #group(groupId: string): ConsumerGroup | undefined {
    const group = this.#term.groups.get(groupId)
    return group?._tag === "consumer" ? group : undefined
  }

  #contextOf(group: ConsumerGroup, nowMs: number): GroupContext {
    return {
      host: this.#term.host,
      group,
      nowMs,
      topicsGeneration: this.#topicsGeneration,
      hasStaleMetadata: this.#upToDate.get(group) !== this.#topicsGeneration,
      newestTopics: this.#newestTopics,
    }
  }

  /** What follows a step of a member once it is stored. */
  #advanced(
    { group: { groupId }, topicsGeneration }: GroupContext,
    { member, replacedId, isReconciled, isFresh, unresolved }: Advance,
    nowMs: number,
  ): void {
    // A group that is new is another object once it is stored.
    const stored = this.#group(groupId)
    if (isFresh && stored !== undefined) this.#upToDate.set(stored, topicsGeneration)
    if (replacedId !== undefined && replacedId !== member.memberId) {
      this.#deadlines.cancelAll(groupId, replacedId)
    }
    if (isReconciled && member.classic === null) {
      const isRevoking = member.state === "unrevokedPartitions"
      if (isRevoking) this.#deadlines.setRevocation(groupId, member, nowMs)
      else this.#deadlines.cancel("revocation", groupId, member.memberId)
    }
    this.#regexes.resolve(groupId, unresolved, nowMs)
  }

  /** Classic members go on under the deadlines of the group's new protocol. */
  #upgraded({ groupId, members }: ConsumerGroup, nowMs: number): void {
    for (const { memberId, classic } of members.values()) {
      if (classic === null) continue
      this.#deadlines.set("session", groupId, memberId, nowMs + classic.sessionTimeoutMs)
    }
  }

  /** Members leave or are fenced; with the last consumer of the new protocol that protocol goes. */
  #remove(
    group: ConsumerGroup,
    gone: ReadonlyArray<ConsumerMember>,
    nowMs: number,
    settled: (error: ErrorCode) => void,
  ): Step {
    const { host } = this.#term
    const ids = new Set(gone.map(({ memberId }) => memberId))
    const size = group.members.size - ids.size
    const down = mayDowngrade(group, ids, size, host)
      ? downgrade(group, ids, undefined, host)
      : undefined
    return {
      records: down?.records ?? removalRecords(this.#contextOf(group, nowMs), gone),
      settled: (error, nowAtLastMs) => {
        settled(error)
        if (error !== ErrorCode.NONE) return undefined
        for (const memberId of ids) this.#deadlines.cancelAll(group.groupId, memberId)
        return down === undefined ? undefined : this.#downgraded(down, true, nowAtLastMs)
      },
    }
  }

  #downgraded({ classic, members }: Downgrade, mustRebalance: boolean, nowMs: number): Step {
    const { groupId } = classic
    for (const { memberId } of members) this.#deadlines.cancelAll(groupId, memberId)
    this.#classic.adopt(classic, nowMs)
    const adopted = this.#classic.group(groupId)
    for (const { memberId, protocols } of members) {
      const member = adopted?.members.get(memberId)
      if (member !== undefined) member.protocols = protocols
    }
    return mustRebalance
      ? this.#classic.rebalance(groupId, "it was downgraded from the consumer protocol", nowMs)
      : noStep
  }
}
