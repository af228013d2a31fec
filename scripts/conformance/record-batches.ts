/**
 * What differs inside record batches from cluster to cluster: leader epochs, times, producer ids.
 */
import { crc32c } from "../../raft/crc32c.ts"

const leaderEpochAt = 12
const crcAt = 17
const attributesAt = 21
const logAppendTimeBit = 8
const maxTimestampAt = 35
const producerIdAt = 43
const headerBytes = 61

/** Where each whole batch lies; what is cut short at the end is left alone. */
function* batchesIn(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at + headerBytes <= bytes.length;) {
    const end = at + 12 + bytes.readInt32BE(at + 8)
    if (end > bytes.length || end < at + headerBytes) return
    yield bytes.subarray(at, end)
    at = end
  }
}

/**
 * A copy with other producer ids. A batch whose CRC is right keeps a right one; one whose CRC is
 * wrong is wrong on purpose and stays as it is.
 */
export function withProducerIds(records: Uint8Array, change: (id: number) => number): Buffer {
  const bytes = Buffer.from(records)
  for (const batch of batchesIn(bytes)) {
    const id = Number(batch.readBigInt64BE(producerIdAt))
    const other = id < 0 ? id : change(id)
    if (other === id) continue
    if (crc32c(batch.subarray(attributesAt)) !== batch.readUInt32BE(crcAt)) continue
    batch.writeBigInt64BE(BigInt(other), producerIdAt)
    batch.writeUInt32BE(crc32c(batch.subarray(attributesAt)), crcAt)
  }
  return bytes
}

/**
 * A copy without what a broker writes into a batch: its leader epoch; and where it sets the time of
 * the records (LogAppendTime), that time and the CRC over it.
 */
export function withoutWhatBrokersWrite(records: Uint8Array): Buffer {
  const bytes = Buffer.from(records)
  for (const batch of batchesIn(bytes)) {
    batch.writeInt32BE(0, leaderEpochAt)
    if ((batch.readInt16BE(attributesAt) & logAppendTimeBit) === 0) continue
    batch.writeBigInt64BE(0n, maxTimestampAt)
    batch.writeUInt32BE(0, crcAt)
  }
  return bytes
}
