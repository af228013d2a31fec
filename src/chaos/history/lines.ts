/**
 * Histories as lines of JSON (VERIFICATION §3.1): one per invocation, one per return, in their
 * order; `t` in nanoseconds.
 */
import type { Call, Operation, OutcomeKind, Span } from "./history.ts"

const nanosPerMs = 1e6

interface Line {
  readonly i: number
  readonly t: number
  readonly p: string
  readonly type: "invoke" | Exclude<OutcomeKind, "pending">
  readonly op: number
  readonly node?: number
  readonly conn?: number
  readonly attempts?: number
  readonly err?: string
  /** The call as it was known then. */
  readonly call: Call
}

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
    yield JSON.stringify(isReturn ? returnLine(at, operation) : invokeLine(at, operation))
  }
}

const invokeLine = (i: number, operation: Operation): Line => ({
  i,
  t: operation.invokedMs * nanosPerMs,
  p: operation.process,
  type: "invoke",
  op: operation.id,
  call: callOf(operation),
})

const returnLine = (i: number, operation: Operation): Line => ({
  i,
  t: operation.returnedMs * nanosPerMs,
  p: operation.process,
  type: operation.outcome === "pending" ? "info" : operation.outcome,
  op: operation.id,
  node: operation.node,
  conn: operation.connection,
  attempts: operation.attempts,
  err: operation.error,
  call: callOf(operation),
})

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

/** Throws a `SyntaxError` for a line that is no JSON; an operation without a return is pending. */
export function parseHistory(lines: Iterable<string>): ReadonlyArray<Operation> {
  const operations = new Map<number, Operation>()
  for (const text of lines) {
    if (text.trim() === "") continue
    const line = lineOf(text)
    const begun = operations.get(line.op)
    if (line.type === "invoke") operations.set(line.op, invoked(line))
    else if (begun === undefined) throw new SyntaxError(`operation ${line.op} was never invoked`)
    else operations.set(line.op, { ...begun, ...returned(line), ...line.call })
  }
  return [...operations.values()]
}

/** Only the outline is looked at: the file is one that `historyLines` wrote. */
function lineOf(text: string): Line {
  const parsed: unknown = JSON.parse(text)
  if (!isLine(parsed)) throw new SyntaxError(`not a line of a history: ${text.slice(0, 80)}`)
  return parsed
}

const isLine = (parsed: unknown): parsed is Line =>
  typeof parsed === "object" &&
  parsed !== null &&
  "op" in parsed &&
  "type" in parsed &&
  "call" in parsed

const invoked = (line: Line): Operation => ({
  id: line.op,
  process: line.p,
  invoked: line.i,
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

const returned = (line: Line): Partial<Span> => ({
  returned: line.i,
  returnedMs: line.t / nanosPerMs,
  outcome: line.type === "invoke" ? "pending" : line.type,
  node: line.node ?? -1,
  connection: line.conn ?? -1,
  attempts: line.attempts ?? 0,
  error: line.err ?? "",
})
