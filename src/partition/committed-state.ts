/**
 * All that a partition keeps in memory about its committed log. A function of that log: no clock,
 * no leader.
 */
import type { LogIndex, Term } from "../../raft/types.ts"
import type { EntryMeta } from "../../storage/wal.ts"
import { compactedBy, noCompaction } from "./compaction-mark.ts"
import type { CompactionMark } from "./compaction-mark.ts"
import { decodeControlEntry, isControl } from "./control-entry.ts"
import type { ControlEntry } from "./control-entry.ts"
import { LeaderEpochs } from "./leader-epochs.ts"
import type { EpochStart } from "./leader-epochs.ts"
import type { PartitionConfig } from "./partition-config.ts"
import { ProducerState } from "./producer-state.ts"
import type { ProducerLimits, ProducerSnapshot } from "./producer-state.ts"

/** The same as plain data. */
export interface CommittedSnapshot {
  readonly highWatermark: number
  readonly appliedTerm: Term
  readonly maxTimestamp: number
  readonly maxTimestampIndex: LogIndex
  readonly logStartOffset: number
  readonly compaction: CompactionMark
  readonly epochs: ReadonlyArray<EpochStart>
  readonly producers: ReadonlyArray<ProducerSnapshot>
}

export class CommittedState {
  readonly epochs = new LeaderEpochs()
  readonly producers: ProducerState
  /** Offset after the last applied batch. */
  highWatermark = 0
  /** Term of the last applied entry; 0 before the first. */
  appliedTerm: Term = 0
  /** −1 while no record has one. */
  maxTimestamp = -1
  /** The first entry that holds it; 0 = none. */
  maxTimestampIndex: LogIndex = 0
  /** What was decided to be gone lies below; never decreases. */
  logStartOffset = 0
  compaction: CompactionMark = noCompaction

  constructor(config: PartitionConfig) {
    this.producers = new ProducerState(producerLimits(config))
  }

  configure(config: PartitionConfig): void {
    this.producers.configure(producerLimits(config))
  }

  /** In place of whatever was there: the state as `encodeCommittedState` wrote it. */
  restore(state: CommittedSnapshot): void {
    this.epochs.restore(state.epochs)
    this.producers.restore(state.producers)
    this.highWatermark = state.highWatermark
    this.appliedTerm = state.appliedTerm
    this.maxTimestamp = state.maxTimestamp
    this.maxTimestampIndex = state.maxTimestampIndex
    this.logStartOffset = state.logStartOffset
    this.compaction = state.compaction
  }

  /**
   * Each committed entry once, in order. `payload` is read of control entries alone, before
   * anything changes: of an entry that cannot be read nothing is applied.
   */
  apply(meta: EntryMeta, payload: () => Uint8Array): void {
    const control = isControl(meta) ? decodeControlEntry(payload()) : undefined
    this.appliedTerm = meta.term
    this.epochs.apply(meta.term, meta.firstOffset)
    if (control !== undefined) return this.#control(control)
    if (meta.type !== "data") return
    this.highWatermark = meta.lastOffset + 1
    if (meta.maxTimestamp > this.maxTimestamp) {
      this.maxTimestamp = meta.maxTimestamp
      this.maxTimestampIndex = meta.index
    }
    if (meta.producerId >= 0) this.producers.apply(meta)
  }

  #control(entry: ControlEntry): void {
    switch (entry._tag) {
      case "LogStartMoved": {
        const offset = Math.min(entry.offset, this.highWatermark)
        this.logStartOffset = Math.max(this.logStartOffset, offset)
        return
      }
      case "Compacted":
        this.compaction = compactedBy(this.compaction, entry)
        return
    }
  }
}

function producerLimits(config: PartitionConfig): ProducerLimits {
  return { expirationMs: config.producerIdExpirationMs, producersMax: config.producersMax }
}
