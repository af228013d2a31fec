/** Classic requests to a consumer group, as steps: see `classic-members.ts` for what they mean. */
import type { Leaving } from "../classic/leave.ts"
import type { JoinRequest, JoinResponse, SyncResponse } from "../classic/member.ts"
import { consumerProtocolType } from "../classic/subscription.ts"
import type { SyncRequest } from "../classic/sync.ts"
import { ErrorCode } from "../../protocol/error-codes.ts"
import { noStep } from "../operations.ts"
import type { Step } from "../operations.ts"
import type { CoordinatorRecord, RequestOrigin } from "../ports.ts"
import type { HeartbeatRequest } from "../wire.ts"
import { advanceMember, reconcileMember, subscribe } from "./advance-member.ts"
import type { Advance, Step as MemberStep } from "./advance-member.ts"
import {
  checkClassicJoin,
  checkSyncProtocol,
  embeddedAssignment,
  findClassicMember,
  findLeaving,
  joinedMember,
  mustCatchUp,
  mustRejoin,
  protocolNameOf,
  reportedBy,
} from "./classic-members.ts"
import type { ClassicJoin } from "./classic-members.ts"
import type { ConsumerGroup } from "./consumer-group.ts"
import type { Deadlines } from "./deadlines.ts"
import { checkGroupSize, findMember } from "./find-member.ts"
import type { GroupContext } from "./group-context.ts"
import { isReconciledTo } from "./member.ts"
import type { ConsumerMember } from "./member.ts"
import { downgrade, mayDowngrade } from "./migration.ts"
import type { Downgrade } from "./migration.ts"
import { isRefused, refused } from "./refusal.ts"
import type { Refused } from "./refusal.ts"

/** From this version on a member without an id is given one and asked to come back with it. */
const idRequiredSince = 4

export interface Hooks {
  readonly deadlines: Deadlines
  readonly contextOf: (group: ConsumerGroup, nowMs: number) => GroupContext
  readonly remove: (
    group: ConsumerGroup,
    gone: ReadonlyArray<ConsumerMember>,
    nowMs: number,
    settled: (error: ErrorCode) => void,
  ) => Step
  readonly downgraded: (down: Downgrade, mustRebalance: boolean, nowMs: number) => Step
  readonly advanced: (context: GroupContext, advance: Advance, nowMs: number) => void
}

/** The answer to one who is not let in, or only with the id that is promised here. */
interface NotJoined {
  readonly errorCode: ErrorCode
  readonly memberId: string
}

interface Joined {
  readonly member: ConsumerMember
  readonly records: ReadonlyArray<CoordinatorRecord>
  readonly settled: (nowMs: number) => Step
}

export class ClassicRequests {
  readonly #hooks: Hooks

  constructor(hooks: Hooks) {
    this.#hooks = hooks
  }

  join(
    group: ConsumerGroup,
    request: JoinRequest,
    origin: RequestOrigin,
    reply: (response: JoinResponse) => void,
    nowMs: number,
  ): Step {
    const joined = this.#join(this.#hooks.contextOf(group, nowMs), request, origin)
    if ("errorCode" in joined) {
      reply(joined)
      return noStep
    }
    const { member, records, settled } = joined
    return {
      records,
      settled: (errorCode, nowAtLastMs) => {
        if (errorCode !== ErrorCode.NONE) {
          return reply({ memberId: request.memberId, errorCode })
        }
        reply({
          errorCode,
          memberId: member.memberId,
          generationId: member.memberEpoch,
          protocolType: consumerProtocolType,
          protocolName: protocolNameOf(member),
        })
        return settled(nowAtLastMs)
      },
    }
  }

  #join(context: GroupContext, request: JoinRequest, origin: RequestOrigin): Joined | NotJoined {
    const { group, host } = context
    const isUnnamed = request.memberId === ""
    const memberId = isUnnamed ? host.nextUuid() : request.memberId
    const not = ({ errorCode }: Refused): NotJoined => ({ errorCode, memberId: request.memberId })
    const join = checkJoin(context, request, memberId)
    if (isRefused(join)) return not(join)
    const instanceId = request.groupInstanceId
    if (isUnnamed && instanceId === null && origin.apiVersion >= idRequiredSince) {
      return { errorCode: ErrorCode.MEMBER_ID_REQUIRED, memberId }
    }
    const mayJoin = instanceId === null || isUnnamed
    const claim = { memberId, instanceId, memberEpoch: undefined, reported: [], mayJoin }
    const found = findMember(group, claim)
    if (isRefused(found)) return not(found)
    const updated = joinedMember(found.member, request, join, origin)
    const reported = reportedBy(join.subscription, host.topics)
    const step = { found, updated, reported }
    const replaced = group.staticMember(instanceId)
    const isLastOfItsKind =
      replaced?.classic === null &&
      mayDowngrade(group, new Set([replaced.memberId]), group.members.size, host)
    const joined = isLastOfItsKind
      ? this.#replaceLast(context, step, replaced)
      : this.#advance(context, step, request)
    return isRefused(joined) ? not(joined) : joined
  }

  #advance(context: GroupContext, step: MemberStep, request: JoinRequest): Joined | Refused {
    const advance = advanceMember(context, step, "updated")
    if (isRefused(advance)) return advance
    const { deadlines, advanced } = this.#hooks
    const { groupId } = context.group
    const { member, records } = advance
    return {
      member,
      records,
      settled: (nowMs) => {
        advanced(context, advance, nowMs)
        const { memberId } = member
        deadlines.cancel("join", groupId, memberId)
        deadlines.set("session", groupId, memberId, nowMs + request.sessionTimeoutMs)
        deadlines.set("sync", groupId, memberId, nowMs + member.rebalanceTimeoutMs)
        return noStep
      },
    }
  }

  /** The last member of the consumer protocol is a static one, whose place a classic one takes. */
  #replaceLast(
    context: GroupContext,
    step: MemberStep,
    replaced: ConsumerMember,
  ): Joined | Refused {
    const { group } = context
    const subscribed = subscribe(context, step, "updated")
    if (isRefused(subscribed)) return subscribed
    // Members that are on their way to a target cannot find it in the classic protocol. (Kafka lets
    // them go on, and two may have one partition.)
    const isStale =
      group.assignmentEpoch < subscribed.groupEpoch || !othersAreReconciled(group, replaced)
    const { memberId, instanceId } = step.updated
    const partitions = group.target(memberId, instanceId)
    const member = isStale
      ? step.updated
      : reconcileMember(context, step, subscribed, { epoch: group.assignmentEpoch, partitions })
    if (isRefused(member)) return member
    const mustRebalance = isStale || !isReconciledTo(member, group.assignmentEpoch)
    const down = downgrade(group, new Set([replaced.memberId]), member, context.host)
    return {
      member,
      records: [...subscribed.records, ...down.records],
      settled: (nowMs) => {
        this.#hooks.deadlines.cancelAll(group.groupId, replaced.memberId)
        return this.#hooks.downgraded(down, mustRebalance, nowMs)
      },
    }
  }

  sync(group: ConsumerGroup, request: SyncRequest, { host, nowMs }: GroupContext): SyncResponse {
    const member = findClassicMember(group, request)
    if (isRefused(member)) return { errorCode: member.errorCode }
    const errorCode = checkSyncProtocol(member, request)
    if (errorCode !== ErrorCode.NONE) return { errorCode }
    if (mustCatchUp(group, member)) {
      this.#expectJoin(group, member, nowMs)
      return { errorCode: ErrorCode.REBALANCE_IN_PROGRESS }
    }
    this.#hooks.deadlines.cancel("sync", group.groupId, member.memberId)
    this.#renewSession(group, member, nowMs)
    const { protocolType, protocolName } = request
    return { protocolType, protocolName, assignment: embeddedAssignment(member, host.topics) }
  }

  heartbeat(group: ConsumerGroup, request: HeartbeatRequest, nowMs: number): ErrorCode {
    const member = findClassicMember(group, request)
    if (isRefused(member)) return member.errorCode
    this.#renewSession(group, member, nowMs)
    if (!mustRejoin(group, member)) return ErrorCode.NONE
    this.#expectJoin(group, member, nowMs)
    return ErrorCode.REBALANCE_IN_PROGRESS
  }

  leave(
    group: ConsumerGroup,
    leaving: ReadonlyArray<Leaving>,
    nowMs: number,
    done: (error: ErrorCode, errors: ReadonlyArray<ErrorCode>) => void,
  ): Step {
    const found = leaving.map((one) => findLeaving(group, one.memberId, one.groupInstanceId))
    const errors = found.map((one) => (isRefused(one) ? one.errorCode : ErrorCode.NONE))
    const gone = [...new Set(found.flatMap((one) => (isRefused(one) ? [] : [one])))]
    if (gone.length === 0) {
      done(ErrorCode.NONE, errors)
      return noStep
    }
    return this.#hooks.remove(group, gone, nowMs, (error) => done(error, errors))
  }

  #renewSession(group: ConsumerGroup, { memberId, classic }: ConsumerMember, nowMs: number): void {
    const atMs = nowMs + (classic?.sessionTimeoutMs ?? 0)
    this.#hooks.deadlines.set("session", group.groupId, memberId, atMs)
  }

  #expectJoin({ groupId }: ConsumerGroup, member: ConsumerMember, nowMs: number): void {
    const atMs = nowMs + member.rebalanceTimeoutMs
    this.#hooks.deadlines.setIfAbsent("join", groupId, member.memberId, atMs)
  }
}

function othersAreReconciled(group: ConsumerGroup, but: ConsumerMember): boolean {
  for (const member of group.members.values()) {
    const isOther = member.memberId !== but.memberId
    if (isOther && !isReconciledTo(member, group.assignmentEpoch)) return false
  }
  return true
}

function checkJoin(
  { group, host }: GroupContext,
  request: JoinRequest,
  memberId: string,
): ClassicJoin | Refused {
  const { groupConsumerMigrationPolicy, groupConsumerMaxSize } = host.settings
  if (groupConsumerMigrationPolicy === "disabled") {
    return refused(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
  }
  return checkGroupSize(group, memberId, groupConsumerMaxSize) ?? checkClassicJoin(group, request)
}
