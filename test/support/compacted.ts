/** A compacted topic as a table: what it says of each key, read from a replica's log. */
import type { Partition } from "../../src/partition/partition.ts"
import { readBatchHeader } from "../../src/protocol/batch-view.ts"
import { batchCrc } from "../../src/protocol/record-batch.ts"
import { iterateRecords } from "../../src/protocol/record.ts"

export interface TableRecord {
  readonly offset: number
  readonly key: string
  /** Null: a tombstone. */
  readonly value: string | null
}

const text = new TextDecoder()

/** Every record that a consumer sees from `from` on, in the order in which it sees them. */
export function readTable(partition: Partition, from = partition.logStartOffset): TableRecord[] {
  const seen: Array<TableRecord> = []
  let next = from
  for (;;) {
    const { batches, errorCode } = partition.read(next, 4096, true)
    if (errorCode !== 0) throw new Error(`error ${errorCode} at offset ${next}`)
    if (batches.length === 0) return seen
    for (const batch of batches) {
      const header = readBatchHeader(batch)
      if (header === undefined || header.crc !== batchCrc(batch)) throw new Error("a wrong CRC")
      for (const { offset, key, value } of iterateRecords(batch)) {
        if (offset < next) continue
        const last = seen.at(-1)?.offset ?? -1
        if (offset <= last) throw new Error(`offset ${offset} behind ${last}`)
        const record = { offset, key: text.decode(key ?? undefined) }
        seen.push({ ...record, value: value === null ? null : text.decode(value) })
      }
      next = header.baseOffset + header.lastOffsetDelta + 1
    }
  }
}

/** The latest value of each key; without those that were deleted. */
export function tableOf(records: ReadonlyArray<TableRecord>): ReadonlyMap<string, string> {
  const table = new Map<string, string>()
  for (const { key, value } of records) {
    if (value === null) table.delete(key)
    else table.set(key, value)
  }
  return table
}
