/**
 * One sequence out of several partitions. Between partitions Kafka promises no order; timestamps
 * give one, as far as the clocks that wrote them agree.
 */

/**
 * Whatever comes next has the lowest timestamp of all that the sources give next; of equal ones the
 * earlier source's. Each source keeps its own order, also where its timestamps run backwards; where
 * they never do, the result is in the order of time. Holds one record of each source: so it gives
 * nothing before every source has given one or has ended.
 */
export async function* mergeByTime<A extends { readonly timestamp: number }>(
  sources: ReadonlyArray<AsyncIterable<A> | Iterable<A>>,
): AsyncGenerator<A, void, undefined> {
  const iterators = sources.map((source) =>
    Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator](),
  )
  const heads: Array<A | undefined> = []
  const advance = async (i: number): Promise<void> => {
    const next = await iterators[i]?.next()
    heads[i] = next === undefined || next.done === true ? undefined : next.value
  }
  try {
    await Promise.all(iterators.map((_, i) => advance(i)))
    for (let i = earliestOf(heads); i >= 0; i = earliestOf(heads)) {
      const head = heads[i]
      if (head !== undefined) yield head
      await advance(i)
    }
  } finally {
    await Promise.all(iterators.map(async (iterator) => iterator.return?.()))
  }
}

/** −1 when none is left. */
function earliestOf(heads: ReadonlyArray<{ readonly timestamp: number } | undefined>): number {
  let earliest = -1
  let timestamp = Infinity
  for (const [i, head] of heads.entries()) {
    if (head === undefined || head.timestamp >= timestamp) continue
    earliest = i
    timestamp = head.timestamp
  }
  return earliest
}
