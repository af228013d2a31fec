/** A headline for each anomaly; what it is and why it matters, the checkers say themselves. */
import { anomalyKinds, explainAnomaly } from "../../checkers/index.ts"
import type { AnomalyKind, Explanation } from "../../checkers/index.ts"

const titles: Readonly<Partial<Record<AnomalyKind, string>>> = {
  "inconsistent-offsets": "One place in the log, two contents",
  "unwritten-value": "A record that nobody wrote",
  "aborted-read": "A refused write was read",
  "lost-write": "An acknowledged record is gone",
  "read-then-lost": "A record was read and then disappeared",
  "wrong-ack-offset": "The acknowledgement named the wrong place",
  duplicate: "A record is in the log more than once",
  "nonmonotonic-send": "One producer's records are out of order",
  unseen: "A record that no consumer was given",
  "offset-hole": "A place in the log is empty",
  "fenced-append": "A producer that was replaced still wrote",
  "torn-batch": "Half of a batch",
  "realtime-order": "Later write, earlier place",
  "int-nonmonotonic-poll": "Offsets fall within one answer",
  "int-poll-skip": "One answer leaves records out",
  "poll-skip": "A consumer was made to skip records",
  "nonmonotonic-poll": "A consumer was taken back",
  "above-high-watermark": "A record was shown before it was safe",
  "high-watermark-regress": "The safe part of the log shrank",
  "early-high-watermark": "The safe part ends behind what had been written",
  "spurious-out-of-range": "A known offset was called out of range",
  "diverged-committed": "Records that were read were disowned",
  "stale-offsets": "An old answer about where the log ends",
  "wrong-offset-for-time": "The wrong record for a time",
  "wrong-epoch-end": "The wrong end of a leader's reign",
  "epoch-regress": "A broker went back to an older leader",
  "two-leaders": "Two leaders at once",
  "resurrected-topic": "A deleted topic came back",
  "sequence-lost": "A producer's place was forgotten",
  "replica-divergence": "Replicas hold different records",
  "epoch-order": "Leader epochs fall along the log",
  "uncommitted-offset": "A committed offset from nowhere",
  "aborted-commit": "A refused commit took effect",
  "lost-commits": "The group's progress is gone",
  "stale-commit": "The group was put back",
  "fenced-commit": "A member that was expelled has committed",
  "generation-regress": "The group's generation fell",
  "two-owners": "One partition, two owners",
  "owners-overlap": "A partition was given away too early",
  "skipped-record": "The group passed over a record",
}

/** A kind that is newer than its title is shown by its name. */
export const titleOf = (kind: string): string =>
  new Map<string, string>(Object.entries(titles)).get(kind) ?? kind

/** Undefined for what is no kind: results may come from a file. */
export function explanationOf(kind: string): Explanation | undefined {
  const known = anomalyKinds.find((one) => one === kind)
  return known === undefined ? undefined : explainAnomaly(known)
}
