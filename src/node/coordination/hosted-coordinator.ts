/**
 * One partition of `__consumer_offsets` on this broker: the coordinator that its committed batches
 * drive, on every replica, and how that one appends while this broker leads.
 */
import type { Term } from "../../../raft/types.ts"
import type { EntryMeta } from "../../../storage/wal.ts"
import { GroupCoordinator } from "../../coordinator/group-coordinator.ts"
import type {
  CommittedRecord,
  CoordinatorHost,
  CoordinatorRecord,
} from "../../coordinator/ports.ts"
import type { PartitionObserver } from "../../partition/observer.ts"
import type { Partition } from "../../partition/partition.ts"
import type { Compression } from "../../protocol/compression.ts"
import { ErrorCode } from "../../protocol/error-codes.ts"
import { readBatchHeader } from "../../protocol/record-batch.ts"
import { buildBatch, iterateRecords } from "../../protocol/record.ts"
import { coordinatorError } from "./append-errors.ts"

export interface HostedParts {
  readonly host: Omit<CoordinatorHost, "append">
  /** offsets.topic.compression.codec. */
  readonly compression: Compression
  /** This broker's replica of the partition; undefined once it is gone. */
  readonly partition: () => Partition | undefined
  readonly nowMs: () => number
  /** Calls it later, outside of whatever is going on. */
  readonly defer: (action: () => void) => void
  /** Elected or resigned. */
  readonly changed: (hosted: HostedCoordinator) => void
}

/** No frame between brokers could carry more; Kafka's own bound is max.message.bytes. */
const batchBytesMax = 32 << 20

export class HostedCoordinator implements PartitionObserver {
  readonly coordinator: GroupCoordinator
  readonly #parts: HostedParts
  #electedTerm: Term = 0

  constructor(parts: HostedParts) {
    this.#parts = parts
    const { host } = parts
    this.coordinator = new GroupCoordinator({
      topics: host.topics,
      settings: host.settings,
      groupConfig: (groupId) => host.groupConfig(groupId),
      nextUuid: () => host.nextUuid(),
      log: (level, line) => host.log(level, line),
      append: (records, done) => this.#append(records, done),
      wallMs: () => host.wallMs(),
    })
  }

  get partition(): Partition | undefined {
    return this.#parts.partition()
  }

  /** Leads, and has applied everything that was committed before it did. */
  get isElected(): boolean {
    return this.#electedTerm !== 0
  }

  applied(meta: EntryMeta, payload: () => Uint8Array): void {
    const batch = payload()
    // Compaction may have left nothing of it.
    if (batch.length > 0) this.coordinator.apply(committedRecords(batch), meta.appendMs)
  }

  encode(): Uint8Array {
    return this.coordinator.encode()
  }

  restore(state: Uint8Array): void {
    this.coordinator.restore(state)
  }

  elected(term: Term): void {
    this.#electedTerm = term
    this.coordinator.elected(term, this.#parts.nowMs())
    this.#parts.changed(this)
  }

  resigned(): void {
    this.#electedTerm = 0
    this.coordinator.resigned()
    this.#parts.changed(this)
  }

  fresh(): PartitionObserver {
    return new HostedCoordinator({ ...this.#parts, partition: () => undefined })
  }

  #append(records: ReadonlyArray<CoordinatorRecord>, done: (error: ErrorCode) => void): void {
    let appending = true
    const reply = (error: ErrorCode): void => {
      if (appending) this.#parts.defer(() => done(error))
      else done(error)
    }
    this.#propose(records, reply)
    appending = false
  }

  #propose(records: ReadonlyArray<CoordinatorRecord>, reply: (error: ErrorCode) => void): void {
    const { partition } = this
    if (partition === undefined) return reply(ErrorCode.NOT_COORDINATOR)
    const wallMs = this.#parts.host.wallMs()
    const batch = buildBatch({
      records: records.map(({ key, value }) => ({ key, value, timestamp: wallMs })),
      compression: this.#parts.compression,
    })
    const header = readBatchHeader(batch)
    if (header === undefined || batch.length > batchBytesMax) {
      return reply(ErrorCode.UNKNOWN_SERVER_ERROR)
    }
    const append = { header, records: batch, recordCount: records.length }
    partition.append(append, { acks: -1, wallMs }, ({ errorCode }) =>
      reply(coordinatorError(errorCode)),
    )
  }
}

function* committedRecords(batch: Uint8Array): Generator<CommittedRecord> {
  for (const { offset, timestamp, key, value } of iterateRecords(batch)) {
    // Kafka writes none without a key, and neither does a coordinator.
    if (key !== null) yield { offset, timestamp, key, value }
  }
}
