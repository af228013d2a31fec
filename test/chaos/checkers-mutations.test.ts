/** A valid history passes; each way to spoil it is told by its own name. */
import { expect, test } from "bun:test"
import { anomalyKinds, checkHistory } from "../../src/chaos/checkers/index.ts"
import type { AnomalyKind } from "../../src/chaos/checkers/index.ts"
import { historyLines, parseHistory } from "../../src/chaos/history/lines.ts"
import type { SeenRecord } from "../../src/chaos/history/history.ts"
import { all, at, part, sample } from "./checkers-fixture.ts"
import type { Sample } from "./checkers-fixture.ts"
import { allOfGroup, groupAllowances, groupMutations, groupSample } from "./group-mutations.ts"

const kindsOf = (spoiled: Sample): ReadonlyArray<AnomalyKind> => [
  ...checkHistory(all(spoiled)).counts.keys(),
]

type Records = ReadonlyArray<SeenRecord>

/** The records of every replica at the end. */
function redrain(history: Sample, change: (records: Records) => Records): void {
  for (const drain of history.drains) drain.records = change(drain.records)
}

const swap =
  (a: number, b: number) =>
  (records: Records): Records =>
    records.map(([offset, value, epoch]): SeenRecord => {
      const other = offset === a ? b : offset === b ? a : offset
      return [offset, other === offset ? value : at(records, other)[1], epoch]
    })

const without =
  (from: number, to: number) =>
  (records: Records): Records =>
    records.filter(([offset]) => offset < from || offset > to)

const forgetPolls = (history: Sample): void => void (history.polls.length = 0)

interface Mutation {
  readonly what: string
  readonly kind: AnomalyKind
  readonly spoil: (history: Sample) => void
}

const mutations: ReadonlyArray<Mutation> = [
  {
    what: "an acknowledged batch is gone at the end",
    kind: "lost-write",
    spoil: (history) => redrain(history, without(8, 9)),
  },
  {
    what: "the end of the log is gone",
    kind: "lost-write",
    spoil: (history) => {
      redrain(history, without(14, 19))
      for (const drain of history.drains) drain.highWatermark = 14
    },
  },
  {
    what: "a record that was read is gone",
    kind: "read-then-lost",
    spoil: (history) => {
      for (const append of history.appends.slice(4, 5)) append.outcome = "info"
      redrain(history, without(8, 9))
    },
  },
  {
    what: "a record in the middle of the log is on no replica",
    kind: "offset-hole",
    spoil: (history) => {
      forgetPolls(history)
      for (const append of history.appends.slice(4, 5)) append.outcome = "info"
      redrain(history, without(8, 9))
    },
  },
  {
    what: "a consumer that does not say where it begins was given all but one",
    kind: "unseen",
    spoil: (history) => {
      for (const poll of history.polls) poll.from = -1
      history.polls.splice(4, 1)
    },
  },
  {
    what: "a producer that was replaced writes behind its successor",
    kind: "fenced-append",
    spoil: (history) => {
      const append = at(history.appends, 6)
      append.producer = { id: 7, epoch: 1, baseSequence: 0 }
    },
  },
  {
    what: "two values change places in the log",
    kind: "wrong-ack-offset",
    spoil: (history) => {
      forgetPolls(history)
      redrain(history, swap(4, 12))
    },
  },
  {
    what: "a read shows another value than the log",
    kind: "inconsistent-offsets",
    spoil: (history) => void (at(history.polls, 3).records = [[6, "p0.5", 1]]),
  },
  {
    what: "a value is in the log twice",
    kind: "duplicate",
    spoil: (history) => {
      redrain(history, (records) => [...records, [20, "p0.3", 2], [21, "p0.4", 2]])
      for (const drain of history.drains) drain.highWatermark = 22
    },
  },
  {
    what: "a value that nobody wrote",
    kind: "unwritten-value",
    spoil: (history) =>
      redrain(history, (records) =>
        records.map(([offset, value, epoch]) => [offset, offset === 5 ? "x.1" : value, epoch]),
      ),
  },
  {
    what: "a value is read before it is written",
    kind: "unwritten-value",
    spoil: (history) => {
      const poll = at(history.polls, 2)
      poll.invoked = -2
      poll.returned = -1
    },
  },
  {
    what: "a failed write is in the log",
    kind: "aborted-read",
    spoil: (history) => {
      const append = at(history.appends, 6)
      append.outcome = "fail"
      append.error = "NOT_LEADER_OR_FOLLOWER"
    },
  },
  {
    what: "an idempotent producer's batches change places",
    kind: "nonmonotonic-send",
    spoil: (history) => {
      forgetPolls(history)
      for (const append of history.appends) append.outcome = "info"
      redrain(history, (records) => swap(5, 7)(swap(4, 6)(records)))
    },
  },
  {
    what: "a batch is torn",
    kind: "torn-batch",
    spoil: (history) => {
      forgetPolls(history)
      at(history.appends, 4).outcome = "info"
      redrain(history, without(9, 9))
    },
  },
  {
    what: "a write moves before one that was acknowledged before it",
    kind: "realtime-order",
    spoil: (history) => {
      for (const append of history.appends) append.producer = null
      const append = at(history.appends, 2)
      append.invoked = 500
      append.returned = 501
      forgetPolls(history)
    },
  },
  {
    what: "an answer falls back",
    kind: "int-nonmonotonic-poll",
    spoil: (history) => {
      const poll = at(history.polls, 4)
      poll.records = poll.records.toReversed()
    },
  },
  {
    what: "an answer begins before what was asked",
    kind: "nonmonotonic-poll",
    spoil: (history) => void (at(history.polls, 4).from = 9),
  },
  {
    what: "an answer leaves out its middle",
    kind: "int-poll-skip",
    spoil: (history) => {
      const poll = at(history.polls, 9)
      poll.from = 16
      poll.records = at(history.drains, 0).records.filter(([offset]) => [16, 18].includes(offset))
    },
  },
  {
    what: "an answer leaves out its beginning",
    kind: "poll-skip",
    spoil: (history) => void (at(history.polls, 4).from = 6),
  },
  {
    what: "a record above the high watermark",
    kind: "above-high-watermark",
    spoil: (history) => void (at(history.polls, 4).highWatermark = 9),
  },
  {
    what: "the high watermark of one connection falls",
    kind: "high-watermark-regress",
    spoil: (history) => {
      const poll = at(history.polls, 5)
      poll.highWatermark = 4
      poll.records = []
    },
  },
  {
    what: "a high watermark before its records were sent",
    kind: "early-high-watermark",
    spoil: (history) => void (at(history.polls, 4).highWatermark = 14),
  },
  {
    what: "a consumer is refused where it has read",
    kind: "spurious-out-of-range",
    spoil: (history) => {
      const poll = at(history.polls, 5)
      poll.outcome = "fail"
      poll.error = "OFFSET_OUT_OF_RANGE"
    },
  },
  {
    what: "a consumer is told that what it read was cut",
    kind: "diverged-committed",
    spoil: (history) => {
      const poll = at(history.polls, 5)
      poll.outcome = "fail"
      poll.error = "DIVERGING_EPOCH"
    },
  },
  {
    what: "latest is older than an acknowledgement",
    kind: "stale-offsets",
    spoil: (history) => void (at(history.lists, 5).offset = 10),
  },
  {
    what: "earliest goes back",
    kind: "stale-offsets",
    spoil: (history) => {
      const list = at(history.lists, 10)
      history.lists.push({ ...list, invoked: 900, returned: 901, offset: 0 })
      list.offset = 3
    },
  },
  {
    what: "the wrong record for a time",
    kind: "wrong-offset-for-time",
    spoil: (history) => void (at(history.lists, 12).offset = 8),
  },
  {
    what: "no record for a time that one has",
    kind: "wrong-offset-for-time",
    spoil: (history) => void (at(history.lists, 12).offset = -1),
  },
  {
    what: "not the first of the latest records",
    kind: "wrong-offset-for-time",
    spoil: (history) => void (at(history.lists, 11).offset = 12),
  },
  {
    what: "an epoch ends too early",
    kind: "wrong-epoch-end",
    spoil: (history) => void (at(history.ends, 0).endOffset = 7),
  },
  {
    what: "an epoch ends too late",
    kind: "wrong-epoch-end",
    spoil: (history) => void (at(history.ends, 0).endOffset = 12),
  },
  {
    what: "a broker's leader epoch falls",
    kind: "epoch-regress",
    spoil: (history) => {
      at(history.metadata, 2).topics = at(history.metadata, 0).topics
    },
  },
  {
    what: "two leaders of one epoch",
    kind: "two-leaders",
    spoil: (history) => {
      const partitions = [{ leader: 2, epoch: 2 }]
      at(history.metadata, 2).topics = [{ name: "t0", id: "abcdef12", partitions }]
    },
  },
  {
    what: "a deleted topic is back",
    kind: "resurrected-topic",
    spoil: (history) => {
      const answer = at(history.metadata, 1)
      answer.topics = []
      answer.missing = ["t0"]
    },
  },
  {
    what: "a producer is forgotten",
    kind: "sequence-lost",
    spoil: (history) => {
      const append = at(history.appends, 9)
      append.outcome = "fail"
      append.error = "OUT_OF_ORDER_SEQUENCE_NUMBER"
      redrain(history, without(18, 19))
    },
  },
  {
    what: "one replica holds less",
    kind: "replica-divergence",
    spoil: (history) => {
      const drain = at(history.drains, 1)
      drain.records = drain.records.slice(0, 18)
      drain.highWatermark = 18
    },
  },
  {
    what: "one replica holds something else",
    kind: "replica-divergence",
    spoil: (history) => {
      const drain = at(history.drains, 1)
      drain.records = swap(3, 4)(drain.records)
    },
  },
  {
    what: "epochs fall along the log",
    kind: "epoch-order",
    spoil: (history) =>
      redrain(history, (records) =>
        records.map(([offset, value, epoch]) => [offset, value, offset === 15 ? 1 : epoch]),
      ),
  },
]

test("the valid history has no anomaly", () => {
  const verdict = checkHistory(all(sample()))
  expect(verdict.anomalies).toEqual([])
  expect(verdict).toMatchObject({ acknowledged: 10, read: 20, drained: 1 })
})

test.each(mutations)("$what: $kind", ({ kind, spoil }) => {
  const history = sample()
  spoil(history)
  expect(kindsOf(history)).toContain(kind)
})

test.each(groupMutations)("a group: $what: $kind", ({ kind, spoil }) => {
  const history = groupSample()
  spoil(history)
  expect([...checkHistory(allOfGroup(history)).counts.keys()]).toContain(kind)
})

test.each(groupAllowances)("a group may be told: $what", ({ spoil }) => {
  const history = groupSample()
  spoil(history)
  expect(checkHistory(allOfGroup(history)).anomalies).toEqual([])
})

test("what the group of the valid history does has no anomaly", () => {
  expect(checkHistory(allOfGroup(groupSample())).anomalies).toEqual([])
})

test("every kind of anomaly is shown by some mutation", () => {
  const shown = new Set([...mutations, ...groupMutations].map(({ kind }) => kind))
  expect(anomalyKinds.filter((kind) => !shown.has(kind))).toEqual([])
})

test("a history written as lines and read back has the same verdict", () => {
  const history = sample()
  at(history.appends, 9).outcome = "pending"
  redrain(history, swap(4, 12))
  const back = parseHistory(historyLines(all(history)))
  expect(checkHistory(back).counts).toEqual(checkHistory(all(history)).counts)
  expect(back.length).toBe(all(history).length)
})

// ---- what is allowed

const allowed: ReadonlyArray<{ readonly what: string; readonly change: (s: Sample) => void }> = [
  {
    what: "an unacknowledged batch that is not there",
    change: (history) => {
      forgetPolls(history)
      const append = at(history.appends, 9)
      append.outcome = "info"
      redrain(history, without(18, 19))
      for (const drain of history.drains) drain.highWatermark = 18
      history.lists = history.lists.filter(({ offset }) => offset < 18)
      history.ends.length = 1
    },
  },
  {
    what: "acks=1 that is lost",
    change: (history) => {
      forgetPolls(history)
      const append = at(history.appends, 9)
      append.acks = 1
      redrain(history, without(18, 19))
      for (const drain of history.drains) drain.highWatermark = 18
      history.lists = history.lists.filter(({ offset }) => offset < 18)
      history.ends.length = 1
    },
  },
  {
    what: "a prefix that was cut",
    change: (history) => {
      redrain(history, without(0, 5))
      for (const drain of history.drains) drain.logStartOffset = 6
    },
  },
  {
    what: "one replica cut further than the others",
    change: (history) => {
      const drain = at(history.drains, 2)
      drain.records = without(0, 7)(drain.records)
      drain.logStartOffset = 8
    },
  },
  {
    what: "a watermark that is lower on another broker",
    change: (history) => {
      const poll = at(history.polls, 5)
      poll.highWatermark = 4
      poll.records = []
      poll.connection = 2
      poll.node = 1
    },
  },
  {
    what: "a producer without idempotence that sent twice",
    change: (history) => {
      forgetPolls(history)
      const append = at(history.appends, 9)
      append.producer = null
      append.attempts = 2
      append.outcome = "info"
      redrain(history, (records) => [...records, [20, "p0.18", 2], [21, "p0.19", 2]])
      for (const drain of history.drains) drain.highWatermark = 22
    },
  },
]

test.each(allowed)("allowed: $what", ({ change }) => {
  const history = sample()
  change(history)
  expect(checkHistory(all(history)).anomalies).toEqual([])
})

test("a broker whose own log begins later may refuse what another one gave", () => {
  const history = sample()
  const poll = at(history.polls, 5)
  poll.outcome = "fail"
  poll.error = "OFFSET_OUT_OF_RANGE"
  const kinds = (highestStart: number) => [
    ...checkHistory(all(history), new Map([[part, highestStart]])).counts.keys(),
  ]
  expect(kinds(11)).toEqual([])
  expect(kinds(10)).toEqual(["spurious-out-of-range"])
})
