/** Operators on streams of records: a generator in, a generator out, nothing held but a window. */

export async function* filter<A>(source: AsyncIterable<A>, keep: (one: A) => boolean) {
  for await (const one of source) if (keep(one)) yield one
}

export async function* map<A, B>(source: AsyncIterable<A>, change: (one: A) => B) {
  for await (const one of source) yield change(one)
}

export interface Window {
  readonly startMs: number
  readonly counts: ReadonlyMap<string, number>
}

/**
 * Counts by key in windows that follow one another. A window is complete as soon as a record
 * of a later one comes, so the source has to be in the order of time.
 */
export async function* countByWindow(
  source: AsyncIterable<{ readonly key: string; readonly timestamp: number }>,
  windowMs: number,
): AsyncGenerator<Window> {
  let startMs = -1
  let counts = new Map<string, number>()
  for await (const { key, timestamp } of source) {
    const window = timestamp - (timestamp % windowMs)
    if (window > startMs) {
      if (counts.size > 0) yield { startMs, counts }
      startMs = window
      counts = new Map()
    }
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  if (counts.size > 0) yield { startMs, counts }
}
