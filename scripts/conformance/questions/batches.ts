import { buildBatch, type BatchInput, type RecordInput } from "../../../src/protocol/index.ts"

/** As in the golden questions: long past, and always the same. */
const timestamp = 1_760_000_000_000

export const record = (key: string | null, value: string | null, laterMs = 0): RecordInput => ({
  key: key === null ? null : Buffer.from(key),
  value: value === null ? null : Buffer.from(value),
  timestamp: timestamp + laterMs,
})

/** One batch of `k` → `v` records. */
export const batch = (count = 1, options: Omit<BatchInput, "records"> = {}): Uint8Array =>
  buildBatch({ records: Array.from({ length: count }, () => record("k", "v")), ...options })
