/** What checks find. Names from jepsen.tests.kafka where it has one (VERIFICATION §3.3). */
export const anomalyKinds = [
  /** Two values at one offset. */
  "inconsistent-offsets",
  /** A value that nobody wrote. */
  "unwritten-value",
  /** A value whose write definitely failed was read (G1a). */
  "aborted-read",
  /** Acknowledged by all, and not in the log at the end. */
  "lost-write",
  /** Read once, and not in the log at the end. */
  "read-then-lost",
  /** Acknowledged at one offset, found at another: a repeated batch must get its first offset. */
  "wrong-ack-offset",
  /** Acknowledged, in the log, and never given to a consumer that has read past it. */
  "unseen",
  /** Nothing lies at an offset of the log, and nothing explains it. */
  "offset-hole",
  /** More often in the log than it was sent, or at all twice by an idempotent producer. */
  "duplicate",
  /** An idempotent producer's batches out of their order. */
  "nonmonotonic-send",
  /** A batch of a producer's earlier epoch lies behind one of a later: it had been fenced. */
  "fenced-append",
  /** One batch is not in one piece. */
  "torn-batch",
  /** Acknowledged before another was sent, and behind it in the log. */
  "realtime-order",
  /** Offsets within one answer fall. */
  "int-nonmonotonic-poll",
  /** One answer leaves out what the log holds in between. */
  "int-poll-skip",
  /** The first record lies behind others at or after the offset that was asked for. */
  "poll-skip",
  /** An answer holds a record below the offset asked for, seen by the consumer before. */
  "nonmonotonic-poll",
  /** A record at or above the high watermark that came with it. */
  "above-high-watermark",
  /** One broker told one client a lower high watermark than before. */
  "high-watermark-regress",
  /** It lies behind records that nobody had sent by then, or behind the end of the log. */
  "early-high-watermark",
  /** Refused an offset that had been read up to. */
  "spurious-out-of-range",
  /** Told that committed records which were read are not part of the log. */
  "diverged-committed",
  /** ListOffsets told an end or a start older than what was known before it was asked. */
  "stale-offsets",
  /** Not the first record at or after the time. */
  "wrong-offset-for-time",
  /** OffsetForLeaderEpoch contradicts the epochs of the log. */
  "wrong-epoch-end",
  /** One broker told a lower leader epoch than before. */
  "epoch-regress",
  /** Two leaders named for one epoch. */
  "two-leaders",
  /** A topic that had been gone is back under the same id. */
  "resurrected-topic",
  /** An acknowledged batch of an idempotent producer is not continued: its state is lost. */
  "sequence-lost",
  /** Replicas hold different records at the end. */
  "replica-divergence",
  /** Epochs fall along the log. */
  "epoch-order",
  /** A group is told a committed offset that nobody committed, or not by then. */
  "uncommitted-offset",
  /** A group is told an offset whose commit was definitely refused. */
  "aborted-commit",
  /** A group is told that it has committed nothing, though it has. */
  "lost-commits",
  /** A group is told an older committed offset than one that was acknowledged or seen before. */
  "stale-commit",
  /** A member of an earlier generation has committed. */
  "fenced-commit",
  /** A group's generation fell. */
  "generation-regress",
  /** A partition has two owners in one generation. */
  "two-owners",
  /** A member is given a partition while another one may still own it, by the time that passed. */
  "owners-overlap",
  /** Below what a group has committed lies a record that no member of it was given. */
  "skipped-record",
] as const

export type AnomalyKind = (typeof anomalyKinds)[number]

export interface Anomaly {
  readonly kind: AnomalyKind
  /** "" for what concerns no partition. */
  readonly partition: string
  readonly detail: string
  /** Ids of the operations that show it. */
  readonly operations: ReadonlyArray<number>
  /** Of lost writes: where in the log, and the brokers whose dumps do not hold it. */
  readonly where?: LossPlace
  readonly missingOn?: ReadonlyArray<number>
}

/** Before the first acknowledged record that is left, behind the last one, or between them. */
export type LossPlace = "prefix" | "middle" | "postfix"

/** Collects at most `perKindMax` of each kind: one bug shows itself a thousand times. */
export class Anomalies {
  readonly #found: Array<Anomaly> = []
  readonly #counts = new Map<AnomalyKind, number>()
  readonly #perKindMax: number

  constructor(perKindMax = 20) {
    this.#perKindMax = perKindMax
  }

  add(
    kind: AnomalyKind,
    partition: string,
    detail: string,
    operations: ReadonlyArray<{ readonly id: number }>,
    more: Pick<Anomaly, "where" | "missingOn"> = {},
  ): void {
    const count = (this.#counts.get(kind) ?? 0) + 1
    this.#counts.set(kind, count)
    if (count > this.#perKindMax) return
    this.#found.push({
      kind,
      partition,
      detail,
      operations: operations.map(({ id }) => id),
      ...more,
    })
  }

  get found(): ReadonlyArray<Anomaly> {
    return this.#found
  }

  /** How often each was found, those beyond the bound too. */
  get counts(): ReadonlyMap<AnomalyKind, number> {
    return this.#counts
  }
}
