/** What a recorder writes is what it holds, in the order that times make. */
import { afterEach, beforeEach, expect, test } from "bun:test"
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { checkFile } from "../../../src/chaos/check-file.ts"
import { createRecorder } from "../../../src/chaos/history/file-recorder.ts"
import type { Append, Call, Poll } from "../../../src/chaos/history/history.ts"
import { BrokenHistory } from "../../../src/chaos/history/lines.ts"
import { readHistory } from "../../../src/chaos/history/read-history.ts"
import { ordered } from "../../../src/chaos/history/time-order.ts"

let folder = ""
let path = ""
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "varve-recorder-"))
  path = join(folder, "history.jsonl")
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const partition = "t#0123abcd/0"
const append = (value: string): Append => ({
  f: "append",
  partition,
  values: [value],
  acks: -1,
  producer: null,
  timestampMs: 5,
  offset: -1,
})
const poll: Poll = {
  f: "poll",
  partition,
  from: 0,
  records: [],
  highWatermark: -1,
  logStartOffset: -1,
}

function setUp(operationsMax?: number) {
  const clock = { ms: 0, nowMs: () => clock.ms }
  const recorder = createRecorder({ clock, path, ...(operationsMax && { operationsMax }) })
  return { clock, recorder }
}

test("the file says what memory says", async () => {
  const { clock, recorder } = setUp()
  clock.ms = 0.125
  const first = recorder.begin("raw-producer-0.0", append("a"))
  const pending = recorder.begin("raw-producer-1.0", append("never told"))
  clock.ms = 7.3000004
  first.end({ outcome: "ok", node: 1, connection: 4, attempts: 2 }, { offset: 3 })
  const read = recorder.begin("kcat-consumer-0.0", poll)
  read.end({ outcome: "info", error: "timed out" })
  expect(recorder.size).toBe(3)
  await recorder.close()
  // What is told too late is not part of the history, and hurts nobody.
  pending.end({ outcome: "ok" })
  const { operations, tornTail } = await readHistory(path)
  expect(tornTail).toBe(false)
  expect(operations).toEqual(recorder.operations())
  expect(operations).toMatchObject([
    { outcome: "ok", node: 1, attempts: 2, offset: 3, invokedMs: 0.125 },
    { outcome: "pending", returned: Infinity },
    { outcome: "info", error: "timed out", node: -1 },
  ])
  expect(operations[0]?.returnedMs).toBeGreaterThanOrEqual(7.3000004)
})

test("times make the order, whenever they were told; what touches is concurrent", async () => {
  const { recorder } = setUp()
  const late = recorder.begin("a", append("late"), 30)
  recorder.begin("b", append("early"), 10).end({ outcome: "ok" }, {}, 20)
  recorder.begin("c", append("touches"), 20).end({ outcome: "ok" }, {}, 25)
  late.end({ outcome: "ok" }, {}, 40)
  await recorder.close()
  const [inMemory, fromFile] = [recorder.operations(), (await readHistory(path)).operations]
  expect(fromFile).toEqual(inMemory)
  // early begins, touches begins, early returns, touches returns, late begins, late returns
  expect(inMemory.map(({ invoked, returned }) => [invoked, returned])).toEqual([
    [4, 5],
    [0, 2],
    [1, 3],
  ])
  expect(ordered(inMemory.toReversed())).toEqual(inMemory.toReversed())
})

test("an operation ends once, and no more begin than may", async () => {
  const { recorder } = setUp(1)
  const only = recorder.begin("a", append("a"))
  expect(() => recorder.begin("a", append("b"))).toThrow("a history of 1 operations is full")
  only.end({ outcome: "ok" })
  expect(() => only.end({ outcome: "ok" })).toThrow("operation 0 returned twice")
  await recorder.close()
  expect(() => recorder.begin("a", append("c"))).toThrow("closed")
  await recorder.close()
})

test("it says when a quarter is left", async () => {
  const { recorder } = setUp(4)
  const fullness = Array.from({ length: 4 }, () => {
    recorder.begin("a", append("a"))
    return recorder.isNearlyFull
  })
  expect(fullness).toEqual([false, false, true, true])
  await recorder.close()
})

test("records that are read again and again are one in memory", async () => {
  const { recorder } = setUp()
  for (let i = 0; i < 3; i++) {
    recorder.begin("c", poll).end({ outcome: "ok" }, { records: [[0, "a", 1]] })
  }
  recorder.begin("c", poll).end({ outcome: "ok" }, { records: [[0, "a", -1]] })
  await recorder.close()
  for (const operations of [recorder.operations(), (await readHistory(path)).operations]) {
    const records = operations.flatMap((one) => (one.f === "poll" ? one.records : []))
    expect(records[0]).toBe(records[2])
    expect(records[3]).toEqual([0, "a", -1])
  }
})

const written = async (): Promise<void> => {
  const { recorder } = setUp()
  recorder.begin("p", append("ä")).end({ outcome: "ok" }, { offset: 0 })
  await recorder.close()
}

test("a last line that is not whole is left out, and said", async () => {
  await written()
  appendFileSync(path, '{"t":99,"p":"p","type":"inv')
  expect(await readHistory(path)).toMatchObject({ tornTail: true, operations: [{ id: 0 }] })
  expect((await checkFile(path)).text).toContain("The last line is not whole, and was left out.")
})

const invoke = (fields: object): string =>
  JSON.stringify({ t: 1, p: "p", type: "invoke", op: 9, call: append("x"), ...fields })

const broken: Readonly<Record<string, readonly [lines: ReadonlyArray<string>, why: string]>> = {
  "no JSON": [["{", invoke({})], "line 3: no JSON: {"],
  "something else": [["[]"], "line 3: t, p, type, op or call is missing or wrong"],
  "an unknown type": [[invoke({ type: "done" })], "line 3: t, p, type, op or call"],
  "a call that nobody knows": [[invoke({ call: { f: "fly" } })], "line 3: no call fly is known"],
  "a field that is missing": [
    [invoke({ call: { f: "append", partition: "t/0" } })],
    "line 3: append: values is missing or wrong",
  ],
  "records that are none": [
    [invoke({ call: { ...poll, records: [[1, 2, 3]] } })],
    "line 3: poll: records is missing or wrong",
  ],
  "an answer to nothing": [[invoke({ type: "ok" })], "line 3: operation 9 was never invoked"],
  "two beginnings": [[invoke({}), invoke({})], "line 4: operation 9 begins twice"],
  "two ends": [
    [invoke({}), invoke({ type: "ok", call: {} }), invoke({ type: "ok", call: {} })],
    "line 5: operation 9 returned twice",
  ],
  "an answer of another kind": [
    [invoke({}), invoke({ type: "ok", call: { f: "poll" } })],
    "line 4: it answers append with poll",
  ],
  "an answer before its question": [
    [invoke({}), invoke({ type: "ok", t: 0, call: {} })],
    "line 4: operation 9 returned before it was invoked",
  ],
  "places in some lines alone": [[invoke({ i: 4 })], "line 3: some lines have a place (i)"],
}

test.each(Object.entries(broken))("a broken file: %s", async (_, [lines, why]) => {
  await written()
  appendFileSync(path, lines.map((line) => `${line}\n`).join(""))
  const error: unknown = await readHistory(path).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(BrokenHistory)
  expect(String(error)).toContain(`${path}: ${why}`)
  expect(String(error)).not.toContain("\n")
})

test("lines longer than what is read at once, and characters that are cut by it", async () => {
  const values = Array.from({ length: 70_000 }, (_, i) => `ä${"ö".repeat(20)}${i}`)
  const call: Call = { ...append(""), values }
  writeFileSync(path, `${invoke({ call })}\n${invoke({ type: "ok", call: { offset: 1 } })}`)
  expect(readFileSync(path).length).toBeGreaterThan(3_000_000)
  expect((await readHistory(path)).operations).toMatchObject([{ outcome: "ok", values }])
})

test("the verdict on a file, for people", async () => {
  await written()
  expect(await checkFile(path)).toMatchObject({
    verdict: "INCONCLUSIVE",
    text: expect.stringContaining(
      `Not drained, so that nothing shows what was kept: ${partition}.`,
    ),
  })
  const { recorder } = setUp()
  recorder.begin("p", append("a")).end({ outcome: "ok", node: 2 }, { offset: 0 })
  const drain = {
    f: "drain",
    partition,
    records: [],
    highWatermark: -1,
    logStartOffset: -1,
  } as const
  recorder
    .begin("harness-drain-0", drain)
    .end({ outcome: "ok", node: 0 }, { highWatermark: 0, logStartOffset: 0 })
  await recorder.close()
  const { verdict, text } = await checkFile(path)
  expect(verdict).toBe("INVALID")
  expect(text).toBe(
    [
      "INVALID: 1 anomaly in 2 operations",
      "  lost-write, once: A write was acknowledged with acks=all, and is gone at the end. This is data loss: the producer has been promised that the record is kept.",
      `    ${partition}: a, acknowledged at 0 by broker 2, is lost (postfix); the log is 0 to 0, missing on 0 (operations 0, 1)`,
      `lost in ${partition}: 0 before, 0 between and 1 behind what is left`,
      "It rests on 1 acknowledged appends, 0 records read and 1 partitions drained.",
      "",
    ].join("\n"),
  )
})

test("a file that cannot be written is told at the next operation, and at the end", async () => {
  if (!existsSync("/dev/full")) return
  const recorder = createRecorder({ clock: { nowMs: () => 1 }, path: "/dev/full" })
  recorder.begin("p", append("x".repeat(2_000_000)))
  expect(() => recorder.begin("p", append("y"))).toThrow("/dev/full cannot be written: ENOSPC")
  expect(await recorder.close().catch((error: unknown) => String(error))).toContain("ENOSPC")
})

test("what has begun is in the file soon, before anything ends", async () => {
  const { recorder } = setUp()
  recorder.begin("p", append("a"))
  while (readFileSync(path).length === 0) await Bun.sleep(10)
  expect((await readHistory(path)).operations).toMatchObject([{ outcome: "pending" }])
  await recorder.close()
})
