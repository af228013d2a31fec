/**
 * Where in the log the lost records lay, which says much about how they were lost: a lost end is an
 * unflushed or cut off one, a lost beginning a replica that was restored wrongly, a hole in the
 * middle an overwritten or damaged part. Counted anew over the whole history, by the same rule as
 * the checker's.
 */
import type { Append, Drain, Operation } from "../../history/history.ts"
import { operationsOf } from "../../history/history.ts"

export interface LostWrites {
  readonly partition: string
  /** Records acknowledged by all that the end of the run does not find, by where they lay. */
  readonly prefix: number
  readonly middle: number
  readonly postfix: number
  /** By the broker that acknowledged them; −1: the client does not tell. */
  readonly byNode: ReadonlyMap<number, number>
}

/** `partitions`: those of which the checker reported a lost write. */
export function lostWrites(
  operations: ReadonlyArray<Operation>,
  partitions: ReadonlySet<string>,
): ReadonlyArray<LostWrites> {
  const concerned = operations.filter((one) => "partition" in one && partitions.has(one.partition))
  const drains = Map.groupBy(operationsOf(concerned, "drain"), (drain) => drain.partition)
  const appends = Map.groupBy(operationsOf(concerned, "append"), (append) => append.partition)
  return [...partitions].toSorted().flatMap((partition) => {
    const read = (drains.get(partition) ?? []).filter(({ outcome }) => outcome === "ok")
    const longest = read.toSorted((a, b) => b.highWatermark - a.highWatermark)[0]
    if (longest === undefined || longest.compacted === true) return []
    const startOffset = Math.max(...read.map(({ logStartOffset }) => logStartOffset))
    return [lostOf(partition, appends.get(partition) ?? [], longest, startOffset)]
  })
}

function lostOf(
  partition: string,
  appends: ReadonlyArray<Operation<Append>>,
  log: Operation<Drain>,
  startOffset: number,
): LostWrites {
  const kept = new Set(log.records.map(([, value]) => value))
  const first = log.records[0]?.[0] ?? log.highWatermark
  const byNode = new Map<number, number>()
  const lost = { prefix: 0, middle: 0, postfix: 0 }
  for (const { outcome, acks, values, offset, node } of appends) {
    if (outcome !== "ok" || acks !== -1) continue
    values.forEach((value, i) => {
      const at = offset + i
      if (kept.has(value) || (offset >= 0 && at < startOffset)) return
      lost[at >= log.highWatermark ? "postfix" : at < first ? "prefix" : "middle"]++
      byNode.set(node, (byNode.get(node) ?? 0) + 1)
    })
  }
  return { partition, ...lost, byNode }
}
