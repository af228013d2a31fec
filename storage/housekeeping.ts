/**
 * What is done behind the log's back, one job at a time on a thread of its own: sealing files that
 * are full, removing those of which nothing is alive, copying forward what is left of those that
 * are mostly dead, and with less of their payloads those that compaction asks for. Disk stays at or
 * below 1.5 × what is alive, and two files, soon after. A job that fails changes nothing; the log
 * goes on without it.
 */
import { liveStride } from "./copy-forward.ts"
import { decodeGroupIndex } from "./group-index.ts"
import type { HousekeepingJob } from "./housekeeping-jobs.ts"
import { storedBytes } from "./directory.ts"
import { worthCopying, worthEnding } from "./copy-choice.ts"
import type { KeptEntries, KeptOfGroup } from "./kept-entries.ts"
import { copiedSegment } from "./segment-files.ts"
import { SegmentFile, type Segments } from "./segments.ts"
import type { SqliteGroupLog } from "./sqlite-group-log.ts"
import type { GroupId, Kept } from "./wal.ts"

export interface HousekeepingParts {
  readonly dir: string
  readonly segments: Segments
  readonly logs: ReadonlyMap<GroupId, SqliteGroupLog>
  readonly segmentBytes: number
  /** Does a job on another thread; rejects when it failed. */
  readonly perform: (job: HousekeepingJob) => Promise<void>
  /** Resolves when everything committed so far is durable: only that counts as dead. */
  readonly durable: () => Promise<void>
  /** Resolves when the file that was written to is no more: another one has been begun. */
  readonly roll: () => Promise<void>
  readonly log: (line: string) => void
}

/** Entries of which less is to be stored, file after file. */
interface Compacting {
  readonly kept: KeptEntries
  readonly settled: Kept
  /** Rows below it have been gone through. */
  doneSeq: number
}

export class Housekeeping {
  private readonly parts: HousekeepingParts
  private readonly cancelled = new Int32Array(new SharedArrayBuffer(4))
  private running: Promise<void> | undefined
  private again = false
  private stopped = false
  private readonly compactions: Array<Compacting> = []

  constructor(parts: HousekeepingParts) {
    this.parts = parts
  }

  /** Something was sealed, cut, dropped or overwritten. */
  nudge(): void {
    if (this.stopped) return
    this.again = true
    this.running ??= this.run()
  }

  compact(kept: KeptEntries, settled: Kept): void {
    this.compactions.push({ kept, settled, doneSeq: 0 })
    this.nudge()
  }

  /** Everything that is to be done now has been. */
  async idle(): Promise<void> {
    while (this.running !== undefined) await this.running
  }

  /** A copy under way is given up. */
  async stop(): Promise<void> {
    this.stopped = true
    Atomics.store(this.cancelled, 0, 1)
    await this.running
  }

  private async run(): Promise<void> {
    while (this.again && !this.stopped) {
      this.again = false
      while (!this.stopped && (await this.step()));
    }
    this.running = undefined
  }

  /** Does the next job; false when there is none. */
  private async step(): Promise<boolean> {
    const full = this.parts.segments.full()
    if (full !== undefined) return this.attempt([full], () => this.seal(full))
    const compacting = this.compactions[0]
    if (compacting !== undefined) return this.compactNext(compacting)
    const files = worthCopying(this.parts.segments.all, this.parts.segmentBytes)
    if (files.length > 0) return this.attempt(files, () => this.copy(files))
    const { segments, segmentBytes, roll } = this.parts
    if (!worthEnding(segments.active, segmentBytes)) return false
    return roll().then(
      () => true,
      () => false,
    )
  }

  private async attempt(
    files: ReadonlyArray<SegmentFile>,
    job: () => Promise<void>,
  ): Promise<boolean> {
    try {
      await job()
    } catch (error) {
      if (this.stopped) return false
      // Until the next open: what is damaged is for reads to find, a full disk must not be filled.
      for (const file of files) file.stuck = true
      const names = files.map(({ name }) => name.path).join(", ")
      this.parts.log(`${names}: ${error instanceof Error ? error.message : String(error)}`)
    }
    return true
  }

  private async seal(file: SegmentFile): Promise<void> {
    const { path } = file.name
    await this.parts.perform({ _tag: "seal", path, endSeq: file.endSeq })
    file.seal()
    await this.parts.perform({ _tag: "leave", path })
  }

  /** The next file with entries of it is copied; what is still written to is ended before. */
  private async compactNext(compacting: Compacting): Promise<boolean> {
    const { segments, roll, durable } = this.parts
    const next = this.nextTouched(compacting)
    if (next === undefined) return this.settle(compacting, "done")
    const { file, kept } = next
    if (file.stuck) return this.settle(compacting, "failed")
    if (!file.sealed) {
      // Both reject only when the log has failed: nothing is done any more then.
      const isEnded = (file === segments.active ? roll : durable)()
      return isEnded.then(
        () => true,
        () => false,
      )
    }
    await this.attempt([file], () => this.copy([file], kept))
    compacting.doneSeq = file.endSeq
    return file.stuck ? this.settle(compacting, "failed") : true
  }

  private settle(compacting: Compacting, outcome: "done" | "failed"): true {
    this.compactions.shift()
    compacting.settled(outcome)
    return true
  }

  private nextTouched({ kept, doneSeq }: Compacting) {
    for (const file of this.parts.segments.all) {
      if (file.endSeq <= doneSeq) continue
      const found = kept.groupIds().flatMap((group) => {
        const range = this.parts.logs.get(group)?.indexesIn(file.baseSeq, file.endSeq)
        return range === undefined ? [] : (kept.within(group, range.first, range.last) ?? [])
      })
      if (found.length > 0) return { file, kept: found }
    }
    return undefined
  }

  private async copy(
    files: ReadonlyArray<SegmentFile>,
    kept: ReadonlyArray<KeptOfGroup> = [],
  ): Promise<void> {
    const { segments, perform, dir } = this.parts
    const [first, last] = [files[0], files.at(-1)]
    if (first === undefined || last === undefined) return
    const [baseSeq, { endSeq }] = [first.baseSeq, last]
    const { live, bytes } = this.liveIn(baseSeq, endSeq)
    // A crash would bring back what is not durably dead: it must still be there then.
    await this.parts.durable()
    const sources = files.map(({ name }) => name.path)
    if (live.length === 0) {
      segments.replace(files, undefined)
    } else {
      const target = copiedSegment(
        dir,
        files.map(({ name }) => name),
      )
      const { cancelled } = this
      await perform({ _tag: "copy", sources, target, baseSeq, endSeq, live, kept, cancelled })
      const copy = new SegmentFile(target, { baseSeq, endSeq, bytes }, segments.directories)
      segments.replace(files, copy)
      if (kept.length > 0) this.recount(copy, kept)
    }
    await perform({ _tag: "remove", paths: sources })
  }

  /** What the copied entries take now. */
  private recount(copy: SegmentFile, kept: ReadonlyArray<KeptOfGroup>): void {
    copy.bytes = copy.open.info()?.bytes ?? copy.bytes
    for (const { group } of kept) {
      const row = copy.open.groupIndex(group)
      const index = row === undefined ? undefined : decodeGroupIndex(row)
      this.parts.logs.get(group)?.recount(copy.baseSeq, copy.endSeq, index)
    }
  }

  /** See `CopyJob.live`; and what it takes. */
  private liveIn(from: number, to: number): { live: Float64Array; bytes: number } {
    const logs = [...this.parts.logs.values()]
    const extents = logs.reduce((sum, log) => sum + log.extentsIn(from, to), 0)
    const live = new Float64Array(extents * liveStride)
    let at = 0
    let total = 0
    for (const log of logs) {
      log.eachExtent(from, to, (row, first, last, bytes) => {
        live[at] = row
        live[at + 1] = log.group
        live[at + 2] = first
        live[at + 3] = last
        at += liveStride
        total += storedBytes(bytes, last - first + 1)
      })
    }
    return { live, bytes: total }
  }
}
