/** What a Fetch brought, as records: whole batches, without those of aborted transactions. */
import { iterateRecords, recordBytes } from "../protocol/record.ts"
import type { LogRecord } from "../protocol/record.ts"
import {
  batchPrefixBytes,
  isControl,
  isLogAppendTime,
  isTransactional,
  readBatchHeader,
} from "../protocol/record-batch.ts"
import { Reader } from "../protocol/reader.ts"
import type { TopicPartition } from "./topic-partition.ts"

export interface ConsumedRecord extends LogRecord, TopicPartition {
  /** Whose clock the timestamp is of: the producer's or the broker's. */
  readonly timestampType: "CreateTime" | "LogAppendTime"
  readonly leaderEpoch: number
}

/** Whole batches only: a piece at the end is legal and belongs to the next fetch. */
export function splitBatches(records: Uint8Array | null): ReadonlyArray<Uint8Array> {
  const batches: Uint8Array[] = []
  let rest = records ?? new Uint8Array(0)
  for (;;) {
    const header = readBatchHeader(rest)
    const bytes = header === undefined ? 0 : batchPrefixBytes + header.batchLength
    if (header === undefined || rest.length < bytes) return batches
    batches.push(rest.subarray(0, bytes))
    rest = rest.subarray(bytes)
  }
}

/**
 * The data records from `offset` on. `aborted`: the aborted transactions that the answer names, by
 * first offset; their records are left out up to the marker that ends them.
 */
export function decodeBatches(
  batches: ReadonlyArray<Uint8Array>,
  { topic, partition }: TopicPartition,
  offset: number,
  aborted: ReadonlyArray<{ readonly producerId: number; readonly firstOffset: number }>,
): ReadonlyArray<ConsumedRecord> {
  const records: ConsumedRecord[] = []
  const waiting = aborted.toSorted((a, b) => a.firstOffset - b.firstOffset)
  const dropped = new Set<number>()
  for (const batch of batches) {
    const header = readBatchHeader(batch)
    if (header === undefined) continue
    const { attributes, producerId } = header
    const last = header.baseOffset + header.lastOffsetDelta
    while ((waiting[0]?.firstOffset ?? Infinity) <= last) {
      const begun = waiting.shift()
      if (begun !== undefined) dropped.add(begun.producerId)
    }
    if (isControl(attributes)) {
      if (isAbort(batch)) dropped.delete(producerId)
      continue
    }
    if (isTransactional(attributes) && dropped.has(producerId)) continue
    const timestampType: ConsumedRecord["timestampType"] = isLogAppendTime(attributes)
      ? "LogAppendTime"
      : "CreateTime"
    const more = { topic, partition, timestampType, leaderEpoch: header.partitionLeaderEpoch }
    for (const record of iterateRecords(batch)) {
      if (record.offset >= offset) records.push({ ...record, ...more })
    }
  }
  return records
}

/** The key of a control record: version int16, type int16 (0 abort, 1 commit). */
function isAbort(batch: Uint8Array): boolean {
  if (recordBytes(batch).length === 0) return false
  const [record] = iterateRecords(batch)
  if (record === undefined || record.key === null || record.key.length < 4) return false
  const reader = new Reader(record.key)
  reader.int16()
  return reader.int16() === 0
}
