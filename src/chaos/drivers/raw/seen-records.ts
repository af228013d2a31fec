/** The records of a Fetch answer as a history has them. */
import { batchCrc, readBatchHeader, splitBatches } from "../../../protocol/batch-view.ts"
import { iterateRecords } from "../../../protocol/record.ts"
import type { LogRecord } from "../../../protocol/record.ts"
import { isControl } from "../../../protocol/record-batch.ts"
import type { SeenRecord } from "../../history/history.ts"
import { nameIn } from "./named-record.ts"

export interface Seen {
  readonly records: ReadonlyArray<SeenRecord>
  /** Where to read on; `from` when nothing came. */
  readonly next: number
}

/** From `from` on; a batch whose bytes do not match its checksum is told as what it is. */
export function seenIn(
  bytes: Uint8Array | null,
  from: number,
  nameOf: (record: LogRecord) => string = nameIn,
): Seen {
  const records: Array<SeenRecord> = []
  let next = from
  for (const batch of splitBatches(bytes ?? new Uint8Array(0))) {
    const header = readBatchHeader(batch)
    if (header === undefined) continue
    const { baseOffset, lastOffsetDelta, partitionLeaderEpoch: epoch, crc, attributes } = header
    next = Math.max(next, baseOffset + lastOffsetDelta + 1)
    if (batchCrc(batch) !== crc) {
      records.push([baseOffset, "?damaged batch", epoch])
    } else if (!isControl(attributes)) {
      for (const record of iterateRecords(batch)) {
        if (record.offset >= from) records.push([record.offset, nameOf(record), epoch])
      }
    }
  }
  return { records, next }
}
