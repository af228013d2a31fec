/** A sorted copy: numbers by size, text by code unit. */
export function sorted<A extends number | string | null>(list: ReadonlyArray<A>): Array<A> {
  return list.toSorted((a, b) => (a === b ? 0 : (a ?? "") < (b ?? "") ? -1 : 1))
}
