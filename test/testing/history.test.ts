import { describe, expect, test } from "bun:test"
import { expectValid, HistoryNotValid, placesIn, TestHistory } from "../../src/testing/index.ts"
import type { Place, Promises, TestAnomalyKind } from "../../src/testing/index.ts"

/** What readers may do wrong, each seen by its name; and what is no fault of theirs. */

const topic = "orders"

/** Acknowledged at partition 0, one after the other, from the offset on. */
async function sendAll(
  history: TestHistory,
  values: ReadonlyArray<string>,
  options: { readonly key?: string; readonly from?: number } = {},
): Promise<void> {
  const { from = 0, key } = options
  for (const [n, value] of values.entries()) {
    const record = { topic, partition: 0, value, ...(key === undefined ? {} : { key }) }
    await history.sent("producer", record, () => Promise.resolve({ offset: from + n }))
  }
}

const read = (offset: number, value: string, key?: string) => ({
  topic,
  partition: 0,
  offset,
  value,
  ...(key === undefined ? {} : { key }),
})

const billing = { group: "billing" }

const kindsOf = (history: TestHistory, promises: Promises): ReadonlyArray<TestAnomalyKind> =>
  history.check(promises).kinds

const commit = (history: TestHistory, offset: number | string): Promise<unknown> =>
  history.committed("billing-1", { ...billing, topic, partition: 0, offset }, () =>
    Promise.resolve(),
  )

describe("what readers have done", () => {
  test("all of it, once, in order: nothing is found", async () => {
    const history = new TestHistory()
    await sendAll(history, ["a", "b", "c"], { key: "k" })
    for (const [offset, value] of ["a", "b", "c"].entries()) {
      history.processed("billing-1", read(offset, value, "k"), billing)
      await commit(history, offset + 1)
    }
    const promises = {
      atLeastOnce: true,
      exactlyOnceEffect: true,
      orderByKey: true,
      orderByPartition: true,
      commitAfterProcessing: true,
    }
    const verdict = history.check(promises)
    expect(verdict.anomalies).toEqual([])
    expect(verdict).toMatchObject({ acknowledged: 3, processed: 3 })
  })

  test("acknowledged, and never processed", async () => {
    const history = new TestHistory()
    await sendAll(history, ["a", "b", "c"])
    history.processed("billing-1", read(0, "a"), billing)
    await commit(history, "3")
    const verdict = history.check({ atLeastOnce: true })
    expect(verdict.verdict).toBe("INVALID")
    expect(verdict.anomalies.map(({ kind, detail }) => [kind, detail])).toEqual([
      ["never-processed", "b at 1 was never processed by billing, which has committed 3"],
      ["never-processed", "c at 2 was never processed by billing, which has committed 3"],
    ])
    // Nobody had promised it.
    expect(kindsOf(history, {})).toEqual([])
  })

  test("nobody has processed anything at all", async () => {
    const history = new TestHistory()
    await sendAll(history, ["a"])
    expect(kindsOf(history, { atLeastOnce: true })).toEqual(["never-processed"])
    expect(kindsOf(history, { atLeastOnce: true, readers: {} })).toEqual([])
    const named = { atLeastOnce: true, readers: { billing: [topic] } }
    expect(kindsOf(history, named)).toEqual(["never-processed"])
    expect(kindsOf(history, { ...named, readers: { billing: ["other"] } })).toEqual([])
  })

  test("every reader is to process everything", async () => {
    const history = new TestHistory()
    await sendAll(history, ["a"])
    history.processed("billing-1", read(0, "a"), billing)
    history.processed("mailer", read(0, "a"))
    expect(kindsOf(history, { atLeastOnce: true, exactlyOnceEffect: true })).toEqual([])
    await sendAll(history, ["b"], { from: 1 })
    history.processed("mailer", read(1, "b"))
    const [found] = history.check({ atLeastOnce: true }).anomalies
    expect(found?.detail).toBe("b at 1 was never processed by billing")
  })

  test("processed twice, by two members of a group or from two places in the log", async () => {
    const history = new TestHistory()
    await sendAll(history, ["a", "b", "b"])
    history.processed("billing-1", read(0, "a"), billing)
    history.processed("billing-2", read(0, "a"), billing)
    history.processed("billing-1", read(1, "b"), billing)
    history.processed("billing-1", read(2, "b"), billing)
    const verdict = history.check({ exactlyOnceEffect: true })
    expect(verdict.anomalies.map(({ detail }) => detail)).toEqual([
      "a at 0 was processed 2 times by billing",
      "b at 1, 2 was processed 2 times by billing",
    ])
    expect(kindsOf(history, { atLeastOnce: true, orderByPartition: true })).toEqual([])
  })

  test("out of order of the partition, or of the key alone", async () => {
    const history = new TestHistory()
    await sendAll(history, ["a"], { key: "x" })
    await sendAll(history, ["b"], { key: "y", from: 1 })
    await sendAll(history, ["c"], { key: "y", from: 2 })
    history.processed("r", read(1, "b", "y"))
    history.processed("r", read(0, "a", "x"))
    history.processed("r", read(2, "c", "y"))
    expect(kindsOf(history, { orderByPartition: true })).toEqual(["processed-out-of-order"])
    expect(kindsOf(history, { orderByKey: true })).toEqual([])
    await sendAll(history, ["d", "e"], { key: "x", from: 3 })
    history.processed("r", read(4, "e", "x"))
    history.processed("r", read(3, "d", "x"))
    const [found] = history.check({ orderByKey: true }).anomalies
    expect(found?.detail).toBe("r did e at 4 before d at 3 of key x")
  })

  test("what is done again after a crash is no disorder", async () => {
    const history = new TestHistory()
    await sendAll(history, ["a", "b", "c"])
    for (const [offset, value] of [
      [0, "a"],
      [1, "b"],
      [0, "a"],
      [1, "b"],
      [2, "c"],
    ] as const) {
      history.processed("r", read(offset, value))
    }
    expect(kindsOf(history, { atLeastOnce: true, orderByPartition: true })).toEqual([])
  })

  test("processed without having been sent, or before, or though it was refused", async () => {
    const history = new TestHistory()
    history.processed("r", read(0, "a"))
    expect(kindsOf(history, {})).toEqual(["processed-unwritten"])
    await sendAll(history, ["a"])
    expect(kindsOf(history, {})).toEqual(["processed-unwritten"])

    const refused = new TestHistory()
    const sending = refused.sent(
      "producer",
      { topic, value: "z" },
      () => Promise.reject(new Error("too large")),
      { definite: () => true },
    )
    expect(await sending.catch(String)).toBe("Error: too large")
    refused.processed("r", read(0, "z"))
    expect(kindsOf(refused, {})).toEqual(["processed-aborted"])
  })

  test("an error that says nothing leaves all open: lost or there, both are well", async () => {
    const history = new TestHistory()
    const late = Promise.reject(new Error("timed out"))
    await history.sent("producer", { topic, value: "a" }, () => late).catch(() => undefined)
    expect(kindsOf(history, { atLeastOnce: true })).toEqual([])
    history.processed("r", read(0, "a"))
    expect(kindsOf(history, { atLeastOnce: true })).toEqual([])
  })

  test("committed before it was processed, though nobody crashed", async () => {
    const history = new TestHistory()
    await sendAll(history, ["a", "b", "c"])
    await commit(history, 2)
    for (const [offset, value] of ["a", "b", "c"].entries()) {
      history.processed("billing-1", read(offset, value), billing)
    }
    await commit(history, 3)
    expect(kindsOf(history, { atLeastOnce: true })).toEqual([])
    const verdict = history.check({ atLeastOnce: true, commitAfterProcessing: true })
    expect(verdict.anomalies.map(({ kind, detail }) => [kind, detail])).toEqual([
      [
        "committed-before-processed",
        "billing committed 2 before it had processed a at 0 and 1 more",
      ],
    ])
  })
})

describe("what consumers were given", () => {
  test("a reader without a group is given all, in order", async () => {
    const history = new TestHistory()
    await sendAll(history, ["a", "b", "c"])
    history.received("r", read(0, "a"))
    history.received("r", [read(2, "c")])
    expect(kindsOf(history, {})).toContain("poll-skip")
    const other = new TestHistory()
    await sendAll(other, ["a", "b", "c"])
    other.received("r", [read(0, "a"), read(1, "b"), read(2, "c")])
    expect(kindsOf(other, {})).toEqual([])
  })

  test("two values at one offset, and a value that nobody wrote", async () => {
    const history = new TestHistory()
    await sendAll(history, ["a"])
    history.received("r", read(0, "b"))
    expect(history.check().kinds.toSorted()).toEqual(["inconsistent-offsets", "unwritten-value"])
  })

  test("a group has committed past what none of its members was given", async () => {
    const history = new TestHistory()
    await sendAll(history, ["a", "b"])
    await commit(history, 2)
    // Where nothing is recorded of what was given, nothing follows.
    expect(kindsOf(history, {})).toEqual([])
  })
})

describe("verdicts", () => {
  test("nothing acknowledged, nothing read back: inconclusive, which is not valid", async () => {
    const history = new TestHistory()
    expect(history.check()).toMatchObject({
      verdict: "INCONCLUSIVE",
      gaps: ["no record was acknowledged by all replicas"],
    })
    await sendAll(history, ["a"])
    const verdict = history.check()
    expect(verdict.gaps).toEqual([
      "orders/0: not read back; call history.drain(cluster) before the check",
    ])
    expect(() => expectValid(verdict)).toThrow(HistoryNotValid)
  })

  test("what it says can be read", async () => {
    const history = new TestHistory()
    await sendAll(history, ["a", "b", "c", "d", "e"])
    history.processed("billing-1", read(0, "a"), billing)
    const said = String(history.check({ atLeastOnce: true })).replaceAll(/ +\d+\.\d ms/g, " T")
    expect(said).toBe(
      [
        "INVALID: 5 records acknowledged, 1 processed, 0 partitions read back",
        "",
        "  never-processed (4): A record lies in the log, and a reader has never done what was to be done with it.",
        "  For whoever waits for its effect it is lost, although the log holds it.",
        "    orders/0: b at 1 was never processed by billing",
        " T  producer: append b (acks=all) → acknowledged at 1",
        "    orders/0: c at 2 was never processed by billing",
        " T  producer: append c (acks=all) → acknowledged at 2",
        "    orders/0: d at 3 was never processed by billing",
        " T  producer: append d (acks=all) → acknowledged at 3",
        "    and 1 more",
        "  orders/0: not read back; call history.drain(cluster) before the check",
      ].join("\n"),
    )
  })

  test("the history as lines of JSON", async () => {
    const history = new TestHistory()
    await sendAll(history, ["a"])
    history.processed("r", read(0, "a"))
    const lines = [...history.lines()].map((line) => JSON.parse(line))
    expect(lines.map(({ type, call }) => [type, call.f])).toEqual([
      ["invoke", "append"],
      ["ok", "append"],
      ["invoke", "process"],
      ["ok", "process"],
    ])
  })

  test("waits until everything is processed, but not for ever", async () => {
    const history = new TestHistory()
    await sendAll(history, ["a", "b"])
    history.processed("billing-1", read(0, "a"), billing)
    expect(await history.settled({ timeoutMs: 20 })).toBe(false)
    const settled = history.settled()
    history.processed("billing-1", read(1, "b"), billing)
    expect(await settled).toBe(true)
    expect(await history.settled({ timeoutMs: 0, reader: "mailer" })).toBe(false)
  })

  test("records are told apart as the test says", async () => {
    const history = new TestHistory({ identify: ({ value }) => String(JSON.parse(value).id) })
    const value = JSON.stringify({ id: 7, cents: 100 })
    await history.sent("p", { topic, partition: 0, value }, () => Promise.resolve({ offset: 0 }))
    history.processed("r", read(0, JSON.stringify({ cents: 100, id: 7 })))
    expect(kindsOf(history, { atLeastOnce: true })).toEqual([])
  })
})

describe("where records lie, as libraries tell it", () => {
  const ofLibraries: ReadonlyArray<readonly [string, unknown, ReadonlyArray<Place>]> = [
    ["varve's receipt", { partition: 2, offset: 9 }, [{ partition: 2, offset: 9 }]],
    ["varve's batch", { baseOffset: 9, logAppendTimeMs: -1 }, [{ partition: -1, offset: 9 }]],
    [
      "kafkajs",
      [{ topicName: "t", partition: 1, errorCode: 0, baseOffset: "12" }],
      [{ topic: "t", partition: 1, offset: "12" }],
    ],
    [
      "@platformatic/kafka",
      { offsets: [{ topic: "t", partition: 0, offset: 5n }] },
      [{ topic: "t", partition: 0, offset: 5n }],
    ],
    ["nothing to go by", undefined, []],
    ["something else", "ok", []],
  ]
  for (const [name, answer, places] of ofLibraries) {
    test(name, () => expect(placesIn(answer)).toEqual([...places]))
  }

  test("several records of one call follow each other in their partition", async () => {
    const history = new TestHistory()
    const records = ["a", "b", "c"].map((value) => ({ topic, partition: 0, value }))
    const other = { topic, partition: 1, value: "d" }
    await history.sent("p", [...records.slice(0, 2), other, ...records.slice(2)], () =>
      Promise.resolve([
        { topicName: topic, partition: 0, baseOffset: "10" },
        { topicName: topic, partition: 1, baseOffset: "3" },
      ]),
    )
    const told = history.operations.map((one) => (one.f === "append" ? one.offset : undefined))
    expect(told).toEqual([10, 11, 3, 12])
  })

  test("without keys or partitions told, only the topic is known", async () => {
    const history = new TestHistory()
    const records = ["a", "b"].map((value) => ({ topic, value }))
    await history.sent("p", records, () =>
      Promise.resolve([
        { partition: 0, baseOffset: "0" },
        { partition: 1, baseOffset: "0" },
      ]),
    )
    const told = history.operations.map((one) => (one.f === "append" ? one.partition : ""))
    expect(told).toEqual(["orders/-1", "orders/-1"])
  })
})
