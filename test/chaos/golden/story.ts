/** A short history of real clients, told line by line, read like every file of its kind. */
import { checkHistory } from "../../../src/chaos/checkers/index.ts"
import type { AnomalyKind } from "../../../src/chaos/checkers/index.ts"
import type {
  Append,
  Call,
  Drain,
  Operation,
  Poll,
  SeenRecord,
  Told,
} from "../../../src/chaos/history/history.ts"
import { invokeText, parseHistory, returnText } from "../../../src/chaos/history/lines.ts"

export const x = "t#0123abcd/0"
export const y = "t#0123abcd/1"

/** Offset → "value" or "value@epoch"; the epoch is 1 where it is not said. */
export type Log = Readonly<Record<number, string>>

const recordsOf = (log: Log): ReadonlyArray<SeenRecord> =>
  Object.entries(log).map(([offset, text]) => {
    const [value = "", epoch = "1"] = text.split("@")
    return [Number(offset), value, Number(epoch)]
  })

export interface How {
  /** Of the operation, in milliseconds; without it, one after the other. */
  readonly at?: readonly [invoked: number, returned: number]
  readonly process?: string
  readonly told?: Partial<Told>
}

type Given<C> = Partial<Omit<C, "f">> & How

export class Story {
  readonly lines: Array<string> = []
  #nowMs = 0
  #operations = 0
  #sequence = 0

  op(process: string, call: Call, result: Partial<Call>, how: How = {}): this {
    const [invoked, returned] = how.at ?? [this.#nowMs + 1, this.#nowMs + 2]
    this.#nowMs = Math.max(this.#nowMs, invoked, returned === Infinity ? 0 : returned)
    const op = this.#operations++
    this.lines.push(`{${invokeText(op, process, invoked, call)}`)
    const told: Told = {
      outcome: "ok",
      node: 0,
      connection: 1,
      attempts: 1,
      error: "",
      ...how.told,
    }
    if (returned !== Infinity)
      this.lines.push(`{${returnText(op, process, returned, told, result)}`)
    return this
  }

  /** `offset` −1: it is not told. Idempotent, of one producer, unless the call says otherwise. */
  send(values: string, offset: number, given: Given<Append> = {}): this {
    const { at, process = "raw-producer-0.0", told, ...fields } = given
    const list = values.split(" ")
    const call: Append = {
      f: "append",
      partition: x,
      values: list,
      acks: -1,
      producer: { id: 7, epoch: 0, baseSequence: this.#sequence },
      timestampMs: 1000 + this.#operations,
      offset: -1,
      ...fields,
    }
    this.#sequence += list.length
    return this.op(process, call, { offset }, { ...(at && { at }), ...(told && { told }) })
  }

  /** The outcome is not known. */
  maybe(values: string, given: Given<Append> = {}): this {
    return this.send(values, -1, { told: { outcome: "info", error: "timed out" }, ...given })
  }

  /** A batch that is refused for its sequence number, while those behind it are written. */
  refused(values: string, behind: ReadonlyArray<readonly [string, number]>): this {
    const begunMs = this.#nowMs + 1
    const at = [begunMs, begunMs + 50] as const
    this.maybe(values, { at, told: { outcome: "info", error: "OUT_OF_ORDER_SEQUENCE_NUMBER" } })
    behind.forEach(([value, offset], i) => this.send(value, offset, { at: [at[0] + i, at[1] - 1] }))
    return this
  }

  /** By a client that says nothing but what it was given, unless the call says otherwise. */
  read(log: Log, given: Given<Poll> = {}): this {
    const { at, process = "kcat-consumer-0.0", told, partition = x, from = -1, ...fields } = given
    const asked = { f: "poll", partition, from, highWatermark: -1, logStartOffset: -1 } as const
    const result = { records: recordsOf(log), ...fields }
    const { group } = fields
    const call: Poll = { ...asked, ...(group !== undefined && { group }), records: [] }
    return this.op(process, call, result, { ...(at && { at }), ...(told && { told }) })
  }

  /** Every replica holds this, to one past the last offset. */
  drain(log: Log, given: Partial<Drain> = {}): this {
    for (const node of [0, 1, 2]) this.drainOf(node, log, given)
    return this
  }

  drainOf(node: number, log: Log, given: Partial<Drain> = {}): this {
    const records = recordsOf(log)
    const { partition = x, compacted } = given
    const call: Drain = {
      f: "drain",
      partition,
      records: [],
      highWatermark: -1,
      logStartOffset: -1,
      ...(compacted !== undefined && { compacted }),
    }
    const result = {
      records,
      highWatermark: (records.at(-1)?.[0] ?? -1) + 1,
      logStartOffset: records[0]?.[0] ?? 0,
      ...given,
    }
    return this.op(`harness-drain-${node}`, call, result, { told: { node } })
  }

  get operations(): ReadonlyArray<Operation> {
    return parseHistory(this.lines)
  }

  get kinds(): ReadonlyArray<AnomalyKind> {
    return [...checkHistory(this.operations).counts.keys()]
  }
}
