/**
 * The format of SQLite's -wal file, as far as an autopsy needs it (sqlite.org/fileformat2.html,
 * "The Write-Ahead Log"): a header of 32 bytes, then frames of 24 bytes and one page. Every frame
 * carries the salts of the header and a sum that runs from the header over all frames before it.
 */
import { readSync } from "node:fs"

export const journalHeaderBytes = 32
export const frameHeaderBytes = 24

/** The running checksum: two words. */
export interface Sum {
  readonly s0: number
  readonly s1: number
}

const noSum: Sum = { s0: 0, s1: 0 }
const magic = 0x377f0682
const version = 3_007_000

export class JournalHeader {
  /** Whether sums are over big-endian words: the machine's order when the file was made. */
  readonly bigEndian: boolean
  readonly pageBytes: number
  readonly salt1: number
  readonly salt2: number
  /** Over this header; where the first frame's goes on. */
  readonly sum: Sum

  private constructor(view: DataView, sumOfHeader: Sum) {
    this.bigEndian = view.getUint32(0) % 2 === 1
    this.pageBytes = view.getUint32(8)
    this.salt1 = view.getUint32(16)
    this.salt2 = view.getUint32(20)
    this.sum = sumOfHeader
  }

  /** Undefined when SQLite would not take it for one. */
  static read(bytes: Uint8Array<ArrayBuffer>): JournalHeader | undefined {
    const view = new DataView(bytes.buffer)
    const pageBytes = view.getUint32(8)
    if ((view.getUint32(0) & ~1) >>> 0 !== magic || view.getUint32(4) !== version) return undefined
    if (pageBytes < 512 || pageBytes > 65_536 || (pageBytes & (pageBytes - 1)) !== 0) {
      return undefined
    }
    const found = sum(bytes, 0, 24, view.getUint32(0) % 2 === 1, noSum)
    if (found.s0 !== view.getUint32(24) || found.s1 !== view.getUint32(28)) return undefined
    return new JournalHeader(view, found)
  }

  /**
   * Headers that are valid and differ from this one in a single bit. There may be two: a bit of the
   * last salt and the same bit of the sum; frames go with one of them only.
   */
  static mended(bytes: Uint8Array<ArrayBuffer>): ReadonlyArray<JournalHeader> {
    const found: Array<JournalHeader> = []
    for (let bit = 0; bit < journalHeaderBytes * 8; bit++) {
      const copy = bytes.slice()
      copy[bit >>> 3] = (copy[bit >>> 3] ?? 0) ^ (1 << (bit & 7))
      const header = JournalHeader.read(copy)
      if (header !== undefined) found.push(header)
    }
    return found
  }
}

/** Goes on from `before` over the words of [from, to), a multiple of 8 bytes. */
export function sum(
  bytes: Uint8Array<ArrayBuffer>,
  from: number,
  to: number,
  bigEndian: boolean,
  before: Sum,
): Sum {
  let { s0, s1 } = before
  s0 |= 0
  s1 |= 0
  const view = new DataView(bytes.buffer)
  for (let at = from; at < to; at += 8) {
    s0 = (s0 + view.getInt32(at, !bigEndian) + s1) | 0
    s1 = (s1 + view.getInt32(at + 4, !bigEndian) + s0) | 0
  }
  return { s0: s0 >>> 0, s1: s1 >>> 0 }
}

/** Fills the buffer from `position` on; answers how many bytes there were. */
export function readFully(file: number, buffer: Uint8Array, position: number): number {
  let got = 0
  while (got < buffer.length) {
    const read = readSync(file, buffer, got, buffer.length - got, position + got)
    if (read === 0) break
    got += read
  }
  return got
}
