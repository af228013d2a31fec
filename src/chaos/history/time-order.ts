/**
 * The one order of all invocations and returns, made from their times: clients in other processes
 * tell late what happened to them, so it is known only when the run is over.
 */
import type { Mutable, Operation } from "./history.ts"

/**
 * Numbers `invoked` and `returned` anew, in place, in O(n log n). What was invoked at the instant
 * of a return comes first: the two count as concurrent, so that nothing is concluded from a tie.
 * Sound as long as no invocation is told later than it was, and no return earlier.
 */
export function numberByTime(operations: ReadonlyArray<Mutable<Operation>>): void {
  // Event 2k is the invocation of the k-th operation, 2k + 1 its return.
  const times = new Float64Array(2 * operations.length)
  const events = new Uint32Array(2 * operations.length)
  let count = 0
  operations.forEach((operation, k) => {
    times[2 * k] = operation.invokedMs
    events[count++] = 2 * k
    if (operation.outcome === "pending") return
    times[2 * k + 1] = operation.returnedMs
    events[count++] = 2 * k + 1
  })
  const inOrder = events
    .subarray(0, count)
    .sort((a, b) => (times[a] ?? 0) - (times[b] ?? 0) || (a & 1) - (b & 1) || a - b)
  inOrder.forEach((event, place) => {
    const operation = operations[event >>> 1]
    if (operation === undefined) return
    if ((event & 1) === 0) operation.invoked = place
    else operation.returned = place
  })
}

/** Copies, numbered as `numberByTime` has it. */
export function ordered(operations: ReadonlyArray<Operation>): ReadonlyArray<Operation> {
  const copies = operations.map((operation) => ({ ...operation }))
  numberByTime(copies)
  return copies
}
