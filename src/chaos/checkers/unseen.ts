/** What was acknowledged, and when a consumer first saw it. */
import type { Operation, Poll } from "../history/history.ts"
import { operationsOf } from "../history/history.ts"
import type { Anomalies } from "./anomaly.ts"
import { lastRecords } from "./compaction.ts"
import type { PartitionView } from "./partition-view.ts"

/**
 * Acknowledged, there, and given to nobody, though readers that go on from where they were have
 * come past it. Of those that say from where each answer is, gaps tell it (`polls.ts`).
 */
export function checkUnseen(view: PartitionView, anomalies: Anomalies): void {
  const { log } = view
  if (log === undefined) return
  const readers = rangesOf(view.polls)
  if (readers.length === 0) return
  const seen = new Set<number>()
  for (const { records } of view.polls) for (const [offset] of records) seen.add(offset)
  const start = Math.max(log.startOffset, view.highestStart)
  for (const [offset, value] of lastRecords(view, log)) {
    if (offset < start || seen.has(offset)) continue
    const reader = readers.find(({ begin, end }) => begin <= offset && offset < end)
    const append = view.writers.firstOf(value)
    if (reader === undefined || append?.outcome !== "ok" || append.acks !== -1) continue
    const detail = `${value} at ${offset} was never read; ${reader.name} has read from ${reader.begin} to ${reader.end}`
    anomalies.add("unseen", view.partition, detail, [append])
  }
}

interface Range {
  readonly name: string
  begin: number
  end: number
}

/** By group, or else by process. */
function rangesOf(polls: ReadonlyArray<Operation<Poll>>): ReadonlyArray<Range> {
  const ranges = new Map<string, Range>()
  for (const { outcome, from, group, process, records } of polls) {
    const first = records[0]?.[0]
    const last = records.at(-1)?.[0]
    if (outcome !== "ok" || first === undefined || last === undefined) continue
    if (group === undefined && from !== -1) continue
    const name = group ?? process
    const known = ranges.get(name)
    if (known === undefined) ranges.set(name, { name, begin: first, end: last + 1 })
    else {
      known.begin = Math.min(known.begin, first)
      known.end = Math.max(known.end, last + 1)
    }
  }
  return [...ranges.values()]
}

export interface UnseenAt {
  readonly atMs: number
  readonly unseen: number
}

/**
 * Records acknowledged by all that no consumer has been given yet, every `everyMs` of the run clock
 * up to the end of the history; of partitions that somebody reads. Falls to 0 when all is well.
 */
export function unseenOverTime(
  operations: ReadonlyArray<Operation>,
  everyMs: number,
): ReadonlyArray<UnseenAt> {
  const changes: Array<{ readonly atMs: number; readonly by: 1 | -1 }> = []
  let endMs = 0
  for (const { invokedMs, returnedMs } of operations) endMs = Math.max(endMs, invokedMs, returnedMs)
  const { seenMs, partitions } = firstSeen(operationsOf(operations, "poll"))
  for (const { outcome, acks, partition, returnedMs, values } of operationsOf(
    operations,
    "append",
  )) {
    if (outcome !== "ok" || acks !== -1 || !partitions.has(partition)) continue
    for (const value of values) {
      const seen = seenMs.get(value) ?? Infinity
      if (seen <= returnedMs) continue
      changes.push({ atMs: returnedMs, by: 1 })
      if (seen !== Infinity) changes.push({ atMs: seen, by: -1 })
    }
  }
  changes.sort((a, b) => a.atMs - b.atMs)
  const samples: Array<UnseenAt> = []
  let unseen = 0
  let next = 0
  for (let atMs = 0; ; atMs += everyMs) {
    for (; (changes[next]?.atMs ?? Infinity) <= atMs; next++) unseen += changes[next]?.by ?? 0
    samples.push({ atMs, unseen })
    if (atMs >= endMs) return samples
  }
}

/** By value when a consumer had been given it first; and the partitions that somebody reads. */
function firstSeen(polls: ReadonlyArray<Operation<Poll>>): {
  readonly seenMs: ReadonlyMap<string, number>
  readonly partitions: ReadonlySet<string>
} {
  const seenMs = new Map<string, number>()
  const partitions = new Set<string>()
  for (const { outcome, partition, returnedMs, records } of polls) {
    partitions.add(partition)
    if (outcome !== "ok") continue
    for (const [, value] of records) {
      const before = seenMs.get(value)
      if (before === undefined || returnedMs < before) seenMs.set(value, returnedMs)
    }
  }
  return { seenMs, partitions }
}
