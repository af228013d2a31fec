/**
 * The coordinator while its broker leads, in one term: requests become operations of their group,
 * timers run. Everything in here is void when the term is over; `close` answers all who wait.
 */
import { ErrorCode } from "../protocol/error-codes.ts"
import { EncodeError } from "../protocol/errors.ts"
import { emptyGroup, encodeClassicGroup } from "./classic/classic-group.ts"
import { ClassicProtocol } from "./classic/classic-protocol.ts"
import { leavingOf } from "./classic/leave.ts"
import type { LeaveRequest, LeaveResponse } from "./classic/leave.ts"
import type { JoinRequest, JoinResponse, SyncResponse } from "./classic/member.ts"
import type { SyncRequest } from "./classic/sync.ts"
import { ConsumerCoordinator } from "./consumer/consumer-coordinator.ts"
import type { ConsumerProtocol } from "./consumer-port.ts"
import type { CommitCheck, GroupView } from "./group-view.ts"
import type { Groups } from "./groups.ts"
import { commit, refuseCommit, resolveTopics } from "./offsets/commit.ts"
import type { Resolved } from "./offsets/commit.ts"
import { deleteAllOffsets, deleteOffsets, keepsSome } from "./offsets/deletion.ts"
import { OffsetUpkeep } from "./offsets/upkeep.ts"
import { OpenRequests } from "./open-requests.ts"
import { after, inBatches, noStep, Operations } from "./operations.ts"
import type { Step } from "./operations.ts"
import type { CoordinatorHost, CoordinatorRecord, RequestOrigin } from "./ports.ts"
import { encodeRecord, fitsRecord } from "./records/codec.ts"
import { joinResponse, refuseJoin, refuseOffsetCommit } from "./refusals.ts"
import type { CoordinatorTerm } from "./term.ts"
import { Timers } from "./timers.ts"
import type {
  ConsumerHeartbeatRequest,
  ConsumerHeartbeatResponse,
  HeartbeatRequest,
  HeartbeatResponse,
  OffsetCommitRequest,
  OffsetCommitResponse,
  OffsetDeleteRequest,
  OffsetDeleteResponse,
} from "./wire.ts"

type Reply<R> = (response: R) => void

export class Leader {
  readonly classic: ClassicProtocol
  readonly consumer: ConsumerProtocol
  readonly #term: CoordinatorTerm
  readonly #upkeep: OffsetUpkeep

  constructor(host: CoordinatorHost, groups: Groups, nowMs: number) {
    this.#term = {
      host,
      groups,
      operations: new Operations((...append) => host.append(...append), nowMs),
      timers: new Timers(),
      requests: new OpenRequests(),
    }
    this.classic = new ClassicProtocol(this.#term)
    this.consumer = new ConsumerCoordinator(this.#term, this.classic)
    this.#upkeep = new OffsetUpkeep(this.#term, (groupId) => this.view(groupId), nowMs)
    this.classic.elected(nowMs)
    this.consumer.elected(nowMs)
    this.#upkeep.topicsChanged(nowMs)
  }

  close(): void {
    const { operations, timers, requests } = this.#term
    operations.close()
    timers.clear()
    requests.close()
  }

  tick(nowMs: number): void {
    this.#term.operations.passTime(nowMs)
    this.#term.timers.poll(nowMs)
    this.#upkeep.tick(nowMs)
  }

  topicsChanged(nowMs: number): void {
    this.#term.operations.passTime(nowMs)
    this.consumer.topicsChanged(nowMs)
    this.#upkeep.topicsChanged(nowMs)
  }

  view(groupId: string): GroupView | undefined {
    return this.consumer.view(groupId) ?? this.classic.group(groupId)
  }

  joinGroup(request: JoinRequest, origin: RequestOrigin, reply: Reply<JoinResponse>): void {
    const { apiVersion } = origin
    const refuse = (error: ErrorCode) => refuseJoin(request, error, apiVersion)
    this.#run(request.groupId, origin, reply, refuse, (respond, nowMs) => {
      const answer = (response: JoinResponse) => respond(joinResponse(response, apiVersion))
      const ofConsumers = this.#consumersOf(request.groupId)
      return ofConsumers === undefined
        ? this.classic.join(request, origin, answer, nowMs)
        : ofConsumers.join(request, origin, answer, nowMs)
    })
  }

  syncGroup(request: SyncRequest, origin: RequestOrigin, reply: Reply<SyncResponse>): void {
    this.#run(request.groupId, origin, reply, errorOnly, (respond, nowMs) => {
      const ofConsumers = this.#consumersOf(request.groupId)
      return ofConsumers === undefined
        ? this.classic.sync(request, respond, nowMs)
        : ofConsumers.sync(request, origin, respond, nowMs)
    })
  }

  heartbeat(
    request: HeartbeatRequest,
    origin: RequestOrigin,
    reply: Reply<HeartbeatResponse>,
  ): void {
    this.#run(request.groupId, origin, reply, errorOnly, (respond, nowMs) => {
      const ofConsumers = this.#consumersOf(request.groupId)
      if (ofConsumers !== undefined) return ofConsumers.heartbeat(request, origin, respond, nowMs)
      respond({ errorCode: this.classic.heartbeat(request, nowMs) })
      return noStep
    })
  }

  leaveGroup(request: LeaveRequest, origin: RequestOrigin, reply: Reply<LeaveResponse>): void {
    const { groupId } = request
    this.#run(groupId, origin, reply, errorOnly, (respond, nowMs) => {
      const leaving = leavingOf(request, origin.apiVersion)
      const ofConsumers = this.#consumersOf(groupId)
      return ofConsumers === undefined
        ? this.classic.leave(groupId, leaving, origin, respond, nowMs)
        : ofConsumers.leave(groupId, leaving, origin, respond, nowMs)
    })
  }

  consumerGroupHeartbeat(
    request: ConsumerHeartbeatRequest,
    origin: RequestOrigin,
    reply: Reply<ConsumerHeartbeatResponse>,
  ): void {
    this.#run(request.groupId, origin, reply, errorOnly, (respond, nowMs) =>
      this.consumer.consumerHeartbeat(request, origin, respond, nowMs),
    )
  }

  offsetCommit(
    request: OffsetCommitRequest,
    origin: RequestOrigin,
    reply: Reply<OffsetCommitResponse>,
  ): void {
    const refuse = (error: ErrorCode) => refuseOffsetCommit(request, error)
    this.#run(
      request.groupId,
      origin,
      reply,
      refuse,
      (respond, nowMs) => {
        const { host } = this.#term
        if (!this.knowsTopics) {
          return after(() => respond(refuse(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)))
        }
        const resolved = resolveTopics(request, origin, host.topics)
        const check =
          resolved.known.length === 0 ? ErrorCode.NONE : this.#checkCommit(request, origin, nowMs)
        const { records, response } = commit(resolved, { request, check, host })
        return {
          records: records.length === 0 ? records : [...this.#topicsVersion(resolved), ...records],
          settled: (error) =>
            respond(error === ErrorCode.NONE ? response : refuseCommit(resolved, error)),
        }
      },
      true,
    )
  }

  /** Whether the metadata image here is as new as all that was committed by. */
  get knowsTopics(): boolean {
    return this.#term.host.topics.version >= this.#term.groups.topicsVersion
  }

  /** To be stored with the first offsets of a topic. */
  #topicsVersion({ known }: Resolved): ReadonlyArray<CoordinatorRecord> {
    const { groups, host } = this.#term
    const isNews =
      host.topics.version > groups.topicsVersion &&
      known.some(({ topicId }) => !groups.offsets.hasTopicId(topicId))
    return isNews ? [encodeRecord("TopicsVersion", {}, { version: host.topics.version })] : []
  }

  #checkCommit(
    request: OffsetCommitRequest,
    { apiVersion }: RequestOrigin,
    nowMs: number,
  ): CommitCheck {
    const { groupId, memberId, groupInstanceId, generationIdOrMemberEpoch } = request
    const group = this.view(groupId)
    if (group === undefined) {
      // From outside of group management: it makes a simple group.
      if (generationIdOrMemberEpoch < 0) return ErrorCode.NONE
      return apiVersion >= 9 ? ErrorCode.GROUP_ID_NOT_FOUND : ErrorCode.ILLEGAL_GENERATION
    }
    const committer = { memberId, groupInstanceId, generationIdOrMemberEpoch, apiVersion }
    const check = group.checkCommit(committer)
    if (group.type === "classic" && check === ErrorCode.NONE) {
      this.classic.renewSession(groupId, memberId, nowMs)
    }
    return check
  }

  offsetDelete(
    request: OffsetDeleteRequest,
    origin: RequestOrigin,
    reply: Reply<OffsetDeleteResponse>,
  ): void {
    const { groupId } = request
    this.#run(groupId, origin, reply, errorOnly, (respond) => {
      const { groups, host } = this.#term
      const offsets = groups.offsets.ofGroup(groupId) ?? new Map()
      const deletion = deleteOffsets(request, this.view(groupId), offsets, host.topics)
      const { records } = deletion
      // A simple group stays without offsets until groups are looked at the next time.
      const isNamed = groups.get(groupId) !== undefined
      const isBare = !isNamed && records.length > 0 && !keepsSome(offsets, deletion)
      const all = isBare
        ? [encodeClassicGroup(emptyGroup(groupId, host.wallMs())), ...records]
        : records
      return inBatches(all, (errorCode) =>
        respond(errorCode === ErrorCode.NONE ? deletion.response : { errorCode }),
      )
    })
  }

  deleteGroup(groupId: string, nowMs: number, reply: Reply<ErrorCode>): void {
    this.#run(groupId, { nowMs }, reply, itself, (respond) => {
      const group = this.view(groupId)
      if (group === undefined || !group.isEmpty) {
        const { GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP } = ErrorCode
        return after(() => respond(group === undefined ? GROUP_ID_NOT_FOUND : NON_EMPTY_GROUP))
      }
      const offsets = this.#term.groups.offsets.ofGroup(groupId) ?? new Map()
      // The group goes last: what failed half-way can be asked for again.
      const records = [...deleteAllOffsets(groupId, offsets), ...group.tombstones()]
      return inBatches(records, respond)
    })
  }

  /** The protocol of a group of the new kind, even if nobody is left in it. */
  #consumersOf(groupId: string): ConsumerProtocol | undefined {
    return this.#term.groups.get(groupId)?._tag === "consumer" ? this.consumer : undefined
  }

  /** One request as one operation of its group. */
  #run<R>(
    groupId: string,
    { nowMs }: Pick<RequestOrigin, "nowMs">,
    reply: Reply<R>,
    refuse: (error: ErrorCode) => NoInfer<R>,
    decide: (respond: Reply<R>, nowMs: number) => Step,
    sharesBatch = false,
  ): void {
    const { host, operations, requests } = this.#term
    if (operations.isFull(groupId)) return reply(refuse(ErrorCode.COORDINATOR_NOT_AVAILABLE))
    if (!fitsRecord(groupId)) return reply(refuse(ErrorCode.INVALID_GROUP_ID))
    const respond = requests.open(reply, () => refuse(ErrorCode.NOT_COORDINATOR))
    operations.run(
      groupId,
      nowMs,
      (nowAtLastMs) => {
        try {
          return decide(respond, nowAtLastMs)
        } catch (error) {
          if (!(error instanceof EncodeError)) throw error
          // What the client sent does not fit Kafka's records; nothing was changed by it.
          host.log("error", `group ${groupId}: ${error.message}`)
          respond(refuse(ErrorCode.UNKNOWN_SERVER_ERROR))
          return noStep
        }
      },
      sharesBatch,
    )
  }
}

const errorOnly = (errorCode: ErrorCode): { readonly errorCode: ErrorCode } => ({ errorCode })

const itself = (error: ErrorCode): ErrorCode => error
