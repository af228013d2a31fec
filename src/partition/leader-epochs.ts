/**
 * Leader epoch (= raft term) → first offset of it, over the committed log; what
 * OffsetForLeaderEpoch answers from.
 *
 * An epoch without a record is forgotten as soon as a later one begins at the same offset, as in
 * Kafka's LeaderEpochFileCache: so the table grows with records, never with elections.
 */
export interface EpochEnd {
  readonly leaderEpoch: number
  readonly endOffset: number
}

export interface EpochStart {
  readonly epoch: number
  readonly startOffset: number
}

const undefinedEnd: EpochEnd = { leaderEpoch: -1, endOffset: -1 }

export class LeaderEpochs {
  /** Invariant: epoch and startOffset both ascend strictly. */
  #starts: Array<EpochStart> = []

  get latest(): number {
    return this.#starts.at(-1)?.epoch ?? -1
  }

  /**
   * In the order of the log, for every committed entry: `firstOffset` is where its epoch begins
   * when it is new.
   */
  apply(epoch: number, firstOffset: number): void {
    const last = this.#starts.at(-1)
    if (last !== undefined && last.epoch >= epoch) return
    while (this.#starts.length > 0 && this.#starts.at(-1)!.startOffset >= firstOffset) {
      this.#starts.pop()
    }
    this.#starts.push({ epoch, startOffset: firstOffset })
  }

  /**
   * KIP-101/279: the largest epoch ≤ the asked one and its end; `logEnd` is the committed end.
   * Epochs that ended at or before `logStart` are forgotten, as when Kafka's cache is cut.
   */
  endOffsetFor(epoch: number, logEnd: number, logStart = 0): EpochEnd {
    if (epoch < 0 || epoch > this.latest) return undefinedEnd
    if (epoch === this.latest) return { leaderEpoch: epoch, endOffset: logEnd }
    const higher = this.#firstAbove(epoch)
    const floor = this.#starts[higher - 1]
    const endOffset = this.#starts[higher]!.startOffset
    if (logStart > 0 && endOffset <= logStart) return { leaderEpoch: epoch, endOffset: logStart }
    return { leaderEpoch: floor?.epoch ?? epoch, endOffset }
  }

  /** Epoch of the record at `offset`; −1 when there is none. */
  epochOf(offset: number): number {
    let lo = 0
    let hi = this.#starts.length
    while (lo < hi) {
      const middle = (lo + hi) >>> 1
      if (this.#starts[middle]!.startOffset <= offset) lo = middle + 1
      else hi = middle
    }
    return this.#starts[lo - 1]?.epoch ?? -1
  }

  /** What `snapshot` gave. */
  restore(starts: ReadonlyArray<EpochStart>): void {
    this.#starts = [...starts]
  }

  /** Plain data, for tests and checkpoints. */
  snapshot(): ReadonlyArray<EpochStart> {
    return [...this.#starts]
  }

  #firstAbove(epoch: number): number {
    let lo = 0
    let hi = this.#starts.length
    while (lo < hi) {
      const middle = (lo + hi) >>> 1
      if (this.#starts[middle]!.epoch <= epoch) lo = middle + 1
      else hi = middle
    }
    return lo
  }
}
