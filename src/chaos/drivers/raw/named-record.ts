/** Records that carry the name by which a history knows them. */
import type { LogRecord, RecordInput } from "../../../protocol/record.ts"
import { nameOf, valueOf } from "../../history/values.ts"
import type { RecordShape } from "../client.ts"

/** A record without a value has its name here. */
const headerKey = "name"

export function recordOf(shape: RecordShape, name: string, timestamp: number): RecordInput {
  const { key, valueBytes, isTombstone = false } = shape
  if (!isTombstone) return { key, value: valueOf(name, valueBytes), timestamp }
  const headers = [{ key: headerKey, value: valueOf(name, valueBytes) }]
  return { key, value: null, headers, timestamp }
}

export function nameIn({ value, headers }: LogRecord): string {
  const header = value === null ? headers.find(({ key }) => key === headerKey) : undefined
  return nameOf(header === undefined ? value : header.value)
}
