/**
 * Bytes of the sentinel's records. Big-endian:
 *
 *   header  magic u32 · crc u32 (CRC-32C of what follows) · bytes u32 (without padding) ·
 *           generation i64 · ordinal u32 · flags u8 · format u8 · 2 × 0 · cells u32 ·
 *           text bytes u32
 *   cell    kind u8 · group i32 · then
 *           whole:   term · acceptedTerm · lastIndex · chain · commitIndex (i64 each) ·
 *                    standing u8 · vote bytes u16 (65,535 = none) · vote in UTF-8
 *           height:  acceptedTerm · lastIndex · chain · commitIndex (i64 each)
 *           removed: nothing
 *   text    UTF-8: of a clean close, what the files looked like
 *
 * A record begins at a sector.
 */
import { crc32c } from "../raft/crc32c.ts"
import type { LogIndex, Standing } from "../raft/types.ts"
import { readInt64, writeInt64 } from "./int64.ts"
import type { Height, Sentinel } from "./verdict.ts"
import type { GroupId } from "./wal.ts"

const magic = 0x5653_454e // "VSEN"
const headerBytes = 36
export const sectorBytes = 512

export interface GroupSentinel extends Sentinel {
  /** Chain link of the entry at `height.lastIndex`: which one it was. */
  readonly chain: number
}

/** What became of a group's part. */
export type Cell =
  | { readonly _tag: "whole"; readonly group: GroupId; readonly sentinel: GroupSentinel }
  /** Term, vote and standing are as they were. */
  | {
      readonly _tag: "height"
      readonly group: GroupId
      readonly height: Height
      readonly chain: number
      readonly commitIndex: LogIndex
    }
  | { readonly _tag: "removed"; readonly group: GroupId }

export interface SentinelRecord {
  /** Rises with every image: what a slot held before does not count. */
  readonly generation: number
  /** 0 = the image with which a generation begins, then 1, 2, 3 … */
  readonly ordinal: number
  /** Of the log's files: the schema version of the program that wrote this. */
  readonly format: number
  readonly closed: boolean
  /** A journal whose acknowledged transactions were lost is about to be opened. */
  readonly suspect: boolean
  /** Earlier contents were lost: groups that are not here may have had votes. */
  readonly forgetful: boolean
  readonly cells: ReadonlyArray<Cell>
  readonly text: string
}

const standings: ReadonlyArray<Standing> = ["trusted", "recovering", "amnesiac"]
const kinds: ReadonlyArray<Cell["_tag"]> = ["whole", "height", "removed"]
const noVote = 65_535
const [heightBytes, wholeBytes, removedBytes] = [37, 48, 5] as const
const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { fatal: true })

/** Padded to whole sectors. */
export function encodeRecord(record: SentinelRecord): Uint8Array<ArrayBuffer> {
  const text = encoder.encode(record.text)
  const votes = record.cells.map(voteBytes)
  const cellBytes = record.cells.reduce((total, cell, n) => total + sizeOf(cell, votes[n]), 0)
  const bytes = headerBytes + cellBytes + text.length
  const padded = Math.ceil(bytes / sectorBytes) * sectorBytes
  const out = new Uint8Array(padded)
  const view = new DataView(out.buffer)
  view.setUint32(0, magic)
  view.setUint32(8, bytes)
  writeInt64(view, 12, record.generation)
  view.setUint32(20, record.ordinal)
  const { closed, suspect, forgetful } = record
  view.setUint8(24, (closed ? 1 : 0) | (suspect ? 2 : 0) | (forgetful ? 4 : 0))
  view.setUint8(25, record.format)
  view.setUint32(28, record.cells.length)
  view.setUint32(32, text.length)
  let at = headerBytes
  for (const [n, cell] of record.cells.entries()) at = writeCell(out, view, at, cell, votes[n])
  out.set(text, at)
  view.setUint32(4, crc32c(out.subarray(0, bytes), 8))
  return out
}

function voteBytes(cell: Cell): Uint8Array | undefined {
  if (cell._tag !== "whole" || cell.sentinel.votedFor === null) return undefined
  const bytes = encoder.encode(cell.sentinel.votedFor)
  if (bytes.length >= noVote) throw new RangeError("the name of a member is too long")
  return bytes
}

function sizeOf(cell: Cell, vote: Uint8Array | undefined): number {
  if (cell._tag === "removed") return removedBytes
  return cell._tag === "height" ? heightBytes : wholeBytes + (vote?.length ?? 0)
}

function writeCell(
  out: Uint8Array,
  view: DataView,
  start: number,
  cell: Cell,
  vote: Uint8Array | undefined,
): number {
  view.setUint8(start, kinds.indexOf(cell._tag))
  view.setInt32(start + 1, cell.group)
  let at = start + removedBytes
  if (cell._tag === "removed") return at
  const { height, chain, commitIndex } = cell._tag === "height" ? cell : cell.sentinel
  if (cell._tag === "whole") at = writeNumber(view, at, cell.sentinel.term)
  at = writeNumber(view, at, height.acceptedTerm)
  at = writeNumber(view, at, height.lastIndex)
  at = writeNumber(view, at, chain)
  at = writeNumber(view, at, commitIndex)
  if (cell._tag === "height") return at
  const { standing } = cell.sentinel
  view.setUint8(at, standings.indexOf(standing))
  view.setUint16(at + 1, vote?.length ?? noVote)
  if (vote !== undefined) out.set(vote, at + 3)
  return at + 3 + (vote?.length ?? 0)
}

function writeNumber(view: DataView, at: number, value: number): number {
  writeInt64(view, at, value)
  return at + 8
}

/** A record and where its sectors end; undefined unless one that was written is there. */
export function decodeRecord(
  file: Uint8Array<ArrayBuffer>,
  at: number,
): { readonly record: SentinelRecord; readonly end: number } | undefined {
  const view = new DataView(file.buffer, file.byteOffset + at)
  if (view.byteLength < headerBytes || view.getUint32(0) !== magic) return undefined
  const bytes = view.getUint32(8)
  if (bytes < headerBytes || bytes > view.byteLength) return undefined
  if (crc32c(file.subarray(at, at + bytes), 8) !== view.getUint32(4)) return undefined
  const flags = view.getUint8(24)
  const cells: Array<Cell> = []
  const reader = { file: file.subarray(at, at + bytes), view, at: headerBytes }
  for (let left = view.getUint32(28); left > 0; left--) cells.push(readCell(reader))
  return {
    record: {
      generation: readInt64(view, 12),
      ordinal: view.getUint32(20),
      format: view.getUint8(25),
      closed: (flags & 1) !== 0,
      suspect: (flags & 2) !== 0,
      forgetful: (flags & 4) !== 0,
      cells,
      text: decoder.decode(reader.file.subarray(reader.at, reader.at + view.getUint32(32))),
    },
    end: at + Math.ceil(bytes / sectorBytes) * sectorBytes,
  }
}

interface Reader {
  readonly file: Uint8Array<ArrayBuffer>
  readonly view: DataView
  at: number
}

function readCell(reader: Reader): Cell {
  const kind = kinds[reader.view.getUint8(reader.at)]
  const group = reader.view.getInt32(reader.at + 1)
  reader.at += removedBytes
  if (kind === undefined) throw new Error("a cell of the sentinel of an unknown kind")
  if (kind === "removed") return { _tag: kind, group }
  const term = kind === "whole" ? readNumber(reader) : 0
  const height = { acceptedTerm: readNumber(reader), lastIndex: readNumber(reader) }
  const chain = readNumber(reader)
  const commitIndex = readNumber(reader)
  if (kind === "height") return { _tag: kind, group, height, chain, commitIndex }
  const standing = standings[reader.view.getUint8(reader.at)] ?? "amnesiac"
  const length = reader.view.getUint16(reader.at + 1)
  reader.at += 3
  const vote = length === noVote ? undefined : reader.file.subarray(reader.at, reader.at + length)
  reader.at += vote?.length ?? 0
  const votedFor = vote === undefined ? null : decoder.decode(vote)
  return { _tag: kind, group, sentinel: { term, votedFor, height, chain, commitIndex, standing } }
}

function readNumber(reader: Reader): number {
  reader.at += 8
  return readInt64(reader.view, reader.at - 8)
}
