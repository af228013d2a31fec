import type { Uuid } from "../../protocol/schema.ts"

/** What a group stored for one partition. */
export interface CommittedOffset {
  readonly offset: number
  /** −1: not told. */
  readonly leaderEpoch: number
  readonly metadata: string
  /** The leader's clock when it was committed, in ms. */
  readonly commitTimestamp: number
  /** −1 unless the client asked for a retention of its own (before version 5). */
  readonly expireTimestamp: number
  /** The zero id where the record could not carry it: it then counts by name. */
  readonly topicId: Uuid
}
