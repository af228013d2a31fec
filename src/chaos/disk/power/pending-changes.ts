/**
 * Of one file the changes that no fsync has covered, with what they took away: enough to bring a
 * file that has them all to any state that a power cut may leave.
 */
import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs"
import type { PendingChange, Span } from "./choice.ts"
import type { RecordReader, Reference } from "./record-reader.ts"

/** Before a change: how long the file was, and the bytes at `at` that it had. */
export interface Before {
  readonly at: number
  /** The size in 8 bytes, then the bytes. */
  readonly data: Reference
}

interface Change {
  readonly what: PendingChange
  readonly before: Before
  /** What was written; of no use when it truncates. */
  readonly data: Reference
}

export class PendingChanges {
  private changes: Array<Change> = []
  /** Of a change that has perhaps not happened. */
  private open: Before | undefined

  get count(): number {
    return this.changes.length + (this.open === undefined ? 0 : 1)
  }

  /** The first file of the record that is needed. */
  get firstFile(): number {
    return this.changes[0]?.before.data.file ?? this.open?.data.file ?? Infinity
  }

  about(before: Before): void {
    this.open = before
  }

  /** Whether there was a change about to come. */
  came(what: PendingChange, data: Reference): boolean {
    if (this.open === undefined) return false
    this.changes.push({ what, before: this.open, data })
    this.open = undefined
    return true
  }

  synced(): void {
    this.changes = []
  }

  /** The file has everything; leaves what `choose` takes. How many changes are not whole now. */
  cut(
    path: string,
    record: RecordReader,
    choose: (pending: ReadonlyArray<PendingChange>) => ReadonlyArray<Span>,
  ): number {
    const file = openSync(path, "r+")
    try {
      if (this.open !== undefined) undo(file, this.open, record)
      for (const { before } of this.changes.toReversed()) undo(file, before, record)
      const taken = new Map<number, number>()
      for (const { change: number, from, to } of choose(this.changes.map(({ what }) => what))) {
        const change = this.changes[number]
        if (change === undefined) continue
        taken.set(number, (taken.get(number) ?? 0) + to - from)
        redo(file, change, from, to, record)
      }
      const whole = this.changes.filter(
        ({ what }, i) => taken.get(i) === (what._tag === "written" ? what.bytes : 0),
      )
      return this.count - whole.length
    } finally {
      closeSync(file)
    }
  }
}

const sizeBytes = 8

function undo(file: number, { at, data }: Before, record: RecordReader): void {
  const bytes = record.dataOf(data)
  if (bytes.length > sizeBytes) writeSync(file, bytes, sizeBytes, bytes.length - sizeBytes, at)
  ftruncateSync(file, Number(bytes.readBigUInt64LE(0)))
}

function redo(file: number, change: Change, from: number, to: number, record: RecordReader): void {
  const { what, data } = change
  if (what._tag === "truncated") return ftruncateSync(file, what.size)
  const part = { ...data, at: data.at + from - what.at, bytes: to - from }
  writeSync(file, record.dataOf(part), 0, part.bytes, from)
}
