/**
 * The committed state of one partition of `__consumer_offsets`: its groups and their offsets, a
 * function of the records that were applied. Record types and versions that are not known here are
 * logged and skipped, as Kafka does.
 */
import { DecodeError } from "../protocol/errors.ts"
import { classicGroupOf } from "./classic/classic-group.ts"
import type { ClassicGroup } from "./classic/classic-group.ts"
import { applyConsumerRecord } from "./consumer/apply-record.ts"
import type { ConsumerRecord } from "./consumer/apply-record.ts"
import type { ConsumerGroup } from "./consumer/consumer-group.ts"
import { offsetOfRecord } from "./offsets/offset-records.ts"
import { OffsetStore } from "./offsets/offset-store.ts"
import type { CommittedRecord, CoordinatorHost } from "./ports.ts"
import { decodeRecord } from "./records/codec.ts"
import type { DecodedRecord } from "./records/codec.ts"

export type Group = ClassicGroup | ConsumerGroup

export class Groups {
  readonly offsets = new OffsetStore()
  /**
   * Every topic id that something was committed under was in the metadata image of this version or
   * an older one: an image as new as this that lacks it says that the topic is deleted, an older
   * one says nothing.
   */
  topicsVersion = 0
  readonly #groups = new Map<string, Group>()
  readonly #log: CoordinatorHost["log"]

  constructor(log: CoordinatorHost["log"]) {
    this.#log = log
  }

  /** Not those that are known by their offsets alone. */
  get(groupId: string): Group | undefined {
    return this.#groups.get(groupId)
  }

  /** As `get`: not those with offsets alone. */
  get all(): Iterable<Group> {
    return this.#groups.values()
  }

  /** Of all groups, those that are known by their offsets alone included. */
  get ids(): ReadonlyArray<string> {
    return [...new Set([...this.#groups.keys(), ...this.offsets.groupIds])]
  }

  apply(records: Iterable<CommittedRecord>): void {
    for (const record of records) {
      try {
        this.#applyRecord(record)
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
        this.#log("error", `skipped the record at offset ${record.offset}: ${error.message}`)
      }
    }
  }

  #applyRecord(record: CommittedRecord): void {
    if (record.value !== null && this.offsets.setFast(record.key, record.value)) return
    const decoded = decodeRecord(record)
    switch (decoded._tag) {
      case "Unknown": {
        const what =
          decoded.version === undefined ? "" : ` with a value of version ${decoded.version}`
        const line = `skipped the record at offset ${record.offset}: type ${decoded.type}${what}`
        this.#log("warn", line)
        return
      }
      case "LegacyOffsetCommit":
      case "OffsetCommit":
        return this.#applyOffset(decoded)
      case "GroupMetadata":
        return this.#applyClassic(decoded)
      case "TopicsVersion":
        this.topicsVersion = Math.max(this.topicsVersion, decoded.value?.version ?? 0)
        return
      default:
        return this.#applyConsumer(decoded)
    }
  }

  #applyClassic({ key, value }: Extract<DecodedRecord, { _tag: "GroupMetadata" }>): void {
    if (value === null) {
      if (this.#groups.get(key.group)?._tag === "classic") this.#groups.delete(key.group)
      return
    }
    this.#groups.set(key.group, classicGroupOf(key.group, value))
  }

  #applyConsumer(record: ConsumerRecord): void {
    const { groupId } = record.key
    const known = this.#groups.get(groupId)
    const before = known?._tag === "consumer" ? known : undefined
    const now = applyConsumerRecord(before, record)
    if (now !== undefined) this.#groups.set(groupId, now)
    else if (before !== undefined) this.#groups.delete(groupId)
  }

  #applyOffset({ key, value }: Extract<DecodedRecord, { _tag: `${string}OffsetCommit` }>): void {
    const { group, topic, partition } = key
    if (value === null) {
      this.offsets.remove(group, topic, partition)
      return
    }
    this.offsets.set(group, topic, partition, offsetOfRecord(value))
  }
}
