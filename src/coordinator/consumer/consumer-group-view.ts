/**
 * What offsets and administration may do with a group of the consumer protocol: a view of its state
 * at one moment, not to be kept.
 */
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { CommitCheck, Committer, GroupView } from "../group-view.ts"
import type { CommittedOffset } from "../offsets/committed-offset.ts"
import type { CoordinatorRecord } from "../ports.ts"
import type { ConsumerGroup } from "./consumer-group.ts"
import * as recordOf from "./group-records.ts"
import type { ConsumerMember } from "./member.ts"
import { subscriptionsOf } from "./subscriptions.ts"

/** From this version of OffsetCommit on members tell their epoch. */
const epochsSince = 9

export class ConsumerGroupView implements GroupView {
  readonly type = "consumer"
  readonly protocolType = "consumer"
  readonly #group: ConsumerGroup
  #subscribed: ReadonlySet<string> | undefined

  constructor(group: ConsumerGroup) {
    this.#group = group
  }

  get state(): string {
    return this.#group.state
  }

  get isEmpty(): boolean {
    return this.#group.isEmpty
  }

  /**
   * A commit in an older epoch is good for a partition that the member has had since then or before
   * (KIP-1251): it may have been on its way while the epoch moved.
   */
  checkCommit(committer: Committer): CommitCheck {
    const { generationIdOrMemberEpoch: epoch, memberId, apiVersion } = committer
    if (epoch < 0 && this.#group.isEmpty) return ErrorCode.NONE
    const member = this.#group.members.get(memberId)
    if (member === undefined) return ErrorCode.UNKNOWN_MEMBER_ID
    if (member.classic === null && apiVersion < epochsSince) return ErrorCode.UNSUPPORTED_VERSION
    if (epoch === member.memberEpoch) return ErrorCode.NONE
    const stale = staleError(member)
    if (epoch > member.memberEpoch) return stale
    return (topicId, partition) => {
      const assignedIn =
        member.assigned.get(topicId)?.get(partition) ??
        member.pendingRevocation.get(topicId)?.get(partition)
      return assignedIn === undefined || epoch < assignedIn ? stale : ErrorCode.NONE
    }
  }

  /** Administration names no member. */
  checkFetch(memberId: string | null, memberEpoch: number): ErrorCode {
    if (memberId === null && memberEpoch < 0) return ErrorCode.NONE
    const member = this.#group.members.get(memberId ?? "")
    if (member === undefined) return ErrorCode.UNKNOWN_MEMBER_ID
    return memberEpoch === member.memberEpoch ? ErrorCode.NONE : staleError(member)
  }

  checkOffsetDelete(): ErrorCode {
    return ErrorCode.NONE
  }

  isSubscribedTo(topic: string): boolean {
    const { members, resolvedRegexes } = this.#group
    this.#subscribed ??= subscriptionsOf(members.values(), resolvedRegexes).topicNames
    return this.#subscribed.has(topic)
  }

  retainedSince({ commitTimestamp }: CommittedOffset): number | undefined {
    return commitTimestamp
  }

  tombstones(): ReadonlyArray<CoordinatorRecord> {
    const { groupId, members, resolvedRegexes } = this.#group
    return recordOf.groupTombstones(groupId, [...members.keys()], resolvedRegexes.keys())
  }
}

const staleError = ({ classic }: ConsumerMember): ErrorCode =>
  classic === null ? ErrorCode.STALE_MEMBER_EPOCH : ErrorCode.ILLEGAL_GENERATION
