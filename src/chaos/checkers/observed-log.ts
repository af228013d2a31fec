/**
 * Where nobody drained a partition: what its log is known to have held, from what was read and
 * acknowledged. Others may have been there too; these must have been.
 */
import type { Append, Operation, Poll, SeenRecord } from "../history/history.ts"
import { LogIndex } from "./log-index.ts"

export function observedLog(
  appends: ReadonlyArray<Operation<Append>>,
  polls: ReadonlyArray<Operation<Poll>>,
  highestStart: number,
): LogIndex {
  const records = new Map<number, SeenRecord>()
  for (const { outcome, records: read } of polls) {
    if (outcome === "ok") for (const record of read) records.set(record[0], record)
  }
  let hasKeys = false
  for (const { outcome, acks, offset, values, keys } of appends) {
    hasKeys ||= keys !== undefined
    if (outcome !== "ok" || acks !== -1 || offset < 0) continue
    values.forEach((value, i) => {
      if (!records.has(offset + i)) records.set(offset + i, [offset + i, value, -1])
    })
  }
  return new LogIndex([...records.values()], highestStart, hasKeys)
}
