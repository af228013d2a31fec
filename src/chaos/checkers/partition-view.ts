/** One partition's part of a history, indexed once for all checks. */
import type {
  Append,
  Drain,
  EpochEndCall,
  ListOffsetsCall,
  Operation,
  Poll,
  RemoveCall,
  SeenRecord,
} from "../history/history.ts"
import { operationsOf, topicOfKey } from "../history/history.ts"

/** Who tried to write a value. */
export interface Writer {
  readonly append: Operation<Append>
  /** Place in its batch. */
  readonly at: number
}

export interface PartitionView {
  readonly partition: string
  readonly appends: ReadonlyArray<Operation<Append>>
  readonly polls: ReadonlyArray<Operation<Poll>>
  readonly lists: ReadonlyArray<Operation<ListOffsetsCall>>
  readonly epochEnds: ReadonlyArray<Operation<EpochEndCall>>
  readonly removes: ReadonlyArray<Operation<RemoveCall>>
  readonly drains: ReadonlyArray<Operation<Drain>>
  readonly writers: ReadonlyMap<string, Writer>
  /** The log at the end, by offset; undefined when nobody could read it. */
  readonly log: FinalLog | undefined
  /** The highest at which any replica's log ever began, as far as it is known. */
  readonly highestStart: number
}

/** What the replica with the longest log held at the end. */
export interface FinalLog {
  readonly drain: Operation<Drain>
  readonly records: ReadonlyArray<SeenRecord>
  /** Of the replicas' log starts the highest: below it records may be gone. */
  readonly startOffset: number
  readonly endOffset: number
  /** Of the first record that is there; −1 when there is none. */
  readonly firstOffset: number
  readonly valueAt: ReadonlyMap<number, string>
  /** Every offset of a value, ascending. */
  readonly offsetsOf: ReadonlyMap<string, ReadonlyArray<number>>
}

interface Growing {
  readonly appends: Array<Operation<Append>>
  readonly polls: Array<Operation<Poll>>
  readonly lists: Array<Operation<ListOffsetsCall>>
  readonly epochEnds: Array<Operation<EpochEndCall>>
  readonly removes: Array<Operation<RemoveCall>>
  readonly drains: Array<Operation<Drain>>
}

/** `logStarts`: by partition, the highest at which any replica's log ever began. */
export function partitionViews(
  operations: ReadonlyArray<Operation>,
  logStarts: ReadonlyMap<string, number>,
): ReadonlyArray<PartitionView> {
  const views = new Map<string, Growing>()
  const view = (partition: string): Growing => {
    const known = views.get(partition)
    if (known !== undefined) return known
    const made: Growing = {
      appends: [],
      polls: [],
      lists: [],
      epochEnds: [],
      removes: [],
      drains: [],
    }
    views.set(partition, made)
    return made
  }
  for (const operation of operations) place(operation, view)
  const deleted = deletedTopics(operations)
  return [...views].map(([partition, parts]) => ({
    partition,
    ...parts,
    writers: writersOf(parts.appends),
    // What was deleted need not be there any more, whoever still shows it.
    log: deleted.has(topicOfKey(partition)) ? undefined : finalLog(parts.drains),
    highestStart: logStarts.get(partition) ?? 0,
  }))
}

function place(operation: Operation, view: (partition: string) => Growing): void {
  switch (operation.f) {
    case "append":
      view(operation.partition).appends.push(operation)
      return
    case "poll":
      view(operation.partition).polls.push(operation)
      return
    case "list":
      view(operation.partition).lists.push(operation)
      return
    case "epochEnd":
      view(operation.partition).epochEnds.push(operation)
      return
    case "remove":
      view(operation.partition).removes.push(operation)
      return
    case "drain":
      if (operation.outcome === "ok") view(operation.partition).drains.push(operation)
      return
    default:
  }
}

/** As `topicOfKey` names them; whether the deletion is known to have succeeded or not. */
function deletedTopics(operations: ReadonlyArray<Operation>): ReadonlySet<string> {
  const asked = operationsOf(operations, "delete").filter(({ outcome }) => outcome !== "fail")
  return new Set(asked.map(({ topic, topicId }) => `${topic}#${topicId.slice(0, 8)}`))
}

function writersOf(appends: ReadonlyArray<Operation<Append>>): Map<string, Writer> {
  const writers = new Map<string, Writer>()
  for (const append of appends) {
    append.values.forEach((value, at) => writers.set(value, { append, at }))
  }
  return writers
}

function finalLog(drains: ReadonlyArray<Operation<Drain>>): FinalLog | undefined {
  let longest: Operation<Drain> | undefined
  let startOffset = 0
  for (const drain of drains) {
    startOffset = Math.max(startOffset, drain.logStartOffset)
    if (longest === undefined || drain.highWatermark > longest.highWatermark) longest = drain
  }
  if (longest === undefined) return undefined
  const valueAt = new Map<number, string>()
  const offsetsOf = new Map<string, Array<number>>()
  for (const [offset, value] of longest.records) {
    valueAt.set(offset, value)
    const offsets = offsetsOf.get(value)
    if (offsets === undefined) offsetsOf.set(value, [offset])
    else offsets.push(offset)
  }
  const { records, highWatermark: endOffset } = longest
  const firstOffset = records[0]?.[0] ?? -1
  return { drain: longest, records, startOffset, endOffset, firstOffset, valueAt, offsetsOf }
}

/** The first place whose key is at or above `key`, of an ascending list. */
export function lowerBound<T>(
  items: ReadonlyArray<T>,
  key: number,
  keyOf: (item: T) => number,
): number {
  let lo = 0
  let hi = items.length
  while (lo < hi) {
    const middle = (lo + hi) >>> 1
    const item = items[middle]
    if (item !== undefined && keyOf(item) < key) lo = middle + 1
    else hi = middle
  }
  return lo
}
