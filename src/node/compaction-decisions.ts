/**
 * The part of a partition's leader in compaction: when enough of the log is superseded, or old
 * enough, a round is proposed; every replica carries it out when it applies it. Tombstones go with
 * a later round, once every member has told that its disk is compacted beyond them: one that still
 * had an older value and were sent the emptied tombstone would bring the value back.
 */
import type { LogIndex, MemberId } from "../../raft/types.ts"
import type { GroupId } from "../../storage/wal.ts"
import { CorruptEntry } from "../../storage/wal.ts"
import { expiredUpTo } from "../partition/compaction-mark.ts"
import { CompactionScan } from "../partition/compaction-scan.ts"
import type { Partition } from "../partition/partition.ts"
import type { LogLevel, NodeSettings } from "./ports.ts"

export interface DecisionParts {
  readonly self: MemberId
  readonly settings: NodeSettings
  readonly wallMs: () => number
  readonly partitions: () => Iterable<Partition>
  /** Tombstones that the last round here has left; undefined: not known. */
  readonly tombstonesLeft: (partition: Partition) => number | undefined
  readonly log: (level: LogLevel, line: string) => void
}

/** Envelopes read per tick: about two milliseconds. */
const envelopesPerTick = 1_024

export class CompactionDecisions {
  readonly #parts: DecisionParts
  readonly #scans = new WeakMap<Partition, CompactionScan>()
  /** With a round that is not committed yet. */
  readonly #proposed = new WeakSet<Partition>()
  /** How far members have told that they are compacted. */
  readonly #told = new Map<GroupId, Map<MemberId, LogIndex>>()
  /** Of this look, still to be gone through. */
  #left: Array<Partition> = []
  #nextLookMs = 0

  constructor(parts: DecisionParts) {
    this.#parts = parts
  }

  /** A member's word on its own disk. */
  told(group: GroupId, member: MemberId, index: LogIndex): void {
    let members = this.#told.get(group)
    if (members === undefined) this.#told.set(group, (members = new Map()))
    members.set(member, index)
  }

  /** What these members have told is asked anew. */
  forgetMembers(are: (member: MemberId) => boolean): void {
    for (const members of this.#told.values()) {
      for (const member of members.keys()) if (are(member)) members.delete(member)
    }
  }

  tick(nowMs: number): void {
    if (nowMs >= this.#nextLookMs && this.#left.length === 0) {
      this.#nextLookMs = nowMs + this.#parts.settings.cleanerBackoffMs
      this.#look()
    }
    for (let budget = envelopesPerTick; budget > 0 && this.#left.length > 0;) {
      const partition = this.#left.at(-1)
      if (partition !== undefined) budget -= this.#lookAt(partition, budget)
    }
  }

  #look(): void {
    const hosted = new Set<GroupId>()
    for (const partition of this.#parts.partitions()) {
      hosted.add(partition.info.group)
      if (this.#mayDecide(partition)) this.#left.push(partition)
      else this.#scans.delete(partition)
    }
    for (const group of this.#told.keys()) if (!hosted.has(group)) this.#told.delete(group)
  }

  #mayDecide(partition: Partition): boolean {
    const { config, readyToServe } = partition
    return config.compacted && readyToServe && !this.#proposed.has(partition)
  }

  /** Returns what it cost. */
  #lookAt(partition: Partition, budget: number): number {
    if (!this.#mayDecide(partition)) {
      this.#left.pop()
      return 1
    }
    try {
      const read = this.#scan(partition).step(
        partition.raftGroup.appliedIndex,
        partition.config,
        budget,
      )
      if (read > 0) return read
    } catch (error) {
      if (!(error instanceof CorruptEntry)) throw error
      partition.raftGroup.damaged(error.index, error.message)
    }
    this.#left.pop()
    this.#decide(partition)
    return 1
  }

  #scan(partition: Partition): CompactionScan {
    const from = partition.compaction.upToIndex
    let scan = this.#scans.get(partition)
    if (scan === undefined || scan.from !== from) {
      scan = new CompactionScan(partition.raftGroup.log, from)
      this.#scans.set(partition, scan)
    }
    return scan
  }

  #decide(partition: Partition): void {
    const { config, compaction } = partition
    // One round after the other.
    if (partition.compactionDue) return
    const wallMs = this.#parts.wallMs()
    const found = this.#scan(partition).cleanable(config, wallMs)
    const isWorth =
      found !== undefined && (found.isOverdue || found.ratio > config.minCleanableDirtyRatio)
    const tombstones = this.#tombstonesUpTo(partition, wallMs)
    const mayFind = this.#parts.tombstonesLeft(partition) !== 0
    if (!isWorth && (tombstones <= compaction.tombstonesUpToIndex || !mayFind)) return
    const upToIndex = isWorth ? found.upToIndex : compaction.upToIndex
    this.#propose(partition, upToIndex, tombstones, wallMs)
  }

  #propose(
    partition: Partition,
    upToIndex: LogIndex,
    tombstonesUpToIndex: LogIndex,
    wallMs: number,
  ): void {
    const round = { _tag: "Compacted", upToIndex, wallMs, tombstonesUpToIndex } as const
    const isProposed = partition.proposeControl(round, wallMs, () =>
      this.#proposed.delete(partition),
    )
    if (isProposed) this.#proposed.add(partition)
  }

  /** What has expired, as far as every member has compacted and holds it. */
  #tombstonesUpTo(partition: Partition, wallMs: number): LogIndex {
    const { compaction, config, raftGroup } = partition
    const expired = expiredUpTo(compaction, wallMs, config.deleteRetentionMs)
    const { voters, votersOutgoing, learners, learnersNext, witnesses } =
      raftGroup.node.configuration
    let least = Math.min(expired, partition.tombstonesDoneUpTo)
    for (const member of [...voters, ...votersOutgoing, ...learners, ...learnersNext]) {
      if (member === this.#parts.self || witnesses.includes(member)) continue
      const progress = raftGroup.node.progress(member)
      const isWhole = progress?.counts === true
      // Its disk has lost something: its word is asked anew.
      if (!isWhole) this.#told.get(partition.info.group)?.delete(member)
      const told = this.#told.get(partition.info.group)?.get(member) ?? 0
      least = Math.min(least, told, isWhole ? progress.matchIndex : 0)
    }
    return Math.max(least, compaction.tombstonesUpToIndex)
  }
}
