/**
 * Carrying out rounds of compaction on this node's disk: what is left of the partitions' batches is
 * computed a little per tick, then stored for many partitions together, because the log copies
 * whole files for it. Each replica does so when it gets to it.
 */
import type { Compaction, Wal } from "../../storage/wal.ts"
import { CorruptEntry } from "../../storage/wal.ts"
import { bytesPerKey } from "../partition/compaction-keys.ts"
import { CompactionRound } from "../partition/compaction-round.ts"
import type { Partition } from "../partition/partition.ts"
import type { SipKey } from "../partition/siphash.ts"
import type { LogLevel, NodeSettings } from "./ports.ts"

export interface WorkParts {
  readonly wal: Wal
  readonly settings: NodeSettings
  readonly hashKey: SipKey
  readonly partitions: () => Iterable<Partition>
  readonly isHosted: (partition: Partition) => boolean
  readonly log: (level: LogLevel, line: string) => void
}

/** Units of work per slice, one or two milliseconds; see compaction-round.ts. */
const unitsPerSlice = 250_000
/** Rounds decided within this time are stored together. */
const gatherMs = 1_000
/** After what could not be stored, or read. */
const pauseMs = 30_000
/** Held in memory until it is stored. */
const jobBytesMax = 64 << 20

interface Task {
  readonly partition: Partition
  readonly round: CompactionRound
  /** Another one: the log was found damaged meanwhile. */
  readonly node: object
}

export class CompactionWork {
  readonly #parts: WorkParts
  #nextLookMs = 0
  /** Of which the last job was not done with. */
  #unfinished: Task | undefined
  #job: Job | undefined
  readonly #tombstonesLeft = new WeakMap<Partition, number>()

  constructor(parts: WorkParts) {
    this.#parts = parts
  }

  tombstonesLeft(partition: Partition): number | undefined {
    return this.#tombstonesLeft.get(partition)
  }

  tick(nowMs: number): void {
    const { wal, partitions } = this.#parts
    if (this.#job === undefined) {
      if (nowMs < this.#nextLookMs || wal.space === "low") return
      this.#nextLookMs = nowMs + gatherMs
      const due = [...partitions()].filter(({ compactionDue }) => compactionDue)
      if (due.length > 0) this.#job = new Job(wal.compaction(), due)
    }
    if (this.#job?.outcome !== undefined) this.#end(this.#job, nowMs)
  }

  /** There is something to be computed: `work` does a slice of it. */
  get pending(): boolean {
    return this.#job?.isStoring === false
  }

  work(): void {
    if (this.#job?.isStoring === false) this.#compute(this.#job)
  }

  #end(job: Job, nowMs: number): void {
    this.#job = undefined
    if (job.outcome === "failed") {
      this.#unfinished = undefined
      this.#nextLookMs = nowMs + pauseMs
      this.#parts.log("warn", "what is left by compaction could not be stored: tried again later")
      return
    }
    for (const task of job.done) this.#finish(task)
    this.#nextLookMs = 0
  }

  #compute(job: Job): void {
    for (let units = unitsPerSlice; units > 0 && !job.isStoring;) {
      const task = job.task ?? this.#nextTask(job)
      if (task === undefined || job.compaction.bytes > jobBytesMax) return job.store()
      job.task = task
      units -= this.#step(job, task, units)
    }
  }

  #nextTask(job: Job): Task | undefined {
    for (let partition = job.due.pop(); partition !== undefined; partition = job.due.pop()) {
      if (!this.#parts.isHosted(partition) || !partition.compactionDue) continue
      const begun = this.#unfinished
      if (begun?.partition === partition && begun.node === partition.raftGroup.node) {
        this.#unfinished = undefined
        if (begun.round.passDone) begun.round.nextPass()
        return begun
      }
      return this.#begin(partition)
    }
    return undefined
  }

  #begin(partition: Partition): Task {
    const { settings, hashKey } = this.#parts
    const { raftGroup, compaction, compactedUpTo } = partition
    const { group, log, node } = raftGroup
    const keysMax = Math.max(1, Math.floor(settings.cleanerDedupeBufferBytes / bytesPerKey))
    const round = new CompactionRound({
      group,
      log,
      mark: compaction,
      compactedUpTo,
      keysMax,
      hashKey,
    })
    return { partition, round, node }
  }

  #step(job: Job, task: Task, units: number): number {
    const { partition, round } = task
    if (!this.#isValid(task)) {
      job.task = undefined
      return 1
    }
    let spent = units
    try {
      spent = round.step(units, job.compaction)
    } catch (error) {
      if (!(error instanceof CorruptEntry)) throw error
      job.task = undefined
      partition.raftGroup.damaged(error.index, error.message)
      return units
    }
    const isFull = job.compaction.bytes > jobBytesMax
    if (!round.passDone && !isFull) return spent
    job.task = undefined
    if (round.done) job.done.push(task)
    else {
      // Goes on when what it has left so far is stored.
      this.#unfinished = task
      job.store()
    }
    return spent
  }

  #isValid({ partition, node }: Task): boolean {
    return this.#parts.isHosted(partition) && partition.raftGroup.node === node
  }

  #finish(task: Task): void {
    if (!this.#isValid(task)) return
    const { partition, round } = task
    const { upToIndex, tombstonesUpToIndex } = round.mark
    partition.raftGroup.compacted({ index: upToIndex, tombstones: tombstonesUpToIndex })
    if (round.tombstonesLeft === undefined) this.#tombstonesLeft.delete(partition)
    else this.#tombstonesLeft.set(partition, round.tombstonesLeft)
    const { topic, partition: number } = partition.info
    const { records, recordsLeft, bytes, bytesLeft } = round.stats
    this.#parts.log(
      "info",
      `${topic}-${number} is compacted up to #${upToIndex}: of ${records} records in ${bytes} bytes ` +
        `${recordsLeft} are left in ${bytesLeft}`,
    )
  }
}

/** What is gathered for one copy of the files it is in. */
class Job {
  readonly compaction: Compaction
  readonly due: Array<Partition>
  readonly done: Array<Task> = []
  task: Task | undefined
  isStoring = false
  outcome: "done" | "failed" | undefined

  constructor(compaction: Compaction, due: Array<Partition>) {
    this.compaction = compaction
    this.due = due
  }

  store(): void {
    this.isStoring = true
    if (this.compaction.bytes === 0) this.outcome = "done"
    else this.compaction.finish((outcome) => (this.outcome = outcome))
  }
}
