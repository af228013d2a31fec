/** The first place whose key is at or above `key`, of an ascending list. */
export function lowerBound<T>(
  items: ReadonlyArray<T>,
  key: number,
  keyOf: (item: T) => number,
): number {
  let lo = 0
  let hi = items.length
  while (lo < hi) {
    const middle = (lo + hi) >>> 1
    const item = items[middle]
    if (item !== undefined && keyOf(item) < key) lo = middle + 1
    else hi = middle
  }
  return lo
}
