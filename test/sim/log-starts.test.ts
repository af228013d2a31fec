/** What is checked where logs lose their fronts: each rule can fail. */
import { describe, expect, test } from "bun:test"
import { sealEntry } from "../../raft/entry.ts"
import type { Entry } from "../../raft/types.ts"
import { encodeControlEntry, type LogStartReason } from "../../src/partition/control-entry.ts"
import { checkHistory } from "../../src/chaos/checkers/index.ts"
import type { Operation, RemoveCall } from "../../src/chaos/history/history.ts"
import { LogStartRules } from "../../src/sim/invariants/log-start-rules.ts"
import { all, at, sample } from "../chaos/checkers-fixture.ts"
import type { Sample } from "../chaos/checkers-fixture.ts"

/** As if it had been asked for before everything else. */
const removed = (offset: number, lowWatermark: number): Operation<RemoveCall> => ({
  ...at(sample().polls, 0),
  f: "remove",
  id: 1_000,
  process: "d0",
  invoked: -2,
  returned: -1,
  offset,
  lowWatermark,
})
const kinds = (history: Sample, ...removes: ReadonlyArray<Operation>) => [
  ...checkHistory([...all(history), ...removes]).counts.keys(),
]
/** The log begins at that offset, and everybody says so. */
const from = (offset: number): Sample => {
  const history = sample()
  for (const drain of history.drains) {
    drain.records = drain.records.filter(([place]) => place >= offset)
    drain.logStartOffset = offset
  }
  for (const list of history.lists) if (list.at === -2) list.offset = offset
  return history
}

describe("what clients saw", () => {
  test("a log that begins inside a batch is whole", () => {
    expect(kinds(from(3), removed(3, 3))).toEqual([])
  })

  test("the earliest offset is below what had been deleted before", () => {
    expect(kinds(from(3), removed(5, 5))).toEqual(["stale-offsets"])
  })

  test("less is deleted than was asked for", () => {
    expect(kinds(from(3), removed(3, 2))).toEqual(["stale-offsets"])
  })

  test("a batch is torn behind the start of the log", () => {
    const history = from(3)
    for (const drain of history.drains) {
      drain.records = drain.records.filter(([place]) => place !== 5)
    }
    expect(kinds(history, removed(3, 3))).toContain("torn-batch")
  })
})

const configs = new Map([
  ["retention.ms", "100"],
  ["retention.bytes", "250"],
])

class Log {
  readonly rules = new LogStartRules(() => configs)
  #index = 0
  #lastOffset = -1

  #entry(appendMs: number, records: number, maxTimestamp: number, payload: Uint8Array): Entry {
    const firstOffset = this.#lastOffset + 1
    this.#lastOffset += records
    const producer = { producerId: -1, producerEpoch: -1, baseSequence: -1 }
    const offsets = { firstOffset, lastOffset: this.#lastOffset, maxTimestamp }
    const proposal = { ...producer, ...offsets, appendMs, payload }
    return sealEntry("data", 1, ++this.#index, appendMs, proposal)
  }

  batch(timestamp: number, bytes: number): void {
    const entry = this.#entry(timestamp, 2, timestamp, new Uint8Array(bytes))
    expect(this.rules.apply(entry)).toBeUndefined()
  }

  move(nowMs: number, offset: number, why: LogStartReason): string | undefined {
    const payload = encodeControlEntry({ _tag: "LogStartMoved", offset, why })
    return this.rules.apply(this.#entry(nowMs, 0, -1, payload))
  }
}

const filled = (): Log => {
  const log = new Log()
  for (const timestamp of [10, 20, 30, 40]) log.batch(timestamp, 100)
  return log
}

describe("what is committed", () => {
  test("what is due by time or size may go, and no batch more", () => {
    expect(filled().move(131, 6, "retention.ms")).toBeUndefined()
    expect(filled().move(111, 2, "retention.ms")).toBeUndefined()
    expect(filled().move(50, 2, "retention.bytes")).toBeUndefined()
    expect(filled().move(50, 4, "retention.bytes")).toContain("3 is to stay")
    expect(filled().move(139, 8, "retention.ms")).toContain("7 is to stay")
  })

  test("a client may have anything deleted that is committed", () => {
    const log = filled()
    expect(log.move(50, 7, "deleteRecords")).toBeUndefined()
    expect(log.rules.start).toBe(7)
    expect(log.move(50, 9, "deleteRecords")).toContain("the log ends at 8")
  })
})
