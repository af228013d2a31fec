/**
 * What a data partition's log says besides records: entries of type data that take no offset. Every
 * replica carries them out when it applies them, so what they change is a function of the log.
 *
 * Bytes: uint16 type, uint16 version, then the fields. A type or version that is not known here
 * throws: a broker stops rather than guess what its log says.
 */
import type { EntryEnvelope, LogIndex } from "../../raft/types.ts"
import { Reader } from "../protocol/reader.ts"
import { Writer } from "../protocol/writer.ts"

const reasons = ["retention.ms", "retention.bytes", "deleteRecords"] as const

/** Why a log begins further on than it did. */
export type LogStartReason = (typeof reasons)[number]

/** Offsets below `offset` are gone; it may lie inside a batch, which then stays as it is. */
export interface LogStartMoved {
  readonly _tag: "LogStartMoved"
  readonly offset: number
  readonly why: LogStartReason
}

/** Superseded records at or below `upToIndex` go (compaction.ts). */
export interface Compacted {
  readonly _tag: "Compacted"
  readonly upToIndex: LogIndex
  /** The leader's clock when it decided. */
  readonly wallMs: number
  /** Tombstones at or below go as well: every replica has compacted that far. */
  readonly tombstonesUpToIndex: LogIndex
}

export type ControlEntry = LogStartMoved | Compacted

/** Numbers on disk: never reused, never changed. */
const types = { LogStartMoved: 1, Compacted: 2 } as const satisfies Record<
  ControlEntry["_tag"],
  number
>
const version = 0

export const isControl = ({ type, firstOffset, lastOffset }: EntryEnvelope): boolean =>
  type === "data" && lastOffset < firstOffset

export function encodeControlEntry(entry: ControlEntry): Uint8Array {
  const writer = new Writer(32)
  writer.uint16(types[entry._tag])
  writer.uint16(version)
  switch (entry._tag) {
    case "LogStartMoved":
      writer.int64(entry.offset)
      writer.int8(reasons.indexOf(entry.why))
      break
    case "Compacted":
      writer.int64(entry.upToIndex)
      writer.int64(entry.wallMs)
      writer.int64(entry.tombstonesUpToIndex)
      break
  }
  return writer.concat()
}

/** Throws for what this program does not know, DecodeError for bytes that no broker wrote. */
export function decodeControlEntry(bytes: Uint8Array): ControlEntry {
  const reader = new Reader(bytes)
  const type = reader.uint16()
  const found = reader.uint16()
  const known = found === version && (type === types.LogStartMoved || type === types.Compacted)
  if (!known) throw new Error(`a control entry of type ${type}, version ${found}`)
  const entry = type === types.LogStartMoved ? readLogStart(reader) : readCompacted(reader)
  reader.expectEnd()
  return entry
}

function readLogStart(reader: Reader): LogStartMoved {
  const offset = reader.int64()
  const code = reader.int8()
  const why = reasons[code]
  if (why === undefined) throw new Error(`a log start moved for reason ${code}`)
  return { _tag: "LogStartMoved", offset, why }
}

function readCompacted(reader: Reader): Compacted {
  const upToIndex = reader.int64()
  const wallMs = reader.int64()
  return { _tag: "Compacted", upToIndex, wallMs, tombstonesUpToIndex: reader.int64() }
}
