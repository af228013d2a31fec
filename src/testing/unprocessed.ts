import type { Operation } from "../chaos/history/history.ts"
import { nameOf, readersOf, Senders } from "./expected.ts"

/**
 * How many acknowledged records one reader (any that there is, unless named) has yet to process; of
 * several the most. Appends that have not returned count: their outcome is not known yet.
 */
export function unprocessed(operations: ReadonlyArray<Operation>, name?: string): number {
  const wanted = new Senders(operations).firsts
    .filter(({ outcome, acks }) => outcome === "pending" || (outcome === "ok" && acks !== 0))
    .map(({ partition, values }) => nameOf(partition, values[0] ?? ""))
  const readers = readersOf(operations).filter((reader) => (name ?? reader.name) === reader.name)
  const left = readers.map(({ effects }) => {
    const done = new Set(effects.map(({ partition, value }) => nameOf(partition, value)))
    return wanted.filter((one) => !done.has(one)).length
  })
  return left.length === 0 ? wanted.length : Math.max(...left)
}
