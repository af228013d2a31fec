/**
 * What of the changes since a file's last fsync is on the disk when its power goes: of each sector
 * of 512 bytes any of the versions it had, or, on a disk that keeps the order of writes, the first
 * few changes.
 */
import type { Prng } from "../../../../raft/prng.ts"

const sectorBytes = 512

export type PendingChange =
  | { readonly _tag: "written"; readonly at: number; readonly bytes: number }
  | { readonly _tag: "truncated"; readonly size: number }

/** Of the change with that number: all of it when it truncates, else these bytes. */
export interface Span {
  readonly change: number
  /** In the file. */
  readonly from: number
  readonly to: number
}

export function firstFew(pending: ReadonlyArray<PendingChange>, prng: Prng): ReadonlyArray<Span> {
  const kept = prng.below(pending.length + 1)
  return pending.slice(0, kept).map((change, number) => whole(change, number))
}

/** `share`: percent of the changes that are there; 100 is all of them. In the order of the changes. */
export function anySectors(
  pending: ReadonlyArray<PendingChange>,
  prng: Prng,
  share: number,
): ReadonlyArray<Span> {
  // How many of its writes each sector has seen.
  const left = versions(pending)
  for (const [sector, count] of left) {
    left.set(sector, prng.below(100) < share ? count : prng.below(count))
  }
  return pending.flatMap((change, number): ReadonlyArray<Span> => {
    if (change._tag === "truncated") {
      return share === 100 || prng.below(2) === 0 ? [whole(change, number)] : []
    }
    return sectorsOf(change).flatMap(({ sector, from, to }) => {
      const more = left.get(sector) ?? 0
      left.set(sector, more - 1)
      return more > 0 ? [{ change: number, from, to }] : []
    })
  })
}

function whole(change: PendingChange, number: number): Span {
  const at = change._tag === "written" ? change.at : change.size
  return { change: number, from: at, to: change._tag === "written" ? at + change.bytes : at }
}

function versions(pending: ReadonlyArray<PendingChange>): Map<number, number> {
  const found = new Map<number, number>()
  for (const change of pending) {
    if (change._tag === "truncated") continue
    for (const { sector } of sectorsOf(change)) found.set(sector, (found.get(sector) ?? 0) + 1)
  }
  return found
}

interface SectorPart {
  readonly sector: number
  readonly from: number
  readonly to: number
}

function sectorsOf({ at, bytes }: { readonly at: number; readonly bytes: number }) {
  const parts: Array<SectorPart> = []
  for (let from = at; from < at + bytes;) {
    const sector = Math.floor(from / sectorBytes)
    const to = Math.min((sector + 1) * sectorBytes, at + bytes)
    parts.push({ sector, from, to })
    from = to
  }
  return parts
}
