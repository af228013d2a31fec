/**
 * The coordinator of the groups whose records are in one partition of `__consumer_offsets`: one on
 * every replica. All of them apply what is committed; the one whose broker leads also serves.
 *
 * It is no log (the host appends), no listener (the host decodes and says who asks), and it makes
 * sure of nothing by itself: before a read the host has made sure that it still leads.
 */
import { ErrorCode } from "../protocol/error-codes.ts"
import { describeClassic, listGroups } from "./admin-reads.ts"
import type { LeaveRequest, LeaveResponse } from "./classic/leave.ts"
import type { JoinRequest, JoinResponse, SyncResponse } from "./classic/member.ts"
import type { SyncRequest } from "./classic/sync.ts"
import { Groups } from "./groups.ts"
import { Leader } from "./leader.ts"
import { fetchOffsets } from "./offsets/fetch.ts"
import type { CommittedRecord, CoordinatorHost, RequestOrigin } from "./ports.ts"
import { refuseJoin, refuseOffsetCommit } from "./refusals.ts"
import { decodeState, encodeState } from "./state-codec.ts"
import type * as wire from "./wire.ts"

type Reply<R> = (response: R) => void

const notCoordinator = { errorCode: ErrorCode.NOT_COORDINATOR } as const

export class GroupCoordinator {
  readonly #host: CoordinatorHost
  #groups: Groups
  #leader: Leader | undefined

  constructor(host: CoordinatorHost) {
    this.#host = host
    this.#groups = this.#noGroups()
  }

  #noGroups(): Groups {
    return new Groups((level, line) => this.#host.log(level, line))
  }

  /** Each committed batch once, in order; `appendMs` is the leader's clock of it. */
  apply(records: Iterable<CommittedRecord>, _appendMs: number): void {
    this.#groups.apply(records)
  }

  /** The committed state: the same bytes wherever as much was applied. */
  encode(): Uint8Array {
    return encodeState(this.#groups)
  }

  /** In place of all that was applied before; not while leading. */
  restore(state: Uint8Array): void {
    if (this.#leader !== undefined) throw new Error("a leading coordinator cannot be restored")
    this.#groups = this.#noGroups()
    decodeState(state, this.#groups)
  }

  /** This broker leads and everything that was committed before is applied. */
  elected(_epoch: number, nowMs: number): void {
    this.resigned()
    this.#leader = new Leader(this.#host, this.#groups, nowMs)
  }

  /** Everybody who waits is told to look for another coordinator. */
  resigned(): void {
    const leader = this.#leader
    this.#leader = undefined
    leader?.close()
  }

  tick(nowMs: number): void {
    this.#leader?.tick(nowMs)
  }

  /** Topics came, went or grew. */
  topicsChanged(nowMs: number): void {
    this.#leader?.topicsChanged(nowMs)
  }

  joinGroup(request: JoinRequest, origin: RequestOrigin, reply: Reply<JoinResponse>): void {
    if (this.#leader !== undefined) return this.#leader.joinGroup(request, origin, reply)
    reply(refuseJoin(request, ErrorCode.NOT_COORDINATOR, origin.apiVersion))
  }

  syncGroup(request: SyncRequest, origin: RequestOrigin, reply: Reply<SyncResponse>): void {
    if (this.#leader !== undefined) return this.#leader.syncGroup(request, origin, reply)
    reply(notCoordinator)
  }

  heartbeat(
    request: wire.HeartbeatRequest,
    origin: RequestOrigin,
    reply: Reply<wire.HeartbeatResponse>,
  ): void {
    if (this.#leader !== undefined) return this.#leader.heartbeat(request, origin, reply)
    reply(notCoordinator)
  }

  leaveGroup(request: LeaveRequest, origin: RequestOrigin, reply: Reply<LeaveResponse>): void {
    if (this.#leader !== undefined) return this.#leader.leaveGroup(request, origin, reply)
    reply(notCoordinator)
  }

  offsetCommit(
    request: wire.OffsetCommitRequest,
    origin: RequestOrigin,
    reply: Reply<wire.OffsetCommitResponse>,
  ): void {
    if (this.#leader !== undefined) return this.#leader.offsetCommit(request, origin, reply)
    reply(refuseOffsetCommit(request, ErrorCode.NOT_COORDINATOR))
  }

  offsetDelete(
    request: wire.OffsetDeleteRequest,
    origin: RequestOrigin,
    reply: Reply<wire.OffsetDeleteResponse>,
  ): void {
    if (this.#leader !== undefined) return this.#leader.offsetDelete(request, origin, reply)
    reply(notCoordinator)
  }

  consumerGroupHeartbeat(
    request: wire.ConsumerHeartbeatRequest,
    origin: RequestOrigin,
    reply: Reply<wire.ConsumerHeartbeatResponse>,
  ): void {
    if (this.#leader !== undefined) {
      return this.#leader.consumerGroupHeartbeat(request, origin, reply)
    }
    reply(notCoordinator)
  }

  deleteGroup(groupId: string, nowMs: number, reply: Reply<ErrorCode>): void {
    if (this.#leader !== undefined) return this.#leader.deleteGroup(groupId, nowMs, reply)
    reply(ErrorCode.NOT_COORDINATOR)
  }

  /** One group of an OffsetFetch, in the shape of version 8 and later. */
  fetchOffsets(asked: wire.OffsetFetchGroup, origin: RequestOrigin): wire.FetchedGroup {
    const { groupId, memberId, memberEpoch } = asked
    const leader = this.#leader
    if (leader === undefined) return { groupId, topics: [], ...notCoordinator }
    if (!leader.knowsTopics) {
      return { groupId, topics: [], errorCode: ErrorCode.COORDINATOR_LOAD_IN_PROGRESS }
    }
    const errorCode = leader.view(groupId)?.checkFetch(memberId, memberEpoch) ?? ErrorCode.NONE
    if (errorCode !== ErrorCode.NONE) return { groupId, topics: [], errorCode }
    const offsets = this.#groups.offsets.ofGroup(groupId) ?? new Map()
    return fetchOffsets(asked, origin, this.#host.topics, offsets)
  }

  describeGroup(groupId: string, origin: RequestOrigin): wire.DescribedGroup {
    const leader = this.#leader
    if (leader === undefined) return { groupId, ...notCoordinator }
    return describeClassic(groupId, leader, origin)
  }

  describeConsumerGroup(groupId: string, origin: RequestOrigin): wire.DescribedConsumerGroup {
    const leader = this.#leader
    if (leader === undefined) return { groupId, ...notCoordinator }
    return leader.consumer.describe(groupId, origin)
  }

  /** Filters are empty, or name what is let through, in any case of letters. */
  listGroups(filters: {
    readonly states: ReadonlyArray<string>
    readonly types: ReadonlyArray<string>
  }): ReadonlyArray<wire.ListedGroup> {
    return this.#leader === undefined ? [] : listGroups(this.#groups, this.#leader, filters)
  }
}
