/**
 * One history for each way to be wrong; among them the facts of the tests of jepsen.tests.kafka, as
 * far as there are no transactions.
 */
import { describe, expect, test } from "bun:test"
import { checkHistory } from "../../../src/chaos/checkers/index.ts"
import type { AnomalyKind } from "../../../src/chaos/checkers/index.ts"
import { Story, x, y } from "./story.ts"

const keyed = (keys: string) => ({ keys: keys.split(" ") })
const other = { producer: { id: 8, epoch: 0, baseSequence: 0 } }

type Case = readonly [what: string, kinds: ReadonlyArray<AnomalyKind>, tell: () => Story]

const withDumps: ReadonlyArray<Case> = [
  [
    "the front is lost",
    ["lost-write", "offset-hole"],
    () => new Story().send("a", 0).send("b", 1).drain({ 1: "b" }, { logStartOffset: 0 }),
  ],
  [
    "the middle is lost",
    ["lost-write", "offset-hole"],
    () => new Story().send("a", 0).send("b", 1).send("c", 2).drain({ 0: "a", 2: "c" }),
  ],
  [
    "the tail is lost",
    ["lost-write"],
    () => new Story().send("a", 0).send("b", 1).drain({ 0: "a" }),
  ],
  [
    "what was deleted is there in the end",
    ["stale-offsets"],
    () =>
      new Story()
        .send("a b", 0)
        .op(
          "raw-admin-0.0",
          { f: "remove", partition: x, offset: 1, lowWatermark: -1 },
          { lowWatermark: 1 },
        )
        .drain({ 0: "a", 1: "b" }),
  ],
  ["all is lost", ["lost-write"], () => new Story().send("a", 0).drain({}, { highWatermark: 0 })],
  [
    "one whose offset was not told is lost",
    ["lost-write"],
    () => new Story().send("a", 0).send("b", -1).drain({ 0: "a" }),
  ],
  [
    "one whose offset was not told is lost, behind what retention can have taken",
    ["lost-write"],
    () =>
      new Story().send("a", 0).send("b", 1).send("c", -1).send("d", 2).drain({ 1: "b", 2: "d" }),
  ],
  [
    "one that was acknowledged in a partition not told is in none",
    ["lost-write"],
    () =>
      new Story()
        .send("a", -1, { partition: "t#0123abcd/-1" })
        .send("b", 0)
        .drain({ 0: "b" })
        .drain({}, { partition: y, highWatermark: 0 }),
  ],
  [
    "one whose partition is not told is in two",
    ["duplicate"],
    () =>
      new Story()
        .maybe("a", { partition: "t#0123abcd/-1" })
        .drain({ 0: "a" })
        .drain({ 0: "a" }, { partition: y }),
  ],
  [
    "acknowledged, and overwritten",
    ["lost-write", "inconsistent-offsets"],
    () =>
      new Story()
        .send("a", 0, { at: [1, 9] })
        .send("b", 0, { at: [2, 8] })
        .drain({ 0: "b" }),
  ],
  [
    "compaction takes the last value of a key",
    ["lost-write"],
    () =>
      new Story()
        .send("a1", 0, keyed("a"))
        .send("a2", 1, keyed("a"))
        .send("b1", 2, keyed("b"))
        .drain({ 0: "a1", 2: "b1" }, { compacted: true }),
  ],
  [
    "compaction takes a key",
    ["lost-write"],
    () =>
      new Story()
        .send("a1", 0, keyed("a"))
        .send("b1", 1, keyed("b"))
        .drain({ 1: "b1" }, { compacted: true, logStartOffset: 0 }),
  ],
  [
    "compaction takes a tombstone before what it deletes",
    ["lost-write"],
    () =>
      new Story()
        .send("a1", 0, keyed("a"))
        .send("a-gone", 1, { ...keyed("a"), tombstone: true })
        .send("b1", 2, keyed("b"))
        .drain({ 0: "a1", 2: "b1" }, { compacted: true }),
  ],
  [
    "replicas that no compaction can have made different",
    ["replica-divergence"],
    () =>
      new Story()
        .send("a1", 0, keyed("a"))
        .send("b1", 1, keyed("b"))
        .drainOf(0, { 0: "a1", 1: "b1" }, { compacted: true })
        .drainOf(1, { 1: "b1" }, { compacted: true, logStartOffset: 0 }),
  ],
  [
    "read, and gone",
    ["read-then-lost"],
    () => new Story().maybe("a").read({ 0: "a" }).drain({}, { highWatermark: 0 }),
  ],
  [
    "a record that nobody can have written",
    ["unwritten-value"],
    () => new Story().send("a", 0).drain({ 0: "a", 1: "z" }),
  ],
  [
    "a record of another partition",
    ["unwritten-value"],
    () => new Story().send("a", 0).drain({ 0: "a" }).drain({ 0: "a" }, { partition: y }),
  ],
  [
    "two copies of an idempotent batch",
    ["duplicate"],
    () => new Story().send("a", 0).drain({ 0: "a", 1: "a" }),
  ],
  [
    "more copies than attempts",
    ["duplicate"],
    () =>
      new Story()
        .send("a", 0, { producer: null, told: { attempts: 2 } })
        .drain({ 0: "a", 1: "a", 2: "a" }),
  ],
  [
    "a repeated batch is answered with another offset",
    ["wrong-ack-offset", "duplicate"],
    () => {
      const producer = { id: 7, epoch: 0, baseSequence: 0 }
      return new Story().send("a", 0, { producer }).send("a", 3, { producer }).drain({ 0: "a" })
    },
  ],
  [
    "acks=1, sent once, and not where it was said to be",
    ["wrong-ack-offset"],
    () =>
      new Story()
        .send("a", 0, { acks: 1 })
        .maybe("b", { ...other, at: [1, 9] })
        .drain({ 0: "b", 1: "a" }),
  ],
  [
    "sessions of an idempotent client that keeps its ids to itself",
    ["nonmonotonic-send"],
    () =>
      new Story()
        .send("a", -1, { at: [1, 9], producer: { id: -2, epoch: 0, baseSequence: 0 } })
        .send("b", -1, { at: [2, 8], producer: { id: -2, epoch: 0, baseSequence: 1 } })
        .drain({ 0: "b", 1: "a" }),
  ],
  [
    "… although one between them is not there",
    ["nonmonotonic-send"],
    () =>
      new Story()
        .send("a", -1, { at: [1, 9], producer: { id: -2, epoch: 0, baseSequence: 0 } })
        .maybe("b", { at: [1, 9], producer: { id: -2, epoch: 0, baseSequence: 1 } })
        .send("c", -1, { at: [2, 8], producer: { id: -2, epoch: 0, baseSequence: 2 } })
        .drain({ 0: "c", 1: "a" }),
  ],
  [
    "the brokers have forgotten a producer",
    ["sequence-lost"],
    () =>
      new Story()
        .send("a", 0)
        .refused("b", [
          ["c", 2],
          ["d", 3],
          ["e", 4],
          ["f", 5],
        ])
        .drain({ 0: "a", 1: "b", 2: "c", 3: "d", 4: "e", 5: "f" }),
  ],
  [
    "a batch comes apart",
    ["torn-batch"],
    () => new Story().maybe("a b").maybe("c", other).drain({ 0: "a", 1: "c", 2: "b" }),
  ],
  [
    "a zombie writes behind its successor",
    ["fenced-append"],
    () =>
      new Story()
        .send("new", 0, { producer: { id: 0, epoch: 1, baseSequence: 0 } })
        .maybe("old", { producer: { id: 0, epoch: 0, baseSequence: 3 } })
        .drain({ 0: "new", 1: "old" }),
  ],
  [
    "a dump out of order",
    ["int-nonmonotonic-poll", "replica-divergence"],
    () => {
      const story = new Story().send("a", 0).send("b", 1).drain({ 0: "a", 1: "b" })
      const turned = story.lines.map((line) =>
        line.replace('[[0,"a",1],[1,"b",1]]', '[[1,"b",1],[0,"a",1]]'),
      )
      story.lines.splice(0, Infinity, ...turned)
      return story
    },
  ],
  [
    "a group reads past a record",
    ["unseen"],
    () =>
      new Story()
        .send("a b c", 0)
        .read({ 0: "a" }, { group: "g", process: "kafkajs-member-0" })
        .read({ 2: "c" }, { group: "g", process: "kafkajs-member-1" })
        .drain({ 0: "a", 1: "b", 2: "c" }),
  ],
  [
    "a single consumer reads past a record",
    ["poll-skip", "unseen"],
    () =>
      new Story()
        .send("a b c", 0)
        .read({ 0: "a" })
        .read({ 2: "c" })
        .drain({ 0: "a", 1: "b", 2: "c" }),
  ],
]

/** Nothing was drained: what is known comes from clients alone, as Jepsen has it. */
const withoutDumps: ReadonlyArray<Case> = [
  [
    "two acknowledgements of one offset",
    ["inconsistent-offsets"],
    () =>
      new Story().send("641", 537, { partition: y }).send("645", 537, { ...other, partition: y }),
  ],
  [
    "an acknowledgement and a read that contradict each other",
    ["inconsistent-offsets"],
    () => new Story().maybe("b").send("c", 1, other).read({ 1: "b" }),
  ],
  [
    "an acknowledged offset that is read as another value",
    ["inconsistent-offsets"],
    () =>
      new Story()
        .send("a", 0)
        .send("b c", 0, { ...other, at: [1, 9] })
        .read({ 0: "b", 1: "c" }),
  ],
  [
    "what failed is read",
    ["aborted-read"],
    () =>
      new Story()
        .send("2", -1, { told: { outcome: "fail", error: "NOT_LEADER_OR_FOLLOWER" } })
        .read({ 0: "2" }),
  ],
  [
    "a read from the beginning lacks what was acknowledged below",
    ["poll-skip"],
    () => new Story().send("a", 0).send("b", 1).maybe("c", other).read({ 2: "c" }, { from: 0 }),
  ],
  [
    "a consumer goes on behind what others have read or written",
    ["poll-skip"],
    () =>
      new Story()
        .maybe("a b")
        .maybe("c")
        .maybe("d")
        .maybe("g")
        .read({ 1: "a", 2: "b" })
        .read({ 3: "c" }, { process: "kcat-consumer-1.0" })
        .read({ 4: "d" })
        .send("f", 6, other)
        .read({ 7: "g" }),
  ],
  [
    "a consumer is given again what it was given",
    ["nonmonotonic-poll"],
    () =>
      new Story()
        .maybe("a b c d")
        .read({ 1: "a", 2: "b", 3: "c" })
        .read({ 2: "b", 3: "c", 4: "d" }),
  ],
  [
    "a producer's later send lies before its earlier",
    ["nonmonotonic-send", "realtime-order"],
    () => new Story().send("c d", 3).send("a b", 1),
  ],
  [
    "an answer leaves out what another one shows",
    ["int-poll-skip"],
    () =>
      new Story()
        .maybe("a")
        .maybe("b")
        .maybe("d")
        .read({ 1: "a", 4: "d" }, { from: 1 })
        .read({ 2: "b" }, { process: "kcat-consumer-1.0" }),
  ],
  [
    "an answer leaves out what was acknowledged in one batch with what it holds",
    ["int-poll-skip"],
    () =>
      new Story()
        .send("a b", 0)
        .maybe("c", { producer: { id: 8, epoch: 0, baseSequence: 0 } })
        .read({ 0: "a", 2: "c" }, { from: 0 }),
  ],
  [
    "one batch acknowledged at two offsets",
    ["wrong-ack-offset", "duplicate"],
    () => {
      const producer = { id: 7, epoch: 0, baseSequence: 0 }
      return new Story().send("a", 0, { producer }).send("a", 3, { producer })
    },
  ],
  [
    "one value at two offsets",
    ["duplicate"],
    () => new Story().send("a", 1).maybe("b", other).read({ 2: "b", 3: "a" }),
  ],
]

describe.each([
  ["drained", withDumps],
  ["as clients saw it", withoutDumps],
])("%s", (_, cases) => {
  test.each([...cases])("%s: %p", (_what, kinds, tell) => {
    expect(tell().kinds.toSorted()).toEqual(kinds.toSorted())
  })
})

test("an answer whose offsets fall", () => {
  const story = new Story().maybe("a").maybe("c", other).read({ 1: "a", 3: "c" }, { from: 1 })
  const turned = story.lines.map((line) =>
    line.replace('[[1,"a",1],[3,"c",1]]', '[[3,"c",1],[1,"a",1]]'),
  )
  story.lines.splice(0, Infinity, ...turned)
  expect(story.kinds).toContain("int-nonmonotonic-poll")
})

test("an answer that holds a record twice", () => {
  const story = new Story().maybe("a").read({ 1: "a" }, { from: 1 })
  const twice = story.lines.map((line) => line.replace('[[1,"a",1]]', '[[1,"a",1],[1,"a",1]]'))
  story.lines.splice(0, Infinity, ...twice)
  expect(story.kinds).toEqual(["int-nonmonotonic-poll"])
})

test("partitions that nobody drained are named, those of deleted topics are not", () => {
  const deletion = { f: "delete", topic: "t", topicId: "0123abcd", partitions: 1 } as const
  const story = new Story().send("a", 0)
  expect(checkHistory(story.operations).undrained).toEqual([x])
  expect(checkHistory(story.op("raw-admin", deletion, {}).operations).undrained).toEqual([])
})

test("nothing is lost below what nobody has read, and a send of unknown outcome claims nothing", () => {
  expect(new Story().maybe("a", { offset: 0 }).send("b", 0, other).kinds).toEqual([])
})

test("others' records between two sends are no anomaly", () => {
  const story = new Story()
    .send("a", 1, { at: [1, 5] })
    .send("c", 3, { at: [1, 5] })
    .maybe("b", { ...other, at: [1, 5] })
  expect(story.read({ 2: "b", 3: "c" }, { from: 2 }).kinds).toEqual([])
})

test("lost writes are told by their place and by the brokers that lack them", () => {
  const story = new Story().send("a", 0).send("b", 1).send("c", 2).send("d", 3).send("e", 4)
  story.drainOf(0, { 1: "b", 3: "d" }, { highWatermark: 5 })
  story.drainOf(1, { 0: "a", 1: "b", 2: "c", 3: "d" }, { highWatermark: 4 })
  const { anomalies, losses } = checkHistory(story.operations)
  expect(losses).toEqual([
    { partition: x, prefix: 0, middle: 1, postfix: 1, missingOn: { 0: 2, 1: 1 } },
  ])
  expect(
    anomalies.flatMap(({ kind, where, missingOn }) =>
      kind === "lost-write" ? [{ where, missingOn }] : [],
    ),
  ).toEqual([
    { where: "middle", missingOn: [0] },
    { where: "postfix", missingOn: [0, 1] },
  ])
})

test("only the batch that was refused is told", () => {
  const { counts } = checkHistory(
    new Story()
      .send("a", 0)
      .refused("b", [["c", 2]])
      .drain({ 0: "a", 1: "b", 2: "c" }).operations,
  )
  expect([...counts]).toEqual([["sequence-lost", 1]])
})

test("a verdict is the same however often it is asked for", () => {
  for (const [, , tell] of [...withDumps, ...withoutDumps]) {
    const operations = tell().operations
    expect(checkHistory(operations)).toEqual(checkHistory(operations))
  }
})
