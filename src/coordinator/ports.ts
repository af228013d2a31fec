/**
 * What a coordinator is given and what it gives: the records of its partition, a view of the
 * topics, and one way to append.
 */
import type { ErrorCode } from "../protocol/error-codes.ts"
import type { Uuid } from "../protocol/schema.ts"
import type { GroupSettings } from "./settings.ts"

/** A record of `__consumer_offsets`. A null value is a tombstone. */
export interface CoordinatorRecord {
  readonly key: Uint8Array
  readonly value: Uint8Array | null
}

/** Its bytes are only read while `apply` runs: what is kept is copied. */
export interface CommittedRecord extends CoordinatorRecord {
  readonly offset: number
  /** Unix time in ms. */
  readonly timestamp: number
}

/** The topics as this broker's metadata image has them, read at each use. */
export interface TopicsView {
  /** The image's index in the metadata log. */
  readonly version: number
  topicId(name: string): Uuid | undefined
  topicName(id: Uuid): string | undefined
  /** How many partitions the topic has. */
  partitions(name: string): number | undefined
  racks?(name: string, partition: number): ReadonlyArray<string>
  names(): Iterable<string>
}

export interface CoordinatorHost {
  readonly topics: TopicsView
  readonly settings: GroupSettings
  /** Overrides for one group (config resources of type 32). */
  groupConfig(groupId: string): ReadonlyMap<string, string> | undefined
  /**
   * Proposes one batch, which is one raft entry. `done` is called exactly once, later: NONE after
   * `apply` has seen the batch, else the error for the client.
   */
  append(records: ReadonlyArray<CoordinatorRecord>, done: (error: ErrorCode) => void): void
  /** The time of timestamps, ms since 1970. Deadlines go by `nowMs`, which no wall clock moves. */
  wallMs(): number
  /** 22 characters of URL-safe base64, from the seeded generator. */
  nextUuid(): string
  log(level: "info" | "warn" | "error", line: string): void
}

/** Who asks, and when. */
export interface RequestOrigin {
  readonly nowMs: number
  readonly apiVersion: number
  readonly clientId: string
  /** As Kafka shows it: `/127.0.0.1`. */
  readonly clientHost: string
}
