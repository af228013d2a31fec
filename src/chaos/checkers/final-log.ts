/** What the replica with the longest log held at the end: what everything else is measured by. */
import type { Drain, Operation } from "../history/history.ts"
import { LogIndex } from "./log-index.ts"

export class FinalLog extends LogIndex {
  readonly drain: Operation<Drain>
  readonly endOffset: number

  /** `startOffset`: of the replicas' log starts the highest. */
  constructor(drain: Operation<Drain>, startOffset: number, isCompacted: boolean) {
    super(drain.records, startOffset, isCompacted)
    this.drain = drain
    this.endOffset = drain.highWatermark
  }
}

/** undefined when nobody could be drained. */
export function finalLog(drains: ReadonlyArray<Operation<Drain>>): FinalLog | undefined {
  let longest: Operation<Drain> | undefined
  let startOffset = 0
  let isCompacted = false
  for (const drain of drains) {
    startOffset = Math.max(startOffset, drain.logStartOffset)
    isCompacted ||= drain.compacted === true
    if (longest === undefined || drain.highWatermark > longest.highWatermark) longest = drain
  }
  return longest && new FinalLog(longest, startOffset, isCompacted)
}
