/** One partition's part of a history, indexed once for all checks. */
import type {
  Append,
  Drain,
  EpochEndCall,
  ListOffsetsCall,
  Operation,
  Poll,
  RemoveCall,
} from "../history/history.ts"
import { operationsOf, topicOfKey } from "../history/history.ts"
import { finalLog } from "./final-log.ts"
import type { FinalLog } from "./final-log.ts"
import { KnownEnds } from "./known-ends.ts"
import type { LogIndex } from "./log-index.ts"
import { observedLog } from "./observed-log.ts"
import { Writers } from "./writers.ts"

export interface PartitionView {
  readonly partition: string
  readonly appends: ReadonlyArray<Operation<Append>>
  /** By their returns. */
  readonly polls: ReadonlyArray<Operation<Poll>>
  readonly lists: ReadonlyArray<Operation<ListOffsetsCall>>
  readonly epochEnds: ReadonlyArray<Operation<EpochEndCall>>
  readonly removes: ReadonlyArray<Operation<RemoveCall>>
  readonly drains: ReadonlyArray<Operation<Drain>>
  readonly writers: Writers
  /** The topic was deleted, or that may be: nothing need be there at the end. */
  readonly isDeleted: boolean
  /** The log at the end, by offset; undefined when nobody could read it. */
  readonly log: FinalLog | undefined
  /** It, or where nobody drained what has been observed of it; undefined of a deleted topic. */
  readonly known: LogIndex | undefined
  /** By place in what is known: who wrote the record. */
  readonly logWriters: ReadonlyArray<Operation<Append> | undefined>
  /** The highest at which any replica's log ever began, as far as it is known. */
  readonly highestStart: number
  /** How far the log was known to be committed at each moment. */
  readonly ends: KnownEnds
}

interface Growing {
  readonly appends: Array<Operation<Append>>
  readonly polls: Array<Operation<Poll>>
  readonly lists: Array<Operation<ListOffsetsCall>>
  readonly epochEnds: Array<Operation<EpochEndCall>>
  readonly removes: Array<Operation<RemoveCall>>
  readonly drains: Array<Operation<Drain>>
}

/**
 * One after the other, so that only one partition's indexes are in memory. `logStarts`: by
 * partition, the highest at which any replica's log ever began.
 */
export function* partitionViews(
  operations: ReadonlyArray<Operation>,
  logStarts: ReadonlyMap<string, number>,
): Generator<PartitionView> {
  const views = new Map<string, Growing>()
  for (const operation of operations) place(operation, views)
  const deleted = deletedTopics(operations)
  const strays = straysOf(views)
  for (const [partition, parts] of views) {
    if (isStray(partition)) continue
    const topic = topicOfKey(partition)
    const isDeleted = deleted.has(topic)
    const writers = new Writers(parts.appends, strays.get(topic))
    // What was deleted need not be there any more, whoever still shows it.
    const log = isDeleted ? undefined : finalLog(parts.drains)
    const highestStart = logStarts.get(partition) ?? 0
    const known = isDeleted
      ? undefined
      : (log ?? observedLog(parts.appends, parts.polls, highestStart))
    parts.polls.sort((a, b) => a.returned - b.returned)
    yield {
      partition,
      ...parts,
      writers,
      isDeleted,
      log,
      known,
      logWriters: known?.records.map(([, value]) => writers.firstOf(value)) ?? [],
      highestStart,
      ends: new KnownEnds(parts),
    }
  }
}

function growing(views: Map<string, Growing>, partition: string): Growing {
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

/**
 * With acks=1 a leader's record may be lost, and be written once more when it is sent once more:
 * only of what was sent once is it known where it lies, if it is there.
 */
export const wasSentOnce = ({ writers }: PartitionView, append: Operation<Append>): boolean =>
  append.attempts === 1 &&
  append.duplicates === undefined &&
  !append.values.some((value) => writers.isRepeated(value))

/** The client chose the partition, and has not told which. */
export const isStray = (partition: string): boolean => partition.endsWith("/-1")

/** By topic: who wrote what may be in any of its partitions. */
function straysOf(views: ReadonlyMap<string, Growing>): ReadonlyMap<string, Writers> {
  const strays = new Map<string, Writers>()
  for (const [partition, { appends }] of views) {
    if (isStray(partition)) strays.set(topicOfKey(partition), new Writers(appends))
  }
  return strays
}

function place(operation: Operation, views: Map<string, Growing>): void {
  switch (operation.f) {
    case "append":
      growing(views, operation.partition).appends.push(operation)
      return
    case "poll":
      growing(views, operation.partition).polls.push(operation)
      return
    case "list":
      growing(views, operation.partition).lists.push(operation)
      return
    case "epochEnd":
      growing(views, operation.partition).epochEnds.push(operation)
      return
    case "remove":
      growing(views, operation.partition).removes.push(operation)
      return
    case "drain":
      if (operation.outcome === "ok") growing(views, operation.partition).drains.push(operation)
      return
    default:
  }
}

/** As `topicOfKey` names them; whether the deletion is known to have succeeded or not. */
function deletedTopics(operations: ReadonlyArray<Operation>): ReadonlySet<string> {
  const asked = operationsOf(operations, "delete").filter(({ outcome }) => outcome !== "fail")
  return new Set(asked.map(({ topic, topicId }) => `${topic}#${topicId.slice(0, 8)}`))
}
