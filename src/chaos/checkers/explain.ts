/** For people who read a report: what each anomaly is, and why they should mind. */
import type { AnomalyKind } from "./anomaly.ts"

export interface Explanation {
  /** One sentence: what was seen. */
  readonly what: string
  /** One sentence: what that means for whoever uses the log. */
  readonly whyItMatters: string
}

const explanations: Readonly<Record<AnomalyKind, Explanation>> = {
  "inconsistent-offsets": {
    what: "Two clients were shown different records at the same offset.",
    whyItMatters: "There is no longer one log: what a consumer gets depends on whom it asks.",
  },
  "unwritten-value": {
    what: "A record was read that nobody had written to this partition by then.",
    whyItMatters: "Records were damaged, mixed up between partitions, or made up.",
  },
  "aborted-read": {
    what: "A record was read whose write had been refused for certain.",
    whyItMatters: "The producer was told that it did not happen and may have written it elsewhere.",
  },
  "lost-write": {
    what: "A write was acknowledged with acks=all, and is gone at the end.",
    whyItMatters: "This is data loss: the producer has been promised that the record is kept.",
  },
  "read-then-lost": {
    what: "A record was given to a consumer, and is gone at the end.",
    whyItMatters: "Somebody has acted on a record that, as far as the log knows, never was.",
  },
  unseen: {
    what: "An acknowledged record lies in the log, and consumers have read past it without it.",
    whyItMatters: "For consumers it is lost, although the log still holds it.",
  },
  "offset-hole": {
    what: "Nothing lies at an offset in the middle of the log, and nothing explains that.",
    whyItMatters: "A record that once had this offset may be gone.",
  },
  "wrong-ack-offset": {
    what: "A write was acknowledged at one offset, and lies at another.",
    whyItMatters: "Whoever stored the offset points at somebody else's record.",
  },
  duplicate: {
    what: "A record is in the log more often than it was written.",
    whyItMatters: "An idempotent producer's record counts twice: money may be booked twice.",
  },
  "nonmonotonic-send": {
    what: "Records of one idempotent producer lie in another order than it sent them.",
    whyItMatters: "Updates overtake each other: an old value may replace a newer one.",
  },
  "fenced-append": {
    what: "A producer that had been replaced has written behind its successor.",
    whyItMatters: "A zombie that everybody believes dead can still change the data.",
  },
  "torn-batch": {
    what: "A batch of records is not in one piece.",
    whyItMatters: "A batch is written whole or not at all; here a part is missing or elsewhere.",
  },
  "realtime-order": {
    what: "A record sent after another one was acknowledged lies before it.",
    whyItMatters: "The order of the log is not the order of events: it is not linearizable.",
  },
  "int-nonmonotonic-poll": {
    what: "Offsets fall within one answer.",
    whyItMatters: "Consumers handle records in the wrong order or twice.",
  },
  "int-poll-skip": {
    what: "One answer leaves out a record between two others.",
    whyItMatters: "The consumer goes on behind it and never sees it.",
  },
  "poll-skip": {
    what: "An answer begins behind records that it should have begun with.",
    whyItMatters: "The consumer goes on behind them and never sees them.",
  },
  "nonmonotonic-poll": {
    what: "An answer begins before the offset that was asked for.",
    whyItMatters: "The consumer handles records again that it has handled already.",
  },
  "above-high-watermark": {
    what: "A record was shown that, by the same answer, is not committed yet.",
    whyItMatters: "It may still vanish when the leader changes.",
  },
  "high-watermark-regress": {
    what: "One broker first told a higher end of the committed log, then a lower one.",
    whyItMatters: "What was committed seems not to be any more.",
  },
  "early-high-watermark": {
    what: "The committed log was said to reach further than anything had been sent, or than it does.",
    whyItMatters: "The broker counts something as committed that is not there.",
  },
  "spurious-out-of-range": {
    what: "A consumer was refused an offset that it had read up to.",
    whyItMatters:
      "Most clients then begin anew or at the end: everything twice, or records skipped.",
  },
  "diverged-committed": {
    what: "A consumer was told that committed records which it has read are no part of the log.",
    whyItMatters: "Committed records were replaced, or consumers are told so and step back.",
  },
  "stale-offsets": {
    what: "An end or a start of the log was told that was known to be out of date.",
    whyItMatters: "Whoever begins or stops reading there misses records.",
  },
  "wrong-offset-for-time": {
    what: "The offset told for a time is not that of the first record at or after it.",
    whyItMatters: "A consumer that begins at a time misses records, or gets older ones.",
  },
  "wrong-epoch-end": {
    what: "The end told for a leader's epoch contradicts the log.",
    whyItMatters: "Consumers use it to find out whether what they have read still stands.",
  },
  "epoch-regress": {
    what: "A broker told a lower leader epoch than before.",
    whyItMatters: "Clients follow a leader that has been deposed.",
  },
  "two-leaders": {
    what: "Two brokers were named as the leader of one epoch.",
    whyItMatters: "Two leaders accept writes at the same offsets: one side's are lost.",
  },
  "resurrected-topic": {
    what: "A topic that had been deleted is back under its old id.",
    whyItMatters: "Data that was meant to be gone returns, or writes go to a topic without future.",
  },
  "sequence-lost": {
    what: "An idempotent producer's next batch was refused though the one before it is acknowledged.",
    whyItMatters: "The brokers have forgotten the producer: it stops, or its retries are doubled.",
  },
  "replica-divergence": {
    what: "Two replicas hold different records when everything is over.",
    whyItMatters: "What consumers get changes with the next leader.",
  },
  "epoch-order": {
    what: "Leader epochs fall along the log.",
    whyItMatters: "Records of a deposed leader lie behind its successor's.",
  },
  "uncommitted-offset": {
    what: "A group was told a committed offset that nobody had committed by then.",
    whyItMatters: "The group goes on from the wrong place: it skips or repeats records.",
  },
  "aborted-commit": {
    what: "A group was told an offset whose commit had been refused.",
    whyItMatters: "A member that was shut out has moved the group all the same.",
  },
  "lost-commits": {
    what: "A group was told that it has committed nothing, though it has.",
    whyItMatters: "It begins anew, or at the end: everything twice, or records skipped.",
  },
  "stale-commit": {
    what: "A group was told an older offset than one whose commit was acknowledged.",
    whyItMatters: "Records are handled again that were done with.",
  },
  "fenced-commit": {
    what: "A member that had been replaced could still commit.",
    whyItMatters: "It overwrites the progress of the member that owns the partition now.",
  },
  "generation-regress": {
    what: "A group's generation fell.",
    whyItMatters: "Members of the past can no longer be told from those of today.",
  },
  "two-owners": {
    what: "A partition was given to two members in one generation.",
    whyItMatters: "Both handle its records: everything is done twice.",
  },
  "owners-overlap": {
    what: "A partition was given to a member while the one before it still had time to be heard of.",
    whyItMatters: "For a while both handle its records.",
  },
  "skipped-record": {
    what: "A group has committed past a record that none of its members was given.",
    whyItMatters: "The record will never be handled.",
  },
}

export const explainAnomaly = (kind: AnomalyKind): Explanation => explanations[kind]
