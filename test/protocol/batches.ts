/** Batches for tests: built, edited under the CRC that fits, and as real clients sent them. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { crc32c } from "../../raft/crc32c.ts"
import { batchHeaderBytes, validateProduceBatch } from "../../src/protocol/record-batch.ts"
import type { ValidateOptions } from "../../src/protocol/record-batch.ts"
import { buildBatch } from "../../src/protocol/record.ts"

export const wallMs = 1_760_000_000_000

export const ordinary: ValidateOptions = {
  apiVersion: 9,
  maxMessageBytes: 1_048_588,
  compactedTopic: false,
  timestampType: "CreateTime",
  wallMs,
  timestampAfterMaxMs: 3_600_000,
  topicPartition: "t-0",
}

export const taken = (records: Uint8Array, options: Partial<ValidateOptions> = {}) => {
  const result = validateProduceBatch(records, { ...ordinary, ...options })
  if (!result.ok) throw new Error(`the batch was refused: ${result.reason}`)
  return result
}

export const two = (): Uint8Array =>
  buildBatch({
    records: [
      { key: "a", value: "1", timestamp: wallMs },
      { key: "b", value: "2", timestamp: wallMs },
    ],
  })

/** A changed copy, with the CRC that belongs to it. */
export const edited = (batch: Uint8Array, change: (view: DataView) => void): Uint8Array => {
  const copy = new Uint8Array(batch)
  const view = new DataView(copy.buffer)
  change(view)
  view.setUint32(17, crc32c(copy, 21))
  return copy
}

/** A batch around record bytes of one's own, count as claimed. */
export const around = (payload: Uint8Array, recordCount: number, attributes = 0): Uint8Array => {
  const head = buildBatch({ records: [{ timestamp: wallMs }] }).subarray(0, batchHeaderBytes)
  return edited(Buffer.concat([head, payload]), (view) => {
    view.setInt32(8, batchHeaderBytes - 12 + payload.length)
    view.setInt16(21, attributes)
    view.setInt32(23, recordCount - 1)
    view.setInt32(57, recordCount)
  })
}

export const hex = (text: string): Uint8Array => Buffer.from(text.replaceAll(" ", ""), "hex")
export const inner = (): Uint8Array => two().subarray(batchHeaderBytes)

/** Whole batches as clients sent them: three records, `k1`, `k2`, `k3`. */
interface ClientBatch {
  readonly client: string
  readonly compression: string
  readonly batch: string
}

export const clientBatches = readFileSync(join(import.meta.dir, "client-batches.jsonl"), "utf8")
  .trimEnd()
  .split("\n")
  .map((line): ClientBatch => JSON.parse(line))
