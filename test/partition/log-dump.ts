/** What a consumer would see of a partition from its start, and the derived state as plain data. */
import type { EpochStart } from "../../src/partition/leader-epochs.ts"
import type { ProducerSnapshot } from "../../src/partition/producer-state.ts"
import type { Partition } from "../../src/partition/partition.ts"
import { iterateRecords } from "../../src/protocol/record.ts"

export interface SeenRecord {
  readonly offset: number
  readonly value: string
}

const text = new TextDecoder()

export function consume(partition: Partition, from = partition.logStartOffset): Array<SeenRecord> {
  const seen: Array<SeenRecord> = []
  let offset = from
  for (;;) {
    const { batches } = partition.read(offset, 4096, true)
    if (batches.length === 0) return seen
    for (const batch of batches) {
      for (const record of iterateRecords(batch)) {
        if (record.offset < offset) continue
        seen.push({ offset: record.offset, value: text.decode(record.value ?? undefined) })
        offset = record.offset + 1
      }
    }
  }
}

export interface DerivedState {
  readonly highWatermark: number
  readonly producers: ReadonlyArray<ProducerSnapshot>
  readonly epochs: ReadonlyArray<EpochStart>
  readonly maxTimestamp: unknown
}

/** All that a partition keeps in memory about its committed log. */
export function derivedState(partition: Partition): DerivedState {
  return {
    highWatermark: partition.highWatermark,
    producers: partition.producers(),
    epochs: partition.epochStarts(),
    maxTimestamp: partition.offsetOfMaxTimestamp(),
  }
}
