/**
 * What an idempotent producer was refused: its state on the brokers is as durable as its records.
 */
import type { Append, Operation } from "../history/history.ts"
import type { Anomalies } from "./anomaly.ts"
import type { PartitionView } from "./partition-view.ts"

/** Batches per producer that a broker knows again: what clients may have in flight, as in Kafka. */
const windowBatches = 5

/**
 * A batch is refused for its sequence number though the one before it was acknowledged by all
 * before this one was sent for the last time: the broker has forgotten the producer, or part of it.
 * One that repeats a batch may: it was written long ago, and as many behind it as are remembered.
 */
export function checkSequenceRefusals(view: PartitionView, anomalies: Anomalies): void {
  const ends = new Map<string, Operation<Append>>()
  for (const append of view.appends) {
    const { producer } = append
    if (producer === null || append.outcome !== "ok") continue
    const end = producer.baseSequence + append.values.length
    ends.set(`${producer.id}/${producer.epoch}/${end}`, append)
  }
  for (const append of view.appends) {
    const { producer, error } = append
    if (producer === null || error !== "OUT_OF_ORDER_SEQUENCE_NUMBER") continue
    const before = ends.get(`${producer.id}/${producer.epoch}/${producer.baseSequence}`)
    if (before === undefined || before.returned > append.invoked) continue
    if (countLater(view, append) >= windowBatches) continue
    const detail = `${append.values[0]} does not continue ${before.values.at(-1)} at ${before.offset}`
    anomalies.add("sequence-lost", view.partition, detail, [before, append])
  }
}

/** Batches behind this one in the producer's sequence that were sent before its answer came. */
const countLater = (view: PartitionView, { producer, returned }: Operation<Append>): number =>
  view.appends.filter(
    ({ producer: other, invoked }) =>
      other?.id === producer?.id &&
      other?.epoch === producer?.epoch &&
      (other?.baseSequence ?? -1) > (producer?.baseSequence ?? 0) &&
      invoked < returned,
  ).length
