/**
 * The classic group protocol on the leader: JoinGroup, SyncGroup, Heartbeat and LeaveGroup as
 * decisions on the group as it is. Whoever calls has the group's turn (`operations.ts`).
 *
 * A live group is kept while somebody is or wants to be a member; every other group is what its
 * records say.
 */
import { ErrorCode } from "../../protocol/error-codes.ts"
import { noStep } from "../operations.ts"
import type { Step } from "../operations.ts"
import type { RequestOrigin } from "../ports.ts"
import type { CoordinatorTerm } from "../term.ts"
import type { HeartbeatRequest } from "../wire.ts"
import { emptyGroup, encodeClassicGroup } from "./classic-group.ts"
import type { ClassicGroup } from "./classic-group.ts"
import { isStorable, Joiner, joinOf } from "./join.ts"
import { leave, leaveResponse } from "./leave.ts"
import type { LeaveResponse, Leaving } from "./leave.ts"
import { LiveGroup } from "./live-group.ts"
import type { JoinRequest, JoinResponse, SyncResponse } from "./member.ts"
import { Rebalancer } from "./rebalance.ts"
import { sync } from "./sync.ts"
import type { SyncRequest } from "./sync.ts"

export class ClassicProtocol {
  readonly #term: CoordinatorTerm
  readonly #live = new Map<string, LiveGroup>()
  readonly #rebalancer: Rebalancer
  readonly #joiner: Joiner

  constructor(term: CoordinatorTerm) {
    this.#term = term
    this.#rebalancer = new Rebalancer(term, {
      live: (groupId) => this.#live.get(groupId),
      forget: (group) => this.forget(group.groupId),
    })
    this.#joiner = new Joiner(term, this.#rebalancer)
  }

  /** Every member of the groups as they are stored has one session to be heard of again. */
  elected(nowMs: number): void {
    for (const group of this.#term.groups.all) {
      if (group._tag === "classic" && group.members.length > 0) this.adopt(group, nowMs)
    }
  }

  /** Begins to watch over a group with members that has just been stored, or found so. */
  adopt(committed: ClassicGroup, nowMs: number): void {
    const group = new LiveGroup(committed.groupId, committed)
    this.#live.set(committed.groupId, group)
    for (const member of group.members.values()) {
      this.#rebalancer.renewSession(group, member, nowMs)
    }
    const { groupMaxSize } = this.#term.host.settings
    if (group.members.size <= groupMaxSize) return
    this.#term.operations.run(group.groupId, nowMs, (nowAtLastMs) =>
      this.#live.get(group.groupId) === group && group.state === "Stable"
        ? this.#rebalancer.prepare(group, `it has more than ${groupMaxSize} members`, nowAtLastMs)
        : noStep,
    )
  }

  /** Sends the members of a group that was adopted to join again. */
  rebalance(groupId: string, reason: string, nowMs: number): Step {
    const group = this.#live.get(groupId)
    return group === undefined ? noStep : this.#rebalancer.prepare(group, reason, nowMs)
  }

  /** Drops what is known beyond the records; nobody may be waiting. */
  forget(groupId: string): void {
    this.#live.delete(groupId)
  }

  /** The group as it is; undefined if there is none, or not of this protocol. */
  group(groupId: string): LiveGroup | undefined {
    const live = this.#live.get(groupId)
    if (live !== undefined) return live
    const { groups } = this.#term
    const committed = groups.get(groupId)
    if (committed?._tag === "classic") return new LiveGroup(groupId, committed)
    const isSimple = committed === undefined && groups.offsets.has(groupId)
    return isSimple ? new LiveGroup(groupId) : undefined
  }

  join(
    request: JoinRequest,
    origin: RequestOrigin,
    reply: (response: JoinResponse) => void,
    nowMs: number,
  ): Step {
    const { groupId, memberId } = request
    if (!isStorable(request, origin)) {
      reply({ errorCode: ErrorCode.UNKNOWN_SERVER_ERROR })
      return noStep
    }
    const known = this.group(groupId)
    if (known === undefined && memberId !== "") {
      reply({ memberId, errorCode: ErrorCode.UNKNOWN_MEMBER_ID })
      return noStep
    }
    // Stored as an empty one before anything is answered for it.
    const empty = emptyGroup(groupId, this.#term.host.wallMs())
    const group = known ?? new LiveGroup(groupId, empty)
    const join = joinOf(group, request, origin, reply)
    const go = (nowAtLastMs: number): Step => {
      this.#live.set(groupId, group)
      const step = this.#joiner.join(join, nowAtLastMs)
      if (group.isEmpty && group.pendingMembers.size === 0) this.forget(groupId)
      return step
    }
    if (known !== undefined) return go(nowMs)
    // Even if it is refused then: as in Kafka.
    return {
      records: [encodeClassicGroup(empty)],
      settled: (error, nowAtLastMs) => {
        if (error === ErrorCode.NONE) return go(nowAtLastMs)
        reply({ errorCode: error })
        return undefined
      },
    }
  }

  sync(request: SyncRequest, reply: (response: SyncResponse) => void, nowMs: number): Step {
    const group = this.group(request.groupId)
    if (group !== undefined) return sync(this.#rebalancer, group, request, reply, nowMs)
    reply({ errorCode: ErrorCode.UNKNOWN_MEMBER_ID })
    return noStep
  }

  heartbeat(request: HeartbeatRequest, nowMs: number): ErrorCode {
    const group = this.group(request.groupId)
    if (group === undefined) return ErrorCode.UNKNOWN_MEMBER_ID
    const error = group.checkMember(request.memberId, request.groupInstanceId)
    if (error !== ErrorCode.NONE) return error
    if (request.generationId !== group.generationId) return ErrorCode.ILLEGAL_GENERATION
    this.renewSession(request.groupId, request.memberId, nowMs)
    const isRejoining = group.state === "PreparingRebalance"
    return isRejoining ? ErrorCode.REBALANCE_IN_PROGRESS : ErrorCode.NONE
  }

  /** If there is such a member: it was heard of. */
  renewSession(groupId: string, memberId: string, nowMs: number): void {
    const group = this.#live.get(groupId)
    const member = group?.members.get(memberId)
    if (group === undefined || member === undefined) return
    this.#rebalancer.renewSession(group, member, nowMs)
  }

  leave(
    groupId: string,
    leaving: ReadonlyArray<Leaving>,
    origin: RequestOrigin,
    reply: (response: LeaveResponse) => void,
    nowMs: number,
  ): Step {
    const { apiVersion } = origin
    const group = this.group(groupId)
    if (group === undefined) {
      const errors = leaving.map(() => ErrorCode.UNKNOWN_MEMBER_ID)
      reply(leaveResponse(leaving, errors, apiVersion))
      return noStep
    }
    return leave(this.#rebalancer, group, leaving, nowMs, (error, errors) => {
      const isDone = error === ErrorCode.NONE
      reply(isDone ? leaveResponse(leaving, errors, apiVersion) : { errorCode: error })
    })
  }
}
