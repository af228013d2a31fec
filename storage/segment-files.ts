/**
 * The names of a log's files. `segment-000007.db` is the seventh as it was written;
 * `segment-000003-000005-2.db` holds what was still alive of the third to the fifth when they were
 * copied forward, by copies of the second generation. A file takes the place of every one whose
 * numbers it covers and whose generation is lower: a crash may leave both behind.
 */
import { readdirSync } from "node:fs"
import { join } from "node:path"

export interface SegmentName {
  readonly path: string
  readonly first: number
  readonly last: number
  /** 0 = as written. */
  readonly generation: number
}

export interface SegmentListing {
  /** In the order of their numbers, none of which occurs twice. */
  readonly segments: ReadonlyArray<SegmentName>
  /** Files whose place another has taken, and unfinished copies: of no use any more. */
  readonly leftovers: ReadonlyArray<string>
}

const pattern = /^segment-(\d+)(?:-(\d+)-(\d+))?\.db$/
export const copySuffix = ".copying"

const padded = (number: number): string => String(number).padStart(6, "0")

export function writtenSegment(dir: string, number: number): SegmentName {
  const path = join(dir, `segment-${padded(number)}.db`)
  return { path, first: number, last: number, generation: 0 }
}

export function copiedSegment(dir: string, sources: ReadonlyArray<SegmentName>): SegmentName {
  const first = Math.min(...sources.map((source) => source.first))
  const last = Math.max(...sources.map((source) => source.last))
  const generation = Math.max(...sources.map((source) => source.generation)) + 1
  const path = join(dir, `segment-${padded(first)}-${padded(last)}-${generation}.db`)
  return { path, first, last, generation }
}

/** Undefined for a file of another kind. */
export function parseSegmentName(dir: string, name: string): SegmentName | undefined {
  const [whole, first, last = first, generation = "0"] = pattern.exec(name) ?? []
  if (whole === undefined) return undefined
  return {
    path: join(dir, name),
    first: Number(first),
    last: Number(last),
    generation: Number(generation),
  }
}

export function listSegments(dir: string): SegmentListing {
  const names = readdirSync(dir)
  const found = names.flatMap((name) => parseSegmentName(dir, name) ?? [])
  const newestFirst = found.toSorted((a, b) => b.generation - a.generation)
  const segments: Array<SegmentName> = []
  const leftovers = names.filter((name) => name.includes(copySuffix)).map((name) => join(dir, name))
  for (const name of newestFirst) {
    const covered = segments.some(({ first, last }) => first <= name.first && name.last <= last)
    if (covered) leftovers.push(name.path)
    else segments.push(name)
  }
  return { segments: segments.toSorted((a, b) => a.first - b.first), leftovers }
}

/** With everything that SQLite may have put beside it. */
export const withCompanions = (path: string): ReadonlyArray<string> => [
  path,
  `${path}-wal`,
  `${path}-shm`,
  `${path}-journal`,
]
