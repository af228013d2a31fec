/**
 * Taking over the files that were left behind, on the worker's thread: which one is written to, and
 * what the crash interrupted is finished or undone.
 */
import { closeSync, existsSync, openSync, readSync, rmSync } from "node:fs"
import type { WriterSettings } from "./schema.ts"
import { leaveJournal, sealSegment } from "./seal.ts"
import { Segment } from "./segment.ts"
import { listSegments, withCompanions, writtenSegment, type SegmentName } from "./segment-files.ts"
import { SegmentWriter } from "./segment-writer.ts"

export interface TakenOver {
  readonly writer: SegmentWriter
  readonly path: string
}

/** `opening` hears of each file before it is opened: which one it was, when that fails. */
export function takeOver(
  dir: string,
  settings: WriterSettings,
  opening: (path: string) => void,
): TakenOver {
  const { segments, leftovers } = listSegments(dir)
  for (const path of leftovers) removeSegment(path)
  const names = [...segments]
  const taken = newest(dir, names, settings, opening)
  let endSeq = taken.writer.info()?.baseSeq ?? 1
  for (const { path } of names.toReversed()) {
    opening(path)
    const info = infoOf(path)
    if (info === undefined) continue
    if (info.endSeq === null) sealSegment(path, endSeq, settings)
    if (hasJournal(path)) leaveJournal(path)
    endSeq = info.baseSeq
  }
  opening(taken.path)
  return taken
}

/** Byte 18 of a SQLite file: 2 while it is written with a -wal. */
function hasJournal(path: string): boolean {
  const header = new Uint8Array(19)
  const descriptor = openSync(path, "r")
  try {
    readSync(descriptor, header)
  } finally {
    closeSync(descriptor)
  }
  return header[18] === 2 || existsSync(`${path}-wal`)
}

export function removeSegment(path: string): void {
  for (const file of withCompanions(path)) if (existsSync(file)) rmSync(file)
}

/** The file with the highest number whose first transaction is there; `names` keeps those below. */
function newest(
  dir: string,
  names: Array<SegmentName>,
  settings: WriterSettings,
  opening: (path: string) => void,
): TakenOver {
  for (;;) {
    const last = names.at(-1)
    if (last === undefined || last.generation > 0) {
      const number = (last?.last ?? 0) + 1
      const { path } = writtenSegment(dir, number)
      opening(path)
      const writer = new SegmentWriter(path, settings)
      writer.begin(number, last === undefined ? 1 : (infoOf(last.path)?.endSeq ?? 1))
      return { writer, path }
    }
    names.pop()
    const { path } = last
    opening(path)
    const writer = new SegmentWriter(path, settings)
    const info = writer.info()
    if (info !== undefined) {
      if (info.endSeq !== null) writer.unseal()
      return { writer, path }
    }
    if (names.length === 0) {
      writer.begin(last.first, 1)
      return { writer, path }
    }
    // Made for a roll that never happened: the file before it is the newest.
    writer.close()
    removeSegment(path)
  }
}

function infoOf(path: string): ReturnType<Segment["info"]> {
  const segment = new Segment(path, 0)
  try {
    return segment.info()
  } finally {
    segment.close()
  }
}
