/** Committed positions ⇄ records. */
import { zeroUuid } from "../../protocol/uuid.ts"
import type { CoordinatorRecord } from "../ports.ts"
import { encodeRecord } from "../records/codec.ts"
import type { CommittedOffset } from "./committed-offset.ts"

export interface OffsetKey {
  readonly groupId: string
  readonly topic: string
  readonly partition: number
}

/** The only one that carries a time of expiry. It has neither leader epoch nor topic id. */
const versionWithExpiry = 1
const versionWithTopicId = 4

export const encodeOffset = (
  { groupId, topic, partition }: OffsetKey,
  committed: CommittedOffset,
): CoordinatorRecord =>
  encodeRecord(
    "OffsetCommit",
    { group: groupId, topic, partition },
    committed,
    committed.expireTimestamp === -1 ? versionWithTopicId : versionWithExpiry,
  )

export const offsetTombstone = ({ groupId, topic, partition }: OffsetKey): CoordinatorRecord =>
  encodeRecord("OffsetCommit", { group: groupId, topic, partition }, null)

interface OffsetValue {
  readonly offset: number
  readonly metadata: string
  readonly commitTimestamp: number
  readonly leaderEpoch?: number
  readonly expireTimestamp?: number
  readonly topicId?: string
}

export const offsetOfRecord = (value: OffsetValue): CommittedOffset => ({
  offset: value.offset,
  leaderEpoch: value.leaderEpoch ?? -1,
  metadata: value.metadata,
  commitTimestamp: value.commitTimestamp,
  expireTimestamp: value.expireTimestamp ?? -1,
  topicId: value.topicId ?? zeroUuid,
})
