/**
 * Histories as lines of JSON (VERIFICATION §3.1; DESIGN.md here has the format): one per
 * invocation, one per return.
 */
import { wrongCall } from "./call-shape.ts"
import type { Call, Mutable, Operation, OutcomeKind, Told } from "./history.ts"
import { Interner } from "./interner.ts"
import { numberByTime } from "./time-order.ts"

export const nanosPerMs = 1e6

interface Line {
  /** Place in the one order; in all lines of a file or in none: then times make the order. */
  readonly i?: number
  readonly t: number
  readonly p: string
  readonly type: "invoke" | Exclude<OutcomeKind, "pending">
  readonly op: number
  readonly node?: number
  readonly conn?: number
  readonly attempts?: number
  readonly err?: string
  /** The call as it was known then; of a return what has become known is enough. */
  readonly call: Call
}

/** Lines with their places, in order. */
export function* historyLines(operations: ReadonlyArray<Operation>): Generator<string> {
  const events = operations.flatMap((operation) =>
    operation.outcome === "pending"
      ? [{ at: operation.invoked, operation, isReturn: false }]
      : [
          { at: operation.invoked, operation, isReturn: false },
          { at: operation.returned, operation, isReturn: true },
        ],
  )
  events.sort((a, b) => a.at - b.at)
  for (const { at, operation, isReturn } of events) {
    const { id, process } = operation
    const call = callOf(operation)
    yield isReturn
      ? `{"i":${at},${returnText(id, process, operation.returnedMs, operation, call)}`
      : `{"i":${at},${invokeText(id, process, operation.invokedMs, call)}`
  }
}

/** A line but for its opening brace. */
export const invokeText = (op: number, p: string, atMs: number, call: Call): string =>
  JSON.stringify({ t: Math.floor(atMs * nanosPerMs), p, type: "invoke", op, call }).slice(1)

/** As `invokeText`; what the outcome leaves out is as it is before anything is known. */
export const returnText = (
  op: number,
  p: string,
  atMs: number,
  { outcome, node, connection, attempts, error }: ToldOrPending,
  call: Partial<Call>,
): string =>
  JSON.stringify({
    t: Math.ceil(atMs * nanosPerMs),
    p,
    type: outcome === "pending" ? "info" : outcome,
    op,
    node,
    conn: connection,
    attempts,
    err: error,
    call,
  }).slice(1)

type ToldOrPending = Omit<Told, "outcome"> & { readonly outcome: OutcomeKind }

function callOf(operation: Operation): Call {
  const {
    id: _id,
    process: _process,
    invoked: _invoked,
    returned: _returned,
    invokedMs: _invokedMs,
    returnedMs: _returnedMs,
    outcome: _outcome,
    node: _node,
    connection: _connection,
    attempts: _attempts,
    error: _error,
    ...call
  } = operation
  return call
}

/** What a history's lines say. */
export interface ReadHistory {
  /** By the order of their invocations' lines. */
  readonly operations: ReadonlyArray<Operation>
  /** The last line is not whole: the writer was killed while it wrote. It is left out. */
  readonly tornTail: boolean
}

/** A file that is no history; the message is one line and names the line. */
export class BrokenHistory extends SyntaxError {
  override readonly name = "BrokenHistory"
}

/** Takes lines one by one. Whatever it throws is a `BrokenHistory`. */
export class HistoryReader {
  readonly #operations: Array<Mutable<Operation>> = []
  /** Place of an operation that does not stand at its number. */
  readonly #places = new Map<number, number>()
  readonly #interner = new Interner()
  #lineNumber = 0
  /** Said only when a line follows the one that could not be read. */
  #torn: BrokenHistory | undefined
  #hasPlaces: boolean | undefined

  push(text: string): void {
    this.#lineNumber++
    if (text.trim() === "") return
    if (this.#torn !== undefined) throw this.#torn
    const parsed = parsedLine(text)
    if (parsed === undefined) {
      this.#torn = this.#broken(`no JSON: ${text.slice(0, 60)}`)
      return
    }
    const line = this.#lineOf(parsed)
    this.#hasPlaces ??= line.i !== undefined
    if (this.#hasPlaces !== (line.i !== undefined)) {
      throw this.#broken("some lines have a place (i), others have none")
    }
    if (line.type === "invoke") this.#invoke(line)
    else this.#return(line)
  }

  finish(): ReadHistory {
    const operations = this.#operations
    if (this.#hasPlaces === false) numberByTime(operations)
    return { operations, tornTail: this.#torn !== undefined }
  }

  #invoke(line: Line): void {
    if (this.#find(line.op) !== undefined) throw this.#broken(`operation ${line.op} begins twice`)
    if (line.op !== this.#operations.length) this.#places.set(line.op, this.#operations.length)
    this.#operations.push(this.#interner.operation(invoked(line)))
  }

  #find(op: number): Mutable<Operation> | undefined {
    const place = this.#places.get(op)
    const operation = this.#operations[place ?? op]
    return operation?.id === op ? operation : undefined
  }

  #return(line: Line): void {
    const begun = this.#find(line.op)
    if (begun === undefined) throw this.#broken(`operation ${line.op} was never invoked`)
    if (begun.outcome !== "pending") throw this.#broken(`operation ${line.op} returned twice`)
    const wrong = wrongCall(line.call, begun.f)
    if (wrong !== undefined) throw this.#broken(wrong)
    if (line.t / nanosPerMs < begun.invokedMs) {
      throw this.#broken(`operation ${line.op} returned before it was invoked`)
    }
    this.#interner.operation(returned(begun, line))
  }

  #lineOf(parsed: unknown): Line {
    if (!isLine(parsed)) throw this.#broken("t, p, type, op or call is missing or wrong")
    const wrong = parsed.type === "invoke" ? wrongCall(parsed.call) : undefined
    if (wrong !== undefined) throw this.#broken(wrong)
    return parsed
  }

  #broken(why: string): BrokenHistory {
    return new BrokenHistory(`line ${this.#lineNumber}: ${why}`)
  }
}

/** An operation without a return is pending. Throws a `BrokenHistory`; an unfinished last line
 * is left out. */
export function parseHistory(lines: Iterable<string>): ReadonlyArray<Operation> {
  const reader = new HistoryReader()
  for (const line of lines) reader.push(line)
  return reader.finish().operations
}

function parsedLine(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const types = new Set<unknown>(["invoke", "ok", "fail", "info"])

const isLine = (parsed: unknown): parsed is Line =>
  typeof parsed === "object" &&
  parsed !== null &&
  "op" in parsed &&
  Number.isSafeInteger(parsed.op) &&
  "t" in parsed &&
  typeof parsed.t === "number" &&
  "p" in parsed &&
  typeof parsed.p === "string" &&
  (!("i" in parsed) || typeof parsed.i === "number") &&
  "type" in parsed &&
  types.has(parsed.type) &&
  "call" in parsed

const invoked = (line: Line): Mutable<Operation> => ({
  id: line.op,
  process: line.p,
  invoked: line.i ?? -1,
  returned: Infinity,
  invokedMs: line.t / nanosPerMs,
  returnedMs: -1,
  outcome: "pending",
  node: -1,
  connection: -1,
  attempts: 0,
  error: "",
  ...line.call,
})

const returned = (begun: Mutable<Operation>, line: Line): Mutable<Operation> =>
  Object.assign(begun, line.call, {
    returned: line.i ?? -1,
    returnedMs: line.t / nanosPerMs,
    outcome: line.type === "invoke" ? "pending" : line.type,
    node: line.node ?? -1,
    connection: line.conn ?? -1,
    attempts: line.attempts ?? 0,
    error: line.err ?? "",
  })
