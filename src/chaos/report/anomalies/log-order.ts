/**
 * The places of the log that an anomaly is about, and what each operation says of them: a row per
 * operation, a column per offset. Pure data; drawn elsewhere.
 */
import type { Operation } from "../../history/history.ts"
import { wordsOf } from "./evidence.ts"

export interface LogOrderRow {
  readonly operation: Operation
  readonly isContext: boolean
  /** By offset. A value that an append sent and that has no known place is not here. */
  readonly values: ReadonlyMap<number, string>
  /** Offsets of which the operation says something: [from, to), empty when from ≥ to. */
  readonly from: number
  readonly to: number
  /** A place that it names without its content: "end", "committed". */
  readonly mark: { readonly offset: number; readonly text: string } | undefined
}

export interface LogOrder {
  readonly rows: ReadonlyArray<LogOrderRow>
  /** Ascending; where the next is not the neighbour, something is left out. */
  readonly columns: ReadonlyArray<number>
  /** Offsets that the sentence names, or of which two operations say different things. */
  readonly focus: ReadonlySet<number>
}

const columnsMax = 14
const neighbours = 2
const focusMax = 6

/** Undefined where no operation names a place in the log. */
export function logOrderOf(
  detail: string,
  operations: ReadonlyArray<Operation>,
  context: ReadonlyArray<Operation>,
): LogOrder | undefined {
  const rows = [
    ...operations.flatMap((operation) => rowOf(operation, false)),
    ...context.flatMap((operation) => rowOf(operation, true)),
  ].toSorted((a, b) => a.operation.invoked - b.operation.invoked)
  const told = rows.filter(({ from, to, mark }) => from < to || mark !== undefined)
  if (!told.some(({ isContext }) => !isContext)) return undefined
  const focus = focusOf(detail, told)
  const columns = columnsAround(focus, told)
  return columns.length === 0 ? undefined : { rows, columns, focus }
}

function rowOf(operation: Operation, isContext: boolean): ReadonlyArray<LogOrderRow> {
  const row = { operation, isContext, values: new Map<number, string>(), mark: undefined }
  switch (operation.f) {
    case "append": {
      const { values, offset } = operation
      if (offset < 0) return [{ ...row, from: 0, to: 0 }]
      const placed = new Map(values.map((value, i) => [offset + i, value] as const))
      return [{ ...row, values: placed, from: offset, to: offset + values.length }]
    }
    case "poll": {
      if (operation.outcome !== "ok") {
        const asked = { offset: operation.from, text: "asked" }
        return [{ ...row, from: 0, to: 0, mark: operation.from < 0 ? undefined : asked }]
      }
      const seen = new Map(operation.records.map(([offset, value]) => [offset, value] as const))
      const offsets = [...seen.keys()]
      const lowest = Math.min(...offsets, operation.from < 0 ? Infinity : operation.from)
      const mark =
        operation.highWatermark < 0
          ? undefined
          : { offset: operation.highWatermark, text: "high watermark" }
      return [{ ...row, values: seen, from: lowest, to: Math.max(-1, ...offsets) + 1, mark }]
    }
    case "drain": {
      const seen = new Map(operation.records.map(([offset, value]) => [offset, value] as const))
      const { logStartOffset: from, highWatermark: to } = operation
      return [{ ...row, values: seen, from, to, mark: { offset: to, text: "end" } }]
    }
    default:
      return markedRow(operation, row)
  }
}

function markedRow(
  operation: Operation,
  row: Omit<LogOrderRow, "from" | "to">,
): ReadonlyArray<LogOrderRow> {
  const [offset, text] = markOf(operation)
  return offset < 0 ? [] : [{ ...row, from: 0, to: 0, mark: { offset, text } }]
}

function markOf(operation: Operation): readonly [offset: number, text: string] {
  switch (operation.f) {
    case "list":
      return [operation.offset, operation.at === -1 ? "end" : "told"]
    case "epochEnd":
      return [operation.endOffset, "epoch end"]
    case "remove":
      return [operation.lowWatermark, "beginning"]
    case "commit":
      return [operation.offset, "commit"]
    case "committed":
      return [operation.offset, "committed"]
    default:
      return [-1, ""]
  }
}

/**
 * A number of the sentence is an offset only if an operation that the checker names speaks of it:
 * it may as well be a generation or an epoch.
 */
function focusOf(detail: string, rows: ReadonlyArray<LogOrderRow>): ReadonlySet<number> {
  const words = new Set(wordsOf(detail))
  const own = rows.filter(({ isContext }) => !isContext)
  const focus = new Set<number>()
  const told = new Map<number, string>()
  for (const { values } of rows) {
    for (const [offset, value] of values) {
      const other = told.get(offset)
      if (words.has(value) || (other !== undefined && other !== value)) focus.add(offset)
      told.set(offset, value)
    }
  }
  for (const word of words) {
    const offset = Number(word)
    if (/^\d{1,15}$/.test(word) && own.some((row) => speaksOf(row, offset))) focus.add(offset)
  }
  const marked = own.flatMap(({ mark }) => mark?.offset ?? [])
  const all = focus.size > 0 ? [...focus] : marked
  return new Set(all.toSorted((a, b) => a - b).slice(0, focusMax))
}

const speaksOf = ({ from, to, mark }: LogOrderRow, offset: number): boolean =>
  (offset >= from && offset <= to && from < to) || mark?.offset === offset

/** The focus and its neighbours, as far as anybody says something there. */
function columnsAround(
  focus: ReadonlySet<number>,
  rows: ReadonlyArray<LogOrderRow>,
): ReadonlyArray<number> {
  const from = Math.min(...rows.map((row) => (row.from < row.to ? row.from : Infinity)), ...focus)
  const to = Math.max(...rows.map((row) => (row.from < row.to ? row.to - 1 : 0)), ...focus)
  const centres = focus.size > 0 ? [...focus] : [firstTold(rows, from)]
  const columns = new Set(focus)
  for (let distance = 0; distance <= neighbours; distance++) {
    for (const centre of centres) {
      for (const offset of [centre - distance, centre + distance]) {
        if (offset >= from && offset <= to && columns.size < columnsMax) columns.add(offset)
      }
    }
  }
  return [...columns].toSorted((a, b) => a - b)
}

/** Where the operation begins that says least: it is what the anomaly is about. */
function firstTold(rows: ReadonlyArray<LogOrderRow>, otherwise: number): number {
  const own = rows
    .filter(({ isContext, values }) => !isContext && values.size > 0)
    .toSorted((a, b) => a.values.size - b.values.size)
  return own[0]?.from ?? otherwise
}
