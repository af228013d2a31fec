/**
 * The record of a shim that keeps what changes take away (POWER_KEEP), read while it grows: heads
 * only. Data stay in the record's files, which go when nobody needs them any more.
 */
import { closeSync, existsSync, fstatSync, openSync, readSync, rmSync } from "node:fs"

const headBytes = 32

/** Bytes in a file of the record. */
export interface Reference {
  readonly file: number
  readonly at: number
  readonly bytes: number
}

export const recordKinds = {
  opened: 1,
  written: 2,
  truncated: 3,
  renamed: 4,
  unlinked: 5,
  synced: 6,
  directorySynced: 7,
  mark: 8,
  directory: 9,
  before: 10,
} as const

export interface RecordEvent {
  /** Of `recordKinds`. */
  readonly kind: number
  readonly path: string
  readonly inode: number
  readonly position: number
  readonly data: Reference
}

export class RecordReader {
  private readonly record: string
  /** Descriptors of files that are there, by number. */
  private readonly files = new Map<number, number>()
  private current = 0
  private at = 0

  constructor(record: string) {
    this.record = record
  }

  /** Events that have come since; one whose end was cut by a kill is left out. */
  *read(): Iterable<RecordEvent> {
    for (;;) {
      const file = this.open(this.current)
      if (file === undefined) return
      const hasNext = existsSync(`${this.record}.${this.current + 1}`)
      const { size } = fstatSync(file)
      for (let event = this.next(file, size); event !== undefined; event = this.next(file, size)) {
        yield event
      }
      if (!hasNext) return
      this.current += 1
      this.at = 0
    }
  }

  dataOf({ file, at, bytes }: Reference): Buffer {
    const data = Buffer.alloc(bytes)
    const descriptor = this.open(file)
    if (descriptor === undefined || readSync(descriptor, data, 0, bytes, at) !== bytes) {
      throw new Error(`${this.record}.${file} is not whole`)
    }
    return data
  }

  /** No data of files below it are asked for any more. */
  forgetBelow(file: number): void {
    for (const [number, descriptor] of this.files) {
      if (number >= Math.min(file, this.current)) continue
      closeSync(descriptor)
      rmSync(`${this.record}.${number}`, { force: true })
      this.files.delete(number)
    }
  }

  close(): void {
    for (const [number, descriptor] of this.files) {
      closeSync(descriptor)
      rmSync(`${this.record}.${number}`, { force: true })
    }
    this.files.clear()
  }

  private next(file: number, size: number): RecordEvent | undefined {
    if (this.at + headBytes > size) return undefined
    const head = Buffer.alloc(headBytes)
    readSync(file, head, 0, headBytes, this.at)
    const pathBytes = head.readUInt32LE(4)
    const bytes = Number(head.readBigUInt64LE(24))
    const dataAt = this.at + headBytes + pathBytes
    if (dataAt + bytes > size) return undefined
    const path = Buffer.alloc(pathBytes)
    readSync(file, path, 0, pathBytes, this.at + headBytes)
    this.at = dataAt + bytes
    return {
      kind: head.readUInt32LE(0),
      path: path.toString("utf8"),
      inode: Number(head.readBigUInt64LE(8)),
      position: Number(head.readBigUInt64LE(16)),
      data: { file: this.current, at: dataAt, bytes },
    }
  }

  private open(number: number): number | undefined {
    const present = this.files.get(number)
    if (present !== undefined) return present
    const path = `${this.record}.${number}`
    if (!existsSync(path)) return undefined
    const opened = openSync(path, "r")
    this.files.set(number, opened)
    return opened
  }
}
