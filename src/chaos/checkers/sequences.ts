/**
 * What an idempotent producer was refused: its state on the brokers is as durable as its records.
 */
import type { Append, Operation } from "../history/history.ts"
import type { Anomalies } from "./anomaly.ts"
import type { PartitionView } from "./partition-view.ts"
import { isIdempotent } from "./writers.ts"

/** Batches per producer that a broker knows again: what clients may have in flight, as in Kafka. */
const windowBatches = 5

/**
 * A batch is refused for its sequence number though the one before it was acknowledged by all
 * before this one was sent for the last time: the broker has forgotten the producer, or part of it.
 * One that repeats a batch may: it was written long ago, and as many behind it as are remembered.
 */
export function checkSequenceRefusals(view: PartitionView, anomalies: Anomalies): void {
  const refused = view.appends.filter(
    (append) => isIdempotent(append) && append.error === "OUT_OF_ORDER_SEQUENCE_NUMBER",
  )
  if (refused.length === 0) return
  const producers = new Set(refused.map(producerOf))
  const appends = view.appends.filter(
    (append) => isIdempotent(append) && producers.has(producerOf(append)),
  )
  for (const ofProducer of Map.groupBy(appends, producerOf).values()) {
    checkProducer(view, ofProducer, anomalies)
  }
}

const producerOf = ({ producer }: Append): string =>
  `${producer?.id ?? -1}/${producer?.epoch ?? -1}`

const sequenceOf = ({ producer }: Append): number => producer?.baseSequence ?? -1

/** From its last batch back, with the earliest invocations of those behind. */
function checkProducer(
  view: PartitionView,
  appends: ReadonlyArray<Operation<Append>>,
  anomalies: Anomalies,
): void {
  const ends = new Map<number, Operation<Append>>()
  for (const append of appends) {
    if (append.outcome !== "ok" || append.acks !== -1) continue
    ends.set(sequenceOf(append) + append.values.length, append)
  }
  const behind: Array<number> = []
  const waiting: Array<Operation<Append>> = []
  for (const append of appends.toSorted((a, b) => sequenceOf(b) - sequenceOf(a))) {
    // Of equal sequence numbers none is behind the other.
    if (waiting[0] !== undefined && sequenceOf(waiting[0]) > sequenceOf(append)) {
      for (const { invoked } of waiting.splice(0)) keepEarliest(behind, invoked)
    }
    waiting.push(append)
    if (append.error !== "OUT_OF_ORDER_SEQUENCE_NUMBER") continue
    const before = ends.get(sequenceOf(append))
    if (before === undefined || before.returned > append.invoked) continue
    if (behind.filter((invoked) => invoked < append.returned).length >= windowBatches) continue
    const detail = `${append.values[0]} does not continue ${before.values.at(-1)} at ${before.offset}`
    anomalies.add("sequence-lost", view.partition, detail, [before, append])
  }
}

/** As many as a broker remembers batches. */
function keepEarliest(earliest: Array<number>, invoked: number): void {
  earliest.push(invoked)
  if (earliest.length <= windowBatches) return
  earliest.splice(earliest.indexOf(Math.max(...earliest)), 1)
}
