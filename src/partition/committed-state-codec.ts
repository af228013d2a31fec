/**
 * A partition's derived state as bytes: the state in its checkpoints and snapshots. Equal states
 * have equal bytes.
 */
import { Reader } from "../protocol/reader.ts"
import { Writer } from "../protocol/writer.ts"
import type { CommittedSnapshot, CommittedState } from "./committed-state.ts"
import { horizonsMax, noCompaction } from "./compaction-mark.ts"
import type { CompactionHorizon, CompactionMark } from "./compaction-mark.ts"
import type { EpochStart } from "./leader-epochs.ts"
import type { ProducerBatch } from "./producer-batch.ts"
import type { ProducerSnapshot } from "./producer-state.ts"

/** 1: without where the log begins and what is compacted; 2: without horizons. */
const version = 3
const horizonBytes = 16
const epochBytes = 16
const producerBytes = 12
const batchBytes = 43

export function encodeCommittedState(state: CommittedState): Uint8Array {
  const epochs = state.epochs.snapshot()
  const producers = state.producers.snapshot()
  const writer = new Writer(64 + epochs.length * epochBytes + producers.length * 128)
  writer.uint16(version)
  writer.int64(state.highWatermark)
  writer.int64(state.appliedTerm)
  writer.int64(state.maxTimestamp)
  writer.int64(state.maxTimestampIndex)
  writer.int64(state.logStartOffset)
  writer.int64(state.compaction.upToIndex)
  writer.int64(state.compaction.wallMs)
  writer.int64(state.compaction.tombstonesUpToIndex)
  writer.arrayLength(state.compaction.horizons.length)
  for (const { index, wallMs } of state.compaction.horizons) {
    writer.int64(index)
    writer.int64(wallMs)
  }
  writer.arrayLength(epochs.length)
  for (const { epoch, startOffset } of epochs) {
    writer.int64(epoch)
    writer.int64(startOffset)
  }
  writer.arrayLength(producers.length)
  for (const { producerId, batches } of producers) {
    writer.int64(producerId)
    writer.arrayLength(batches.length)
    for (const batch of batches) writeBatch(writer, batch)
  }
  return writer.concat()
}

function writeBatch(writer: Writer, batch: ProducerBatch): void {
  writer.int16(batch.epoch)
  writer.int32(batch.firstSequence)
  writer.int32(batch.lastSequence)
  writer.int64(batch.firstOffset)
  writer.int64(batch.index)
  writer.int64(batch.timestamp)
  writer.int64(batch.appendMs)
  writer.bool(batch.startsHistory)
}

/** Throws DecodeError, or an Error for a version that this program does not know. */
export function decodeCommittedState(bytes: Uint8Array): CommittedSnapshot {
  const reader = new Reader(bytes, { elementsMax: 100_000_000 })
  const found = reader.uint16()
  if (found < 1 || found > version) throw new Error(`a partition's state of version ${found}`)
  const highWatermark = reader.int64()
  const appliedTerm = reader.int64()
  const maxTimestamp = reader.int64()
  const maxTimestampIndex = reader.int64()
  const logStartOffset = found === 1 ? 0 : reader.int64()
  const compaction = found === 1 ? noCompaction : readCompaction(reader, found)
  const epochs: Array<EpochStart> = []
  for (let left = reader.arrayLength(epochBytes); left > 0; left--) {
    const epoch = reader.int64()
    epochs.push({ epoch, startOffset: reader.int64() })
  }
  const producers: Array<ProducerSnapshot> = []
  for (let left = reader.arrayLength(producerBytes); left > 0; left--) {
    const producerId = reader.int64()
    const batches: Array<ProducerBatch> = []
    for (let of = reader.arrayLength(batchBytes); of > 0; of--) batches.push(readBatch(reader))
    producers.push({ producerId, batches })
  }
  reader.expectEnd()
  const position = { highWatermark, appliedTerm, maxTimestamp, maxTimestampIndex }
  return { ...position, logStartOffset, compaction, epochs, producers }
}

function readCompaction(reader: Reader, found: number): CompactionMark {
  const upToIndex = reader.int64()
  const wallMs = reader.int64()
  const tombstonesUpToIndex = reader.int64()
  const horizons: Array<CompactionHorizon> = []
  const count = found < 3 ? 0 : reader.arrayLength(horizonBytes)
  if (count > horizonsMax) throw new Error(`${count} horizons of a compaction`)
  for (let left = count; left > 0; left--) {
    const index = reader.int64()
    horizons.push({ index, wallMs: reader.int64() })
  }
  return { upToIndex, wallMs, tombstonesUpToIndex, horizons }
}

function readBatch(reader: Reader): ProducerBatch {
  return {
    epoch: reader.int16(),
    firstSequence: reader.int32(),
    lastSequence: reader.int32(),
    firstOffset: reader.int64(),
    index: reader.int64(),
    timestamp: reader.int64(),
    appendMs: reader.int64(),
    startsHistory: reader.bool(),
  }
}
