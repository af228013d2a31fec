/**
 * The part of a partition's leader in retention: finds what is due by time or size and proposes
 * where the log is to begin. A partition is read only when something may be due in it; the others
 * cost a comparison per round.
 */
import { CorruptEntry } from "../../storage/wal.ts"
import type { Partition } from "../partition/partition.ts"
import { RetentionScan } from "../partition/retention.ts"
import type { LogLevel, NodeSettings } from "./ports.ts"

export interface RetentionParts {
  /** All that are hosted here. */
  readonly partitions: () => Iterable<Partition>
  readonly settings: NodeSettings
  readonly wallMs: () => number
  readonly log: (level: LogLevel, line: string) => void
}

/** Kafka looks every five minutes; space is to be free half a minute after it may be. */
const roundMsMax = 10_000
/** What beginning with a partition counts as: it reads a directory at least. */
const beginCost = 32

/** In a line. */
const namesMax = 5

/** What the last look at a partition found, for as long as it holds. */
interface Known {
  readonly config: object
  readonly logStartOffset: number
  readonly appliedIndex: number
  readonly dueMs: number
  readonly dueBytes: number
}

interface Running {
  readonly partition: Partition
  readonly scan: RetentionScan
}

export class Retention {
  readonly #parts: RetentionParts
  #nextRoundMs = 0
  /** Of this round, still to be looked at. */
  #left: Array<Partition> = []
  #running: Running | undefined
  readonly #known = new WeakMap<Partition, Known>()
  /** Since the last line about it. */
  #begun: Array<string> = []
  /** With a log start that is not committed yet. */
  readonly #proposed = new WeakSet<Partition>()

  constructor(parts: RetentionParts) {
    this.#parts = parts
  }

  get #roundMs(): number {
    return Math.min(this.#parts.settings.retentionCheckIntervalMs, roundMsMax)
  }

  tick(nowMs: number): void {
    if (nowMs < this.#nextRoundMs || this.#left.length > 0) return
    this.#nextRoundMs = nowMs + this.#roundMs
    this.#tell()
    const wallMs = this.#parts.wallMs()
    for (const partition of this.#parts.partitions()) {
      if (this.#mayBeDue(partition, wallMs)) this.#left.push(partition)
    }
  }

  get pending(): boolean {
    return this.#running !== undefined || this.#left.length > 0
  }

  /** Reads at most so many envelopes, and little more. */
  work(envelopes: number): void {
    let left = envelopes
    while (left > 0 && this.pending) left -= this.#step(left)
  }

  #mayBeDue(partition: Partition, wallMs: number): boolean {
    const { config, isLeader } = partition
    if (!isLeader || !config.cleanupDelete) return false
    if (config.retentionMs < 0 && config.retentionBytes < 0) return false
    if (partition.trimDue || this.#proposed.has(partition)) return false
    const known = this.#known.get(partition)
    if (known?.config !== config || known.logStartOffset !== partition.logStartOffset) return true
    if (known.dueBytes === Infinity) {
      return known.appliedIndex !== partition.raftGroup.appliedIndex
    }
    const { retentionBytes } = config
    const excess = retentionBytes < 0 ? -1 : partition.sizeBytes - retentionBytes
    return wallMs > known.dueMs || excess >= known.dueBytes
  }

  /** Returns what it cost. */
  #step(budget: number): number {
    const partition = this.#running?.partition ?? this.#left.pop()
    if (partition === undefined) return 0
    try {
      const running = this.#running ?? this.#begin(partition)
      this.#running = running
      const read = running.scan.step(budget)
      if (running.scan.done) this.#finish(running)
      return read + beginCost
    } catch (error) {
      if (!(error instanceof CorruptEntry)) throw error
      this.#running = undefined
      partition.raftGroup.damaged(error.index, error.message)
      return budget
    }
  }

  #begin(partition: Partition): Running {
    const { raftGroup, config, logStartOffset } = partition
    const { log, appliedIndex } = raftGroup
    const graceMs = this.#roundMs
    const wallMs = this.#parts.wallMs()
    const asked = { log, appliedIndex, logStartOffset, config, wallMs, graceMs }
    return { partition, scan: new RetentionScan(asked) }
  }

  #finish({ partition, scan }: Running): void {
    this.#running = undefined
    const { config, logStartOffset, raftGroup } = partition
    const { appliedIndex } = raftGroup
    const { dueMs, dueBytes, moved } = scan
    if (moved === undefined) {
      this.#known.set(partition, { config, logStartOffset, appliedIndex, dueMs, dueBytes })
      return
    }
    const isProposed = partition.proposeControl(moved, this.#parts.wallMs(), () =>
      this.#proposed.delete(partition),
    )
    if (!isProposed) return
    this.#proposed.add(partition)
    const { topic, partition: number } = partition.info
    this.#begun.push(`${topic}-${number} at ${moved.offset} (${moved.why})`)
  }

  /** One line a round, however many partitions there are. */
  #tell(): void {
    const begun = this.#begun
    if (begun.length === 0) return
    this.#begun = []
    const more = begun.length > namesMax ? ` and ${begun.length - namesMax} more` : ""
    const names = begun.slice(0, namesMax).join(", ")
    this.#parts.log("info", `retention: logs are to begin further on: ${names}${more}`)
  }
}
