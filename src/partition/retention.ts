/**
 * How much of a partition's front its topic's retention.ms and retention.bytes let go: whole
 * batches, the oldest first, up to the first one that is to stay. What is asked of a record's age
 * is its own timestamp, as in Kafka. Decided by the leader alone; what follows is in the log.
 */
import type { LogIndex } from "../../raft/types.ts"
import type { EntryMeta, GroupLog } from "../../storage/wal.ts"
import type { LogStartMoved } from "./control-entry.ts"
import type { PartitionConfig } from "./partition-config.ts"

export interface RetentionAsked {
  readonly log: GroupLog
  /** Entries up to here are committed and applied. */
  readonly appliedIndex: LogIndex
  readonly logStartOffset: number
  readonly config: PartitionConfig
  readonly wallMs: number
  /** No batch goes by its time sooner after it was appended, however old its timestamps are. */
  readonly graceMs: number
}

/** Envelopes read at once: few at first, for mostly the first one is to stay. */
const firstChunk = 4
const chunkMax = 256

export class RetentionScan {
  readonly #asked: RetentionAsked
  #next: LogIndex
  #done = false
  #chunk = firstChunk
  #moved: LogStartMoved | undefined
  /** Bytes beyond retention.bytes. */
  #excess: number
  /** When the first batch that stays will be due by its time; Infinity when there is none. */
  dueMs = Infinity
  /** So many beyond retention.bytes, and the first batch that stays goes; Infinity without one. */
  dueBytes = Infinity

  constructor(asked: RetentionAsked) {
    this.#asked = asked
    const { log, config, logStartOffset } = asked
    this.#next = log.indexOfOffset(logStartOffset) ?? log.lastIndex + 1
    const { retentionBytes } = config
    this.#excess = retentionBytes < 0 ? -Infinity : log.payloadBytes - retentionBytes
  }

  get done(): boolean {
    return this.#done
  }

  /** Where the log is to begin; undefined: where it does. */
  get moved(): LogStartMoved | undefined {
    return this.#moved
  }

  /** Reads at most so many envelopes; returns how many. */
  step(entriesMax: number): number {
    const { log, appliedIndex } = this.#asked
    let read = 0
    while (!this.#done && read < entriesMax) {
      const count = Math.min(this.#chunk, entriesMax - read)
      this.#chunk = Math.min(chunkMax, this.#chunk * 4)
      const metas = log.metas(this.#next, appliedIndex + 1, count)
      if (metas.length === 0) this.#done = true
      for (const meta of metas) {
        read++
        if (this.#stays(meta)) {
          this.#done = true
          break
        }
        this.#next = meta.index + 1
      }
    }
    return read
  }

  #stays(meta: EntryMeta): boolean {
    // No records in it: goes with the next batch behind it.
    if (meta.lastOffset < meta.firstOffset) return false
    const { config, wallMs, graceMs } = this.#asked
    const dueMs = timeDue(meta, config, graceMs)
    const { payloadBytes } = meta
    if (wallMs > dueMs) this.#go(meta, "retention.ms")
    else if (this.#excess >= payloadBytes) this.#go(meta, "retention.bytes")
    else {
      this.dueMs = dueMs
      this.dueBytes = payloadBytes
      return true
    }
    return false
  }

  #go({ lastOffset, payloadBytes }: EntryMeta, why: LogStartMoved["why"]): void {
    this.#excess -= payloadBytes
    this.#moved = { _tag: "LogStartMoved", offset: lastOffset + 1, why }
  }
}

function timeDue(
  { maxTimestamp, appendMs }: EntryMeta,
  { retentionMs }: PartitionConfig,
  graceMs: number,
): number {
  if (retentionMs < 0) return Infinity
  const timestamp = maxTimestamp < 0 ? appendMs : maxTimestamp
  return Math.max(timestamp + retentionMs, appendMs + graceMs)
}
