/**
 * What the leader asks of the new group protocol (KIP-848). Every call but `view` and `describe`
 * has the group's turn and gives the step to take.
 */
import type { JoinRequest, JoinResponse, SyncResponse } from "./classic/member.ts"
import type { LeaveResponse, Leaving } from "./classic/leave.ts"
import type { SyncRequest } from "./classic/sync.ts"
import type { GroupView } from "./group-view.ts"
import type { Step } from "./operations.ts"
import type { RequestOrigin } from "./ports.ts"
import type {
  ConsumerHeartbeatRequest,
  ConsumerHeartbeatResponse,
  DescribedConsumerGroup,
  HeartbeatRequest,
  HeartbeatResponse,
} from "./wire.ts"

export interface ConsumerProtocol {
  elected(nowMs: number): void
  topicsChanged(nowMs: number): void
  /** Undefined: no group of that protocol. */
  view(groupId: string): GroupView | undefined
  describe(groupId: string, origin: RequestOrigin): DescribedConsumerGroup
  /** May find a classic group, or none. */
  consumerHeartbeat(
    request: ConsumerHeartbeatRequest,
    origin: RequestOrigin,
    reply: (response: ConsumerHeartbeatResponse) => void,
    nowMs: number,
  ): Step
  /** The classic requests, to a consumer group: of members that were not upgraded yet. */
  join(
    request: JoinRequest,
    origin: RequestOrigin,
    reply: (response: JoinResponse) => void,
    nowMs: number,
  ): Step
  sync(
    request: SyncRequest,
    origin: RequestOrigin,
    reply: (response: SyncResponse) => void,
    nowMs: number,
  ): Step
  heartbeat(
    request: HeartbeatRequest,
    origin: RequestOrigin,
    reply: (response: HeartbeatResponse) => void,
    nowMs: number,
  ): Step
  leave(
    groupId: string,
    leaving: ReadonlyArray<Leaving>,
    origin: RequestOrigin,
    reply: (response: LeaveResponse) => void,
    nowMs: number,
  ): Step
}
