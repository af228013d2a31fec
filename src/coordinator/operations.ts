/**
 * One operation at a time per group: each is decided when nothing of its group is under way, its
 * records are one batch, and the next one is decided after that batch was applied. Operations of
 * different groups run side by side.
 *
 * One object lives for one term. `close` ends it: what waits is never decided, what was appended is
 * not heard of again (its requests are answered by whoever closes).
 */
import { ErrorCode } from "../protocol/error-codes.ts"
import type { CoordinatorHost, CoordinatorRecord } from "./ports.ts"

export interface Step {
  /** One batch. Empty: nothing is appended and `settled` is called at once. */
  readonly records: ReadonlyArray<CoordinatorRecord>
  /**
   * NONE: the records are applied. Otherwise the error for the client; the records may still be
   * applied later. A step that is returned goes on with the same operation.
   */
  readonly settled: (error: ErrorCode, nowMs: number) => Step | void
}

/** Nothing to append, nothing to follow. */
export const noStep: Step = { records: [], settled: () => undefined }

export const after = (settled: Step["settled"]): Step => ({ records: [], settled })

/** `next` hears of the outcome when the step and all that follows it are through. */
export const followedBy = (step: Step, next: Step["settled"]): Step => ({
  records: step.records,
  settled: (error, nowMs) => {
    const more = step.settled(error, nowMs)
    return more === undefined ? next(error, nowMs) : followedBy(more, next)
  },
})

/** Records of one batch: some hundred kilobytes of tombstones. */
const batchRecordsMax = 5_000

/**
 * Batch after batch in one operation, for records that need not become visible together. `settled`
 * hears of the first failure, or that all are through.
 */
export const inBatches = (
  records: ReadonlyArray<CoordinatorRecord>,
  settled: Step["settled"] = noStep.settled,
): Step => {
  if (records.length <= batchRecordsMax) return { records, settled }
  return {
    records: records.slice(0, batchRecordsMax),
    settled: (error, nowMs) =>
      error === ErrorCode.NONE
        ? inBatches(records.slice(batchRecordsMax), settled)
        : settled(error, nowMs),
  }
}

export type Decide = (nowMs: number) => Step

/** More waiting ones than this are the work of a client that does not wait for answers. */
const waitingMax = 10_000

interface Operation {
  readonly decide: Decide
  readonly sharesBatch: boolean
}

interface Line {
  readonly waiting: Array<Operation>
  underWay: boolean
}

export class Operations {
  readonly #lines = new Map<string, Line>()
  readonly #append: CoordinatorHost["append"]
  #nowMs: number
  #closed = false

  constructor(append: CoordinatorHost["append"], nowMs: number) {
    this.#append = append
    this.#nowMs = nowMs
  }

  /** The latest time heard of: what an operation goes by that was waiting. */
  get nowMs(): number {
    return this.#nowMs
  }

  passTime(nowMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, nowMs)
  }

  /** Whether the group's line is at its end: a request is then refused. */
  isFull(groupId: string): boolean {
    return (this.#lines.get(groupId)?.waiting.length ?? 0) >= waitingMax
  }

  isIdle(groupId: string): boolean {
    return !this.#lines.has(groupId)
  }

  /**
   * `decide` is called when nothing of that group is under way: now, or later. One that shares
   * batches neither changes nor asks what its like changes (an OffsetCommit): those that wait one
   * behind the other are decided together, and are one batch. No step may follow theirs.
   */
  run(groupId: string, nowMs: number, decide: Decide, sharesBatch = false): void {
    if (this.#closed) return
    this.passTime(nowMs)
    const known = this.#lines.get(groupId)
    if (known !== undefined) {
      known.waiting.push({ decide, sharesBatch })
      return
    }
    const line = { waiting: [{ decide, sharesBatch }], underWay: false }
    this.#lines.set(groupId, line)
    this.#proceed(groupId, line)
  }

  close(): void {
    this.#closed = true
    this.#lines.clear()
  }

  #proceed(groupId: string, line: Line): void {
    while (!this.#closed && !line.underWay) {
      const first = line.waiting.shift()
      if (first === undefined) {
        if (this.#lines.get(groupId) === line) this.#lines.delete(groupId)
        return
      }
      line.underWay = true
      const step = first.decide(this.#nowMs)
      this.#take(groupId, line, first.sharesBatch ? this.#withNext(line, step) : step)
    }
  }

  /** The step and those of the operations behind it that share its batch, as far as they fit. */
  #withNext({ waiting }: Line, first: Step): Step {
    const steps = [first]
    let count = first.records.length
    let tooMuch: Step | undefined
    while (waiting[0]?.sharesBatch === true && tooMuch === undefined) {
      const step = waiting.shift()!.decide(this.#nowMs)
      count += step.records.length
      if (count > batchRecordsMax) tooMuch = step
      else steps.push(step)
    }
    if (steps.length === 1 && tooMuch === undefined) return first
    return {
      records: steps.flatMap(({ records }) => records),
      settled: (error, nowMs) => {
        for (const { records, settled } of steps) {
          // What appended nothing did not fail.
          settled(records.length === 0 ? ErrorCode.NONE : error, nowMs)
        }
        return tooMuch
      },
    }
  }

  /** Follows steps that append nothing; stops at the first that does. */
  #take(groupId: string, line: Line, first: Step): void {
    for (let step: Step | void = first; step !== undefined;) {
      const { records, settled }: Step = step
      if (records.length > 0) {
        this.#append(records, (error) => this.#appended(groupId, line, settled, error))
        return
      }
      step = this.#closed ? undefined : settled(ErrorCode.NONE, this.#nowMs)
    }
    line.underWay = false
  }

  #appended(groupId: string, line: Line, settled: Step["settled"], error: ErrorCode): void {
    if (this.#closed) return
    const step = settled(error, this.#nowMs)
    if (step === undefined) line.underWay = false
    else this.#take(groupId, line, step)
    this.#proceed(groupId, line)
  }
}
