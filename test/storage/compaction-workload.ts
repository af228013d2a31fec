/** Entries of which everybody knows what was appended and what is to be left. */
import { withKept } from "../../raft/entry.ts"
import type { Entry } from "../../raft/types.ts"
import { data } from "./entries.ts"

export const compactedGroups: ReadonlyArray<number> = [1, 2, 5]

export const writtenEntry = (group: number, index: number): Entry =>
  data(index, index - 2, { bytes: 300 + ((index * 37 + group) % 500), salt: group })

/** Nothing at all of two in three. */
export function compactedEntry(group: number, index: number): Entry {
  const entry = writtenEntry(group, index)
  const bytes = (index + group) % 3 === 0 ? (index * 11) % 250 : 0
  return withKept(entry, entry.payload.subarray(0, bytes))
}
