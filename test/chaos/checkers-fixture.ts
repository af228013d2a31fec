/** A small valid history, made by hand and easily spoiled. */
import type { Call, Operation, Span } from "../../src/chaos/history/history.ts"

export const part = "t0#abcdef12/0"
let events = 0

export function operation<C extends Call>(call: C, span: Partial<Span> = {}): Operation<C> {
  const invoked = events++
  const returned = events++
  return {
    id: invoked,
    process: "p0",
    invoked,
    returned,
    invokedMs: invoked,
    returnedMs: returned,
    outcome: "ok",
    node: 0,
    connection: 1,
    attempts: 1,
    error: "",
    ...call,
    ...span,
  }
}

export type Mutable<T> = { -readonly [K in keyof T]: T[K] }

export interface Sample {
  appends: Array<Mutable<Operation<Extract<Call, { f: "append" }>>>>
  polls: Array<Mutable<Operation<Extract<Call, { f: "poll" }>>>>
  lists: Array<Mutable<Operation<Extract<Call, { f: "list" }>>>>
  ends: Array<Mutable<Operation<Extract<Call, { f: "epochEnd" }>>>>
  metadata: Array<Mutable<Operation<Extract<Call, { f: "metadata" }>>>>
  drains: Array<Mutable<Operation<Extract<Call, { f: "drain" }>>>>
}

export const all = (parts: Sample): ReadonlyArray<Operation> => [
  ...parts.appends,
  ...parts.polls,
  ...parts.lists,
  ...parts.ends,
  ...parts.metadata,
  ...parts.drains,
]

/** Ten batches of two by one idempotent producer; the first five in epoch 1, the others in 2. */
export function sample(): Sample {
  events = 0
  const appends: Sample["appends"] = []
  const polls: Sample["polls"] = []
  const lists: Sample["lists"] = []
  const records = Array.from(
    { length: 20 },
    (_, i) => [i, `p0.${i}`, i < 10 ? 1 : 2] as readonly [number, string, number],
  )
  for (let i = 0; i < 10; i++) {
    appends.push(
      operation({
        f: "append",
        partition: part,
        values: [`p0.${2 * i}`, `p0.${2 * i + 1}`],
        acks: -1,
        producer: { id: 7, epoch: 0, baseSequence: 2 * i },
        timestampMs: 1000 + i,
        offset: 2 * i,
      }),
    )
    polls.push(
      operation(
        {
          f: "poll",
          partition: part,
          from: 2 * i,
          records: records.slice(2 * i, 2 * i + 2),
          highWatermark: 2 * i + 2,
          logStartOffset: 0,
        },
        { process: "c0" },
      ),
    )
    lists.push(list(-1, 2 * i + 2))
  }
  lists.push(list(-2, 0), list(-3, 18), list(1003, 6), list(5000, -1))
  const ends = [end(1, 10), end(2, 20)]
  const metadata = [seen(0, 1), seen(1, 2), seen(1, 2)]
  const drains = [0, 1, 2].map((node) =>
    operation(
      { f: "drain", partition: part, records, highWatermark: 20, logStartOffset: 0 },
      { process: `drain@${node}`, node },
    ),
  )
  return { appends, polls, lists, ends, metadata, drains }
}

const end = (epoch: number, endOffset: number) =>
  operation(
    { f: "epochEnd", partition: part, epoch, endOffset, endEpoch: epoch },
    { process: "i0" },
  )

const seen = (leader: number, epoch: number) =>
  operation(
    {
      f: "metadata",
      topics: [{ name: "t0", id: "abcdef12", partitions: [{ leader, epoch }] }],
      missing: [],
    },
    { process: "m0" },
  )

const list = (wanted: number, offset: number) =>
  operation(
    { f: "list", partition: part, at: wanted, offset, timestampMs: -1, epoch: 2 },
    { process: "i0" },
  )

export function at<T>(items: ReadonlyArray<T>, index: number): T {
  const item = items[index]
  if (item === undefined) throw new Error(`nothing at ${index}`)
  return item
}
