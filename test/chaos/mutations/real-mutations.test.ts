/** Every way to spoil a valid history of real clients is found, wherever it strikes. */
import { expect, test } from "bun:test"
import { Prng } from "../../../raft/prng.ts"
import { checkHistory } from "../../../src/chaos/checkers/index.ts"
import type { AnomalyKind } from "../../../src/chaos/checkers/index.ts"
import type { Append, Call, Operation, SeenRecord } from "../../../src/chaos/history/history.ts"
import type { Mutable } from "../../../src/chaos/history/history.ts"
import { realHistory, told } from "./real-history.ts"
import type { Changed } from "./real-history.ts"

const seeds = 24

type Of<F extends Call["f"]> = Mutable<Operation<Extract<Call, { readonly f: F }>>>

class Spoiler {
  readonly operations: Changed
  readonly #chance: Prng

  constructor(seed: number) {
    this.operations = realHistory(seed)
    this.#chance = new Prng(seed)
  }

  all<F extends Call["f"]>(f: F): ReadonlyArray<Of<F>> {
    const isIt = (operation: Mutable<Operation>): operation is Of<F> => operation.f === f
    return this.operations.filter(isIt)
  }

  /** Any of them, or a sign that the history has none. */
  one<T>(items: ReadonlyArray<T>): T {
    const item = items[this.#chance.below(Math.max(1, items.length))]
    if (item === undefined) throw new NotHere()
    return item
  }

  /** What every replica must still have. */
  get kept(): ReadonlyArray<SeenRecord> {
    const start = Math.max(...this.all("drain").map(({ logStartOffset }) => logStartOffset))
    return this.one(this.all("drain")).records.filter(([offset]) => offset >= start)
  }

  /** The records of all replicas, or of one. */
  redrain(
    change: (records: ReadonlyArray<SeenRecord>) => ReadonlyArray<SeenRecord>,
    drains: ReadonlyArray<Of<"drain">> = this.all("drain"),
  ): void {
    for (const drain of drains) drain.records = change(drain.records)
  }

  /** An acknowledged append that lies in the kept part of the log. */
  acknowledged(wanted: (append: Append) => boolean = () => true): Of<"append"> {
    const kept = new Map(this.kept.map(([offset, value]) => [value, offset]))
    return this.one(
      this.all("append").filter(
        (append) =>
          append.outcome === "ok" &&
          append.acks === -1 &&
          append.values.every((value) => kept.has(value)) &&
          wanted(append),
      ),
    )
  }
}

class NotHere extends Error {}

const isTold = ({ offset }: Append): boolean => offset >= 0
const isIdempotent = ({ producer }: Append): boolean => producer !== null

type Records = ReadonlyArray<SeenRecord>
const without =
  (value: string) =>
  (records: Records): Records =>
    records.filter(([, other]) => other !== value)
const rename =
  (value: string, name: string) =>
  (records: Records): Records =>
    records.map(([offset, other, epoch]) => [offset, other === value ? name : other, epoch])

const mutations: Readonly<Record<string, (spoiler: Spoiler) => void>> = {
  "drop a record from every replica": (s) => {
    const { values } = s.acknowledged()
    s.redrain(without(values[0] ?? ""))
  },
  "drop a record from one replica": (s) =>
    s.redrain(without(s.one(s.kept)[1]), [s.one(s.all("drain"))]),
  "drop the tail everywhere": (s) => {
    const at = s.one(s.kept)[0]
    s.redrain((records) => records.filter(([offset]) => offset < at))
    for (const drain of s.all("drain")) drain.highWatermark = at
  },
  "swap two records": (s) => {
    const [a, b] = [s.one(s.kept)[1], s.one(s.kept)[1]]
    if (a === b) throw new NotHere()
    s.redrain((records) => rename("swap", b)(rename(b, a)(rename(a, "swap")(records))))
  },
  "swap two records of one replica": (s) => {
    const [a, b] = [s.one(s.kept)[1], s.one(s.kept)[1]]
    if (a === b) throw new NotHere()
    s.redrain(
      (records) => rename("swap", b)(rename(b, a)(rename(a, "swap")(records))),
      [s.one(s.all("drain"))],
    )
  },
  "duplicate a record of an idempotent producer": (s) => {
    const [value = ""] = s.acknowledged(isIdempotent).values
    for (const drain of s.all("drain")) {
      drain.records = [...drain.records, [drain.highWatermark++, value, 99]]
    }
  },
  "change a value everywhere": (s) => s.redrain(rename(s.one(s.kept)[1], "changed")),
  "change a value that was read": (s) => {
    const poll = s.one(s.all("poll").filter(({ records }) => records.length > 0))
    poll.records = rename(s.one(poll.records)[1], "changed")(poll.records)
  },
  // A record that was doubled lies at both offsets.
  "raise the offset of an acknowledgement": (s) =>
    void s.acknowledged((one) => isTold(one) && one.duplicates === undefined).offset++,
  "lower the offset of an acknowledgement": (s) => {
    const append = s.acknowledged(isTold)
    if (append.offset <= Math.max(...s.all("drain").map((one) => one.logStartOffset)))
      throw new NotHere()
    append.offset--
  },
  "raise the offset of what was read": (s) => {
    const poll = s.one(s.all("poll").filter(({ records }) => records.length > 0))
    poll.records = poll.records.map(([offset, value, epoch]) => [offset + 1, value, epoch])
  },
  "leave out the middle of an answer": (s) => {
    const poll = s.one(s.all("poll").filter(({ records }) => records.length > 2))
    poll.records = poll.records.toSpliced(1, 1)
    if (
      (poll.records[0]?.[0] ?? 0) < Math.max(...s.all("drain").map((one) => one.logStartOffset))
    ) {
      throw new NotHere()
    }
  },
  "leave out the beginning of an answer that says where it begins": (s) => {
    const start = Math.max(...s.all("drain").map((one) => one.logStartOffset))
    const poll = s.one(
      s.all("poll").filter(({ records, from }) => records.length > 1 && from >= start),
    )
    poll.records = poll.records.slice(1)
  },
  "leave out an answer of a consumer that goes on": (s) => {
    const start = Math.max(...s.all("drain").map((one) => one.logStartOffset))
    const polls = s
      .all("poll")
      .filter(({ process, records }) => process === "kcat-consumer-0.0" && records.length > 0)
    const left = s.one(polls.slice(1, -1).filter(({ records }) => (records[0]?.[0] ?? 0) >= start))
    s.operations.splice(s.operations.indexOf(left), 1)
  },
  "repeat an answer of a consumer that goes on": (s) => {
    const polls = s
      .all("poll")
      .filter(({ process, records }) => process === "kcat-consumer-0.0" && records.length > 0)
    const again = s.one(polls.slice(0, -1))
    const last = polls.at(-1)
    if (last === undefined) throw new NotHere()
    const atMs = last.returnedMs + 1
    s.operations.push({ ...again, id: 9999, invokedMs: atMs, returnedMs: atMs + 1 })
  },
  "turn an answer round": (s) => {
    const poll = s.one(s.all("poll").filter(({ records }) => records.length > 1))
    poll.records = poll.records.toReversed()
  },
  "say of a write that is there that it failed": (s) => {
    s.acknowledged().outcome = "fail"
  },
  "say of a write that failed that it is there": (s) => {
    const drained = Math.max(...s.all("drain").map(({ logStartOffset }) => logStartOffset))
    const failed = s.all("append").filter(({ outcome, acks }) => outcome === "fail" && acks === -1)
    const append = s.one(failed)
    append.outcome = "ok"
    if (drained > 0) append.offset = drained
  },
  "forget a write": (s) => {
    const append = s.acknowledged()
    s.operations.splice(s.operations.indexOf(append), 1)
  },
  "move a write behind its first reader": (s) => {
    const [value] = s.acknowledged().values
    const reads = s
      .all("poll")
      .filter(({ records }) => records.some(([, other]) => other === value))
    const returnedMs = Math.min(...reads.map((read) => read.returnedMs))
    if (returnedMs === Infinity) throw new NotHere()
    const append = s.one(s.all("append").filter(({ values }) => values[0] === value))
    append.invokedMs = returnedMs + 1
    append.returnedMs = returnedMs + 2
  },
  "move a write behind one that lies behind it": (s) => {
    const append = s.acknowledged(isTold)
    const later = s.acknowledged((other) => isTold(other) && other.offset > append.offset + 2)
    append.invokedMs = later.returnedMs + 1
    append.returnedMs = later.returnedMs + 2
  },
  "lower a high watermark below what came with it": (s) => {
    const poll = s.one(
      s.all("poll").filter(({ records, highWatermark }) => records.length > 0 && highWatermark > 0),
    )
    poll.highWatermark = poll.records.at(-1)?.[0] ?? 0
  },
  "raise a high watermark above all that was ever sent": (s) => {
    const poll = s.one(s.all("poll").filter(({ highWatermark }) => highWatermark > 0))
    poll.highWatermark += 100
  },
  "raise the latest offset above all that was ever sent": (s) =>
    void (s.one(s.all("list")).offset += 100),
  "lower the latest offset": (s) => {
    const list = s.one(s.all("list").filter(({ offset }) => offset > 0))
    const known = s.all("append").filter((append) => {
      const isBefore = append.returnedMs < list.invokedMs
      return append.outcome === "ok" && append.acks === -1 && isTold(append) && isBefore
    })
    const end = Math.max(-1, ...known.map(({ offset, values }) => offset + values.length))
    if (end <= 0) throw new NotHere()
    list.offset = end - 1
  },
  "let the epochs of a dump fall": (s) => {
    const drain = s.one(s.all("drain").filter(({ records }) => records.length > 1))
    drain.records = drain.records.map(([offset, value, epoch], i) => [
      offset,
      value,
      i === 0 ? 1000 : epoch,
    ])
  },
  "let a group be told an offset that nobody committed": (s) =>
    void s.one(s.all("committed").filter(({ offset }) => offset >= 0)).offset++,
  "let a group be told an older commit": (s) => {
    const read = s.one(s.all("committed").filter(({ offset }) => offset >= 0))
    const older = s
      .all("commit")
      .filter(({ tag, returnedMs }) => tag !== read.tag && returnedMs < read.invokedMs)
    const { offset, tag } = s.one(older)
    Object.assign(read, { offset, tag })
  },
  "let a group be told that it has committed nothing": (s) =>
    void Object.assign(s.one(s.all("committed").filter(({ offset }) => offset >= 0)), {
      offset: -1,
      tag: "",
    }),
  "commit past what was read": (s) => {
    const last = s.all("commit").toSorted((a, b) => b.offset - a.offset)[0]
    const end = s.one(s.all("drain")).highWatermark
    if (last === undefined || last.offset >= end) throw new NotHere()
    s.operations.push({ ...last, id: 9999, offset: end, tag: "past" })
  },
}

test("the histories are valid", () => {
  for (let seed = 0; seed < 4 * seeds; seed++) {
    const { anomalies } = checkHistory(told(realHistory(seed)))
    expect({ seed, anomalies }).toEqual({ seed, anomalies: [] })
  }
})

function kindsOf(what: string, seed: number): ReadonlySet<AnomalyKind> | undefined {
  const spoiler = new Spoiler(seed)
  try {
    mutations[what]?.(spoiler)
  } catch (error) {
    if (error instanceof NotHere) return undefined
    throw error
  }
  return new Set(checkHistory(told(spoiler.operations)).counts.keys())
}

test.each(Object.keys(mutations))("%s", (what) => {
  let spoiled = 0
  const missed: Array<number> = []
  for (let seed = 0; seed < seeds; seed++) {
    const kinds = kindsOf(what, seed)
    if (kinds === undefined) continue
    spoiled++
    if (kinds.size === 0) missed.push(seed)
  }
  expect(missed).toEqual([])
  expect(spoiled).toBeGreaterThan(seeds / 6)
})
