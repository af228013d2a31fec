/** What each anomaly is, for people who have never heard its name. */
import type { AnomalyKind } from "../../checkers/index.ts"

export interface Explanation {
  readonly title: string
  /** What was seen, and why it must not be. */
  readonly text: string
}

const explanations: Readonly<Partial<Record<AnomalyKind, Explanation>>> = {
  "inconsistent-offsets": {
    title: "One place in the log, two contents",
    text: "Two answers name different records for the same offset. An offset is the name of one record for ever: brokers disagreed about what the log holds, or an agreed record was overwritten.",
  },
  "unwritten-value": {
    title: "A record that nobody wrote",
    text: "A consumer was given a value that no producer had sent to this partition by then. It was made up, damaged, or belongs to another partition.",
  },
  "aborted-read": {
    title: "A refused write was read",
    text: "The producer was told that its write definitely failed, and yet the record is in the log. A producer that trusts the answer sends it again, and everybody reads it twice.",
  },
  "lost-write": {
    title: "An acknowledged record is gone",
    text: "The cluster confirmed that the record was stored by all that have to store it (acks=all). At the end, with every broker healthy, no replica has it. This is the promise that a log store lives by.",
  },
  "read-then-lost": {
    title: "A record was read and then disappeared",
    text: "A consumer was given the record, and may have acted on it. At the end the log does not hold it: it was shown before it was safely stored, or it was lost afterwards.",
  },
  "wrong-ack-offset": {
    title: "The acknowledgement named the wrong place",
    text: "The record is in the log, but not at the offset that its producer was told. A batch that is sent again must be answered with the offset that it got the first time.",
  },
  duplicate: {
    title: "A record is in the log more than once",
    text: "An idempotent producer's record must be stored exactly once, however often it had to be sent. It is there several times, so consumers see it several times.",
  },
  "nonmonotonic-send": {
    title: "One producer's records are out of order",
    text: "An idempotent producer sent its batches in one order, and the log holds them in another.",
  },
  unseen: {
    title: "A record that no consumer was given",
    text: "The record was acknowledged and is in the log, and the consumers, who have read past it, were never given it.",
  },
  "offset-hole": {
    title: "A place in the log is empty",
    text: "Nothing lies at an offset between others, and nothing explains it: no deletion, no compaction, no control record.",
  },
  "fenced-append": {
    title: "A producer that was replaced still wrote",
    text: "A batch of a producer's earlier epoch lies behind one of its later epoch. The earlier one had been shut out and must not write any more.",
  },
  "torn-batch": {
    title: "Half of a batch",
    text: "A batch is stored as a whole or not at all. In the log only a part of it is there, or its records do not lie one behind the other.",
  },
  "realtime-order": {
    title: "Later write, earlier place",
    text: "A record was acknowledged before another one was even sent, and lies behind it in the log. The order of the log contradicts the order of events.",
  },
  "int-nonmonotonic-poll": {
    title: "Offsets fall within one answer",
    text: "One answer to one fetch lists its records in an order that is not the order of the log.",
  },
  "int-poll-skip": {
    title: "One answer leaves records out",
    text: "Between two records of a single answer the log holds others that the consumer was not given.",
  },
  "poll-skip": {
    title: "A consumer was made to skip records",
    text: "The consumer asked for the records from an offset on, and the answer begins further behind: records at or after that offset were passed over and will never be asked for again.",
  },
  "nonmonotonic-poll": {
    title: "A consumer was taken back",
    text: "The answer holds a record below the offset that was asked for, one that this consumer had seen before.",
  },
  "above-high-watermark": {
    title: "A record was shown before it was safe",
    text: "The answer holds a record at or above the high watermark, the border below which records are stored safely. Such a record may still vanish.",
  },
  "high-watermark-regress": {
    title: "The safe part of the log shrank",
    text: "One broker, over one connection, told a lower high watermark than it had told before. What is stored safely cannot become less.",
  },
  "early-high-watermark": {
    title: "The safe part ends behind what had been written",
    text: "The high watermark covers records that nobody had sent by the time of the answer.",
  },
  "spurious-out-of-range": {
    title: "A known offset was called out of range",
    text: "The consumer had already read up to this offset, and was told that it does not exist. Consumers answer that by jumping to the beginning or the end of the log.",
  },
  "diverged-committed": {
    title: "Records that were read were disowned",
    text: "A broker told the consumer that what it had read is not part of the log (its leader epoch diverges), although it had been committed.",
  },
  "stale-offsets": {
    title: "An old answer about where the log ends",
    text: "Asked for the first or last offset of the log, a broker named one that was already out of date before it was asked.",
  },
  "wrong-offset-for-time": {
    title: "The wrong record for a time",
    text: "Asked for the first record at or after a time, a broker named another one.",
  },
  "wrong-epoch-end": {
    title: "The wrong end of a leader's reign",
    text: "Asked where the records of a leader epoch end, a broker's answer contradicts the epochs that the log itself holds.",
  },
  "epoch-regress": {
    title: "A broker went back to an older leader",
    text: "One broker told a lower leader epoch than it had told before.",
  },
  "two-leaders": {
    title: "Two leaders at once",
    text: "For one partition and one leader epoch two different brokers were named as the leader. Both could accept writes that contradict each other.",
  },
  "resurrected-topic": {
    title: "A deleted topic came back",
    text: "The topic had been deleted and was gone; later it was there again, under the same id.",
  },
  "sequence-lost": {
    title: "A producer's place was forgotten",
    text: "An acknowledged batch of an idempotent producer could not be continued: the brokers had lost what they knew of the producer, and with it the means to recognise copies.",
  },
  "replica-divergence": {
    title: "Replicas hold different records",
    text: "After everything was healed and at rest, two replicas of one partition do not hold the same log. Which one a consumer reads from decides what it sees.",
  },
  "epoch-order": {
    title: "Leader epochs fall along the log",
    text: "A record of an older leader lies behind one of a newer leader. An overthrown leader's records got in after the new one had begun.",
  },
  "uncommitted-offset": {
    title: "A committed offset from nowhere",
    text: "The group was told that it had committed an offset that no member had committed by then.",
  },
  "aborted-commit": {
    title: "A refused commit took effect",
    text: "A member was told that its commit was refused, and yet the group resumes from it.",
  },
  "lost-commits": {
    title: "The group's progress is gone",
    text: "The group had committed offsets and was told that it had not. Its members begin again from the beginning, or skip to the end.",
  },
  "stale-commit": {
    title: "The group was put back",
    text: "The group was told an older committed offset than one that had already been acknowledged or seen: it processes again what it had finished.",
  },
  "fenced-commit": {
    title: "A member that was expelled has committed",
    text: "The commit of a member of an earlier generation was accepted, although the partition belongs to somebody else by now.",
  },
  "generation-regress": {
    title: "The group's generation fell",
    text: "A group's generation counts its reorganisations. A lower number came after a higher one: the group's state was lost or is led by two.",
  },
  "two-owners": {
    title: "One partition, two owners",
    text: "Two members of the group were given the same partition in the same generation, and process the same records.",
  },
  "owners-overlap": {
    title: "A partition was given away too early",
    text: "A member was given a partition at a time when another one might still own it: it had not given it up, and its deadline had not passed.",
  },
  "skipped-record": {
    title: "The group passed over a record",
    text: "The group has committed an offset behind a record that none of its members was ever given. It will not be processed.",
  },
}

/** Every kind has one, a test sees to it; undefined for what is no kind. */
export const explanationOf = (kind: string): Explanation | undefined =>
  new Map<string, Explanation>(Object.entries(explanations)).get(kind)
