/**
 * What of a partition's log may be compacted, as its leader sees it. The part that is not compacted
 * yet is counted in segments, as Kafka's cleaner does: the last one is left alone until it is full
 * or old, and so is the last batch, from which consumers learn where the log ends.
 */
import type { LogIndex } from "../../raft/types.ts"
import type { EntryMeta, GroupLog } from "../../storage/wal.ts"
import { isBatch } from "./observer.ts"
import type { PartitionConfig } from "./partition-config.ts"

interface Segment {
  readonly firstMs: number
  lastMs: number
  lastIndex: LogIndex
  bytes: number
}

export interface Cleanable {
  readonly upToIndex: LogIndex
  readonly bytes: number
  /** Of everything that could be compacted, the part that is not. */
  readonly ratio: number
  /** It has waited for max.compaction.lag.ms. */
  readonly isOverdue: boolean
}

const entriesPerRead = 512

export class CompactionScan {
  /** Entries up to here are compacted. */
  readonly from: LogIndex
  readonly #log: GroupLog
  #next: LogIndex
  #bytes = 0
  #segments: Array<Segment> = []
  /** Of the last batch, and of the one before it. */
  #lastBatch: LogIndex = 0
  #batchBefore: LogIndex = 0

  constructor(log: GroupLog, compactedUpTo: LogIndex) {
    this.#log = log
    this.from = compactedUpTo
    this.#next = compactedUpTo + 1
  }

  /** Reads at most so many of the envelopes up to `appliedIndex`; answers how many. */
  step(appliedIndex: LogIndex, config: PartitionConfig, countMax: number): number {
    this.#next = Math.max(this.#next, this.#log.firstIndex)
    const metas = this.#log.metas(this.#next, appliedIndex + 1, Math.min(countMax, entriesPerRead))
    for (const meta of metas) this.#take(meta, config)
    this.#next += metas.length
    return metas.length
  }

  #take(meta: EntryMeta, { segmentBytes, segmentMs, maxCompactionLagMs }: PartitionConfig): void {
    this.#bytes += meta.payloadBytes
    if (isBatch(meta)) {
      this.#batchBefore = this.#lastBatch
      this.#lastBatch = meta.index
    }
    const open = this.#segments.at(-1)
    const ageMax = Math.min(segmentMs, maxCompactionLagMs)
    const goesOn =
      open !== undefined &&
      open.bytes + meta.payloadBytes <= segmentBytes &&
      meta.appendMs - open.firstMs < ageMax
    if (!goesOn) {
      const { index, appendMs, payloadBytes } = meta
      const segment = { firstMs: appendMs, lastMs: appendMs, lastIndex: index }
      this.#segments.push({ ...segment, bytes: payloadBytes })
      return
    }
    open.lastMs = meta.appendMs
    open.lastIndex = meta.index
    open.bytes += meta.payloadBytes
  }

  /** Undefined when nothing may be compacted yet. */
  cleanable(config: PartitionConfig, wallMs: number): Cleanable | undefined {
    const { minCompactionLagMs, maxCompactionLagMs, segmentMs } = config
    const ageMax = Math.min(segmentMs, maxCompactionLagMs)
    const newest = this.#segments.at(-1)
    let upToIndex = 0
    let bytes = 0
    for (const segment of this.#segments) {
      const isOpen = segment === newest && wallMs - segment.firstMs < ageMax
      if (isOpen || wallMs - segment.lastMs < minCompactionLagMs) break
      upToIndex = segment.lastIndex
      bytes += segment.bytes
    }
    upToIndex = Math.min(upToIndex, this.#lastBatch - 1)
    if (upToIndex <= this.from || this.#lastBatch === 0 || bytes === 0) return undefined
    const clean = Math.max(0, this.#log.payloadBytes - this.#bytes)
    const firstMs = this.#segments[0]?.firstMs ?? wallMs
    return {
      upToIndex,
      bytes,
      ratio: bytes / (clean + bytes),
      // The last batch alone is nothing that could wait.
      isOverdue: this.#batchBefore > this.from && wallMs - firstMs >= maxCompactionLagMs,
    }
  }
}
