/**
 * What offsets and administration ask of a group, whichever protocol its members speak. Only a
 * leader has views: of a classic group they show members who are joining.
 */
import type { ErrorCode } from "../protocol/error-codes.ts"
import type { Uuid } from "../protocol/schema.ts"
import type { CommittedOffset } from "./offsets/committed-offset.ts"
import type { CoordinatorRecord } from "./ports.ts"

export interface Committer {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly generationIdOrMemberEpoch: number
  readonly apiVersion: number
}

/** One answer for all partitions, or one for each (KIP-1251). */
export type CommitCheck = ErrorCode | ((topicId: Uuid, partition: number) => ErrorCode)

export interface GroupView {
  readonly type: "classic" | "consumer"
  /** Empty for a group that only stores offsets. */
  readonly protocolType: string
  /** As ListGroups says it. */
  readonly state: string
  /** Without members. */
  readonly isEmpty: boolean
  checkCommit(committer: Committer): CommitCheck
  /** A classic group ignores member and epoch. */
  checkFetch(memberId: string | null, memberEpoch: number): ErrorCode
  checkOffsetDelete(): ErrorCode
  isSubscribedTo(topic: string): boolean
  /** Since when its retention counts, in ms; undefined: it does not expire now. */
  retainedSince(offset: CommittedOffset): number | undefined
  /** What removes the group itself, without its offsets. */
  tombstones(): ReadonlyArray<CoordinatorRecord>
}
