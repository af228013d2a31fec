import type { Ack } from "./driver.ts"
import type { Problem } from "./ledger.ts"

/** Broken acknowledgements told as runs: one line says what a hundred neighbours would. */

interface Run {
  readonly first: Ack
  last: Ack
  count: number
}

const isAck = (value: Problem["ack"]): value is Ack => value !== undefined && "atMs" in value

/**
 * Groups broken acknowledgements of one producer and partition that follow each other, and says
 * when they were given: `events` are what happened, by wall clock.
 */
export function problemRuns(
  problems: ReadonlyArray<Problem>,
  events: ReadonlyArray<{ readonly atMs: number; readonly what: string }>,
): Array<string> {
  const tagged = problems.flatMap(({ _tag, ack }) => (isAck(ack) ? [{ _tag, ack }] : []))
  const groups = Map.groupBy(
    tagged,
    ({ _tag, ack }) => `${_tag}: ${ack.producer} in partition ${ack.partition}`,
  )
  return Array.from(groups, ([title, list]) => {
    const runs: Array<Run> = []
    for (const { ack } of list.toSorted((a, b) => a.ack.seq - b.ack.seq)) {
      const run = runs.at(-1)
      if (run !== undefined && ack.atMs - run.last.atMs < 200) {
        run.last = ack
        run.count += 1
      } else runs.push({ first: ack, last: ack, count: 1 })
    }
    return [title, ...runs.map((run) => `  ${describeRun(run, events)}`)].join("\n")
  })
}

function describeRun(
  { first, last, count }: Run,
  events: ReadonlyArray<{ readonly atMs: number; readonly what: string }>,
): string {
  const before = events.findLast((event) => event.atMs <= first.atMs)
  const when =
    before === undefined ? "" : `, ${Math.round(first.atMs - before.atMs)} ms after ${before.what}`
  const lasting = `within ${Math.round(last.atMs - first.atMs)} ms`
  const offsets = `acknowledged at offsets ${first.offset}..${last.offset}`
  return `${count} from #${first.seq} to #${last.seq}, ${offsets} ${lasting}${when}`
}
