/** What real clusters may do. Whoever calls one of these an anomaly is wrong. */
import { expect, test } from "bun:test"
import { Story, x, y } from "./story.ts"

const foreign = { producer: null, duplicates: "allowed" } as const
const deletion = { f: "delete", topic: "t", topicId: "0123abcd", partitions: 1 } as const
const keyed = (keys: string) => ({ keys: keys.split(" ") })

const valid: Readonly<Record<string, () => Story>> = {
  "writes and reads, one after the other": () =>
    new Story().send("a", 0).read({ 0: "a" }).send("b c", 1).read({ 1: "b", 2: "c" }).drain({
      0: "a",
      1: "b",
      2: "c",
    }),
  "a write of unknown outcome that is there": () =>
    new Story().send("a", 0).maybe("b").send("c", 2).drain({ 0: "a", 1: "b", 2: "c" }),
  "a write of unknown outcome that is not there": () =>
    new Story().send("a", 0).maybe("b").send("c", 1).drain({ 0: "a", 1: "c" }),
  "a write that is pending for ever and lands late": () =>
    new Story()
      .maybe("late", { at: [1, Infinity], producer: { id: 9, epoch: 0, baseSequence: 0 } })
      .send("a", 0)
      .send("b", 1)
      .drain({ 0: "a", 1: "b", 2: "late" }),
  "a leader dies: what it did not commit is gone, what clients sent again is there once": () =>
    new Story()
      .send("a", 0, { told: { node: 0 } })
      .maybe("b")
      .send("c", 1, { told: { node: 1, attempts: 3 } })
      .read({ 0: "a", 1: "c@2" })
      .drain({ 0: "a", 1: "c@2" }),
  "pipelining: five batches under way, answered in another order": () =>
    new Story()
      .send("a", 0, { at: [1, 9] })
      .send("b", 1, { at: [2, 8] })
      .send("c", 2, { at: [3, 7] })
      .send("d", 3, { at: [4, 6] })
      .drain({ 0: "a", 1: "b", 2: "c", 3: "d" }),
  "two producers at the same time, in either order": () =>
    new Story()
      .send("a", 1, { at: [1, 5] })
      .send("b", 0, { at: [2, 4], producer: { id: 8, epoch: 0, baseSequence: 0 } })
      .drain({ 0: "b", 1: "a" }),
  "what is invoked at the instant of a return is concurrent with it": () =>
    new Story()
      .send("a", 1, { at: [1, 5] })
      .send("b", 0, { at: [5, 6], producer: { id: 8, epoch: 0, baseSequence: 0 } })
      .drain({ 0: "b", 1: "a" }),
  "lines of a child process that were written late": () => {
    const story = new Story()
      .send("b", 1, { at: [11, 12] })
      .read({ 0: "a", 1: "b" }, { at: [13, 14] })
      .send("a", 0, { at: [1, 2], producer: { id: 8, epoch: 0, baseSequence: 0 } })
    return story.drain({ 0: "a", 1: "b" })
  },
  "a client without idempotence that sent again out of sight": () =>
    new Story()
      .send("a", 2, foreign)
      .send("b", 3, foreign)
      .drain({ 0: "a", 1: "a", 2: "a", 3: "b" }),
  "a client without idempotence that counts its attempts": () =>
    new Story().send("a", 1, { producer: null, told: { attempts: 2 } }).drain({ 0: "a", 1: "a" }),
  "a client that is not told its offsets": () =>
    new Story().send("a", -1).send("b", -1).read({ 0: "a", 1: "b" }).drain({ 0: "a", 1: "b" }),
  "a client that does not tell which partition it chose, nor what became of it": () =>
    new Story()
      .maybe("a", { partition: "t#0123abcd/-1", producer: null })
      .maybe("b", { partition: "t#0123abcd/-1", producer: null })
      .read({ 0: "a" }, { partition: y })
      .drain({}, { highWatermark: 0 })
      .drain({ 0: "a" }, { partition: y }),
  "acks=1: acknowledged, and overwritten by the next leader": () =>
    new Story().send("a", 0, { acks: 1 }).send("b", 0, { acks: 1 }).drain({ 0: "b@2" }),
  "acks=0: nothing is told, nothing is promised": () =>
    new Story()
      .send("a", -1, { acks: 0, producer: null })
      .send("b", -1, { acks: 0, producer: null })
      .drain({ 0: "b" }),
  "retention: the front is gone": () =>
    new Story().send("a", 0).send("b", 1).send("c", 2).read({ 0: "a", 1: "b" }).drain({ 2: "c" }),
  "retention takes all of it": () =>
    new Story().send("a", 0).send("b", 1).drain({}, { highWatermark: 2, logStartOffset: 2 }),
  "retention, one replica further than the others": () =>
    new Story()
      .send("a", 0)
      .send("b", 1)
      .drainOf(0, { 0: "a", 1: "b" })
      .drainOf(1, { 1: "b" })
      .drainOf(2, { 0: "a", 1: "b" }),
  "retention, and offsets that were not told": () =>
    new Story().send("a", -1).send("b", -1).drain({ 1: "b" }),
  "DeleteRecords, in the middle of a batch": () =>
    new Story()
      .send("a b c", 0)
      .op(
        "raw-admin-0.0",
        { f: "remove", partition: x, offset: 1, lowWatermark: -1 },
        { lowWatermark: 1 },
      )
      .op(
        "raw-admin-0.0",
        { f: "list", partition: x, at: -2, offset: -1, timestampMs: -1, epoch: -1 },
        { offset: 1 },
      )
      .drain({ 1: "b", 2: "c" }),
  "DeleteRecords, of which the client is not told how far it went": () =>
    new Story()
      .send("a b", 0)
      .op("raw-admin-0.0", { f: "remove", partition: x, offset: 1, lowWatermark: -1 }, {})
      .drain({ 0: "a", 1: "b" }),
  "compaction: the last value of each key is left": () =>
    new Story()
      .send("a1 b1", 0, keyed("a b"))
      .send("a2", 2, keyed("a"))
      .read({ 0: "a1", 1: "b1", 2: "a2" })
      .send("a3", 3, keyed("a"))
      .read({ 1: "b1", 3: "a3" }, { process: "kafkajs-consumer-1.0" })
      .drain({ 1: "b1", 3: "a3" }, { compacted: true, logStartOffset: 0 }),
  "compaction: replicas that have come differently far": () =>
    new Story()
      .send("a1", 0, keyed("a"))
      .send("b1", 1, keyed("b"))
      .send("a2", 2, keyed("a"))
      .drainOf(0, { 0: "a1", 1: "b1", 2: "a2" }, { compacted: true, logStartOffset: 0 })
      .drainOf(1, { 1: "b1", 2: "a2" }, { compacted: true, logStartOffset: 0 })
      .drainOf(2, { 1: "b1", 2: "a2" }, { compacted: true, logStartOffset: 0 }),
  "compaction: a tombstone goes with all that it deletes": () =>
    new Story()
      .send("a1", 0, keyed("a"))
      .send("a-gone", 1, { ...keyed("a"), tombstone: true })
      .send("b1", 2, keyed("b"))
      .drain({ 2: "b1" }, { compacted: true, logStartOffset: 0 }),
  "compaction: a tombstone that may have been written deletes too": () =>
    new Story()
      .send("a1", 0, keyed("a"))
      .maybe("a-gone", { ...keyed("a"), tombstone: true })
      .send("b1", 2, keyed("b"))
      .drain({ 2: "b1" }, { compacted: true, logStartOffset: 0 }),
  "a fetch that begins in the middle, and one that is given nothing": () =>
    new Story()
      .send("a b c", 0)
      .read({ 1: "b", 2: "c" }, { from: 1, highWatermark: 3, logStartOffset: 0 })
      .read({}, { from: 3, highWatermark: 3, logStartOffset: 0 })
      .drain({ 0: "a", 1: "b", 2: "c" }),
  "a member of a group goes on where another one was, and repeats what was not committed": () =>
    new Story()
      .send("a b c d", 0)
      .read({ 0: "a", 1: "b" }, { group: "g", process: "kafkajs-member-0" })
      .read({ 1: "b", 2: "c" }, { group: "g", process: "kafkajs-member-1" })
      .read({ 3: "d" }, { group: "g", process: "kafkajs-member-0" })
      .drain({ 0: "a", 1: "b", 2: "c", 3: "d" }),
  "records of others between two of one producer": () =>
    new Story()
      .send("a", 1, { at: [1, 4] })
      .send("b", 2, { at: [1, 4], producer: { id: 8, epoch: 0, baseSequence: 0 } })
      .send("c", 3)
      .maybe("d", { at: [1, 2], producer: { id: 9, epoch: 0, baseSequence: 0 } })
      .drain({ 0: "d", 1: "a", 2: "b", 3: "c" }),
  "each attempt an operation of its own, and the repeated batch gets its first offset": () => {
    const producer = { id: 7, epoch: 0, baseSequence: 0 }
    return new Story()
      .maybe("a", { producer })
      .send("b", 1, { producer: { ...producer, baseSequence: 1 } })
      .send("a", 0, { producer })
      .drain({ 0: "a", 1: "b" })
  },
  "a zombie whose batch was refused, and one whose batch came before its successor's": () =>
    new Story()
      .maybe("old", { producer: { id: 7, epoch: 0, baseSequence: 0 } })
      .send("new", 1, { producer: { id: 7, epoch: 1, baseSequence: 0 } })
      .send("older", -1, {
        producer: { id: 7, epoch: 0, baseSequence: 1 },
        told: { outcome: "fail", error: "INVALID_PRODUCER_EPOCH" },
      })
      .drain({ 0: "old", 1: "new" }),
  "a repeated batch that five lie behind: no broker remembers it any more": () =>
    new Story()
      .send("a", 0)
      .refused("b", [
        ["c", 2],
        ["d", 3],
        ["e", 4],
        ["f", 5],
        ["g", 6],
      ])
      .drain({ 0: "a", 1: "b", 2: "c", 3: "d", 4: "e", 5: "f", 6: "g" }),
  "compaction: a tombstone and what it deletes are both there still": () =>
    new Story()
      .send("a1", 0, keyed("a"))
      .send("a-gone", 1, { ...keyed("a"), tombstone: true })
      .drain({ 0: "a1", 1: "a-gone" }, { compacted: true }),
  "a topic that was deleted, or may have been": () =>
    new Story()
      .send("a", 0)
      .op("raw-admin", deletion, {}, { told: { outcome: "info" } })
      .drain({}, { highWatermark: 0 }),
  "with acks=1, a repeated batch that had to be written anew": () => {
    const producer = { id: 7, epoch: 0, baseSequence: 0 }
    return new Story()
      .send("a", 0, { acks: 1, producer })
      .send("a", 1, { acks: 1, producer })
      .send("b", 0, { acks: 1, producer: { ...producer, id: 8 }, at: [1, 9] })
      .drain({ 0: "b", 1: "a" })
  },
  "a batch that its producer sent again in its next epoch": () =>
    new Story()
      .maybe("a", { producer: { id: 7, epoch: 0, baseSequence: 0 } })
      .send("b", 0, { producer: { id: 7, epoch: 1, baseSequence: 0 } })
      .send("a", 1, { producer: { id: 7, epoch: 1, baseSequence: 1 } })
      .drain({ 0: "b", 1: "a" }),
  "compaction, and nobody drained": () =>
    new Story()
      .send("a1", 0, keyed("a"))
      .send("a2", 1, keyed("a"))
      .send("b1", 2, keyed("b"))
      .read({ 1: "a2", 2: "b1" }, { from: 0 }),
  "times that clients do not tell": () =>
    new Story()
      .send("a", 0, { timestampMs: -1 })
      .send("b", 1)
      .op(
        "raw-admin",
        { f: "list", partition: x, at: 500, offset: -1, timestampMs: -1, epoch: -1 },
        {
          offset: 1,
        },
      )
      .drain({ 0: "a", 1: "b" }),
  "epochs that a dump does not tell": () =>
    new Story()
      .send("a", 0)
      .op(
        "raw-admin",
        { f: "epochEnd", partition: x, epoch: 3, endOffset: -1, endEpoch: -1 },
        {
          endOffset: 0,
        },
      )
      .drain({ 0: "a@-1" }),
  "a partition that nobody drained": () =>
    new Story().send("a", 0).read({ 0: "a" }).send("b", 5).read({ 5: "b" }),
}

test.each(Object.entries(valid))("valid: %s", (_, tell) => {
  expect(tell().kinds).toEqual([])
})
