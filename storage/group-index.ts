/**
 * What a sealed file knows of a group, so that an open needs none of its directories. A row per
 * group, readable with SQL (index and offset range, bytes, records, greatest timestamp), and the
 * places of the entries as they are kept in memory (extents.ts).
 */
import { crc32c } from "../raft/crc32c.ts"
import type { LogIndex } from "../raft/types.ts"
import { CorruptRow } from "./directory.ts"
import type { TermRun } from "./term-runs.ts"
import type { GroupId } from "./wal.ts"

export interface GroupIndex {
  readonly group: GroupId
  readonly firstIndex: LogIndex
  readonly lastIndex: LogIndex
  readonly firstOffset: number
  readonly lastOffset: number
  readonly bytes: number
  /** Of data entries; −1 without one that has a timestamp. */
  readonly maxTimestamp: number
  readonly terms: ReadonlyArray<TermRun>
  readonly configurations: ReadonlyArray<LogIndex>
  /** As `Extents` holds them. */
  readonly extents: Float64Array
}

/** Of a whole file. */
export interface FileContents {
  readonly groups: ReadonlyArray<GroupIndex>
  /** What payloads and directories take. */
  readonly bytes: number
}

/** A row of `group_index`. */
export interface GroupIndexRow {
  readonly group: GroupId
  readonly firstIndex: LogIndex
  readonly lastIndex: LogIndex
  readonly firstOffset: number
  readonly lastOffset: number
  readonly records: number
  readonly bytes: number
  readonly maxTimestamp: number
  /** JSON: pairs of a term and its first index. */
  readonly terms: string
  /** JSON: indexes of configuration entries. */
  readonly configurations: string
  /** Little-endian doubles. */
  readonly extents: Uint8Array
  readonly crc: number
}

export function encodeGroupIndex(index: GroupIndex): GroupIndexRow {
  const { terms, configurations, extents, ...facts } = index
  const row = {
    ...facts,
    records: index.lastOffset - index.firstOffset + 1,
    terms: JSON.stringify(terms.map(({ term, firstIndex }) => [term, firstIndex])),
    configurations: JSON.stringify(configurations),
    extents: new Uint8Array(extents.buffer, extents.byteOffset, extents.byteLength),
    crc: 0,
  }
  return { ...row, crc: crcOf(row) }
}

/** Throws `CorruptRow` when the row is not what was written. */
export function decodeGroupIndex(row: GroupIndexRow): GroupIndex {
  if (!(row.extents instanceof Uint8Array) || crcOf(row) !== row.crc) {
    throw new CorruptRow(`index of group ${row.group}: checksum does not match`)
  }
  const terms: ReadonlyArray<readonly [number, number]> = JSON.parse(row.terms)
  const configurations: ReadonlyArray<number> = JSON.parse(row.configurations)
  const { group, firstIndex, lastIndex, firstOffset, lastOffset, bytes, maxTimestamp } = row
  return {
    group,
    firstIndex,
    lastIndex,
    firstOffset,
    lastOffset,
    bytes,
    maxTimestamp,
    terms: terms.map(([term, first]) => ({ term, firstIndex: first })),
    configurations,
    extents: doublesOf(row.extents),
  }
}

/** A view where the bytes happen to lie right for one. */
function doublesOf(bytes: Uint8Array): Float64Array {
  const aligned = bytes.byteOffset % Float64Array.BYTES_PER_ELEMENT === 0 ? bytes : bytes.slice()
  const count = aligned.length / Float64Array.BYTES_PER_ELEMENT
  return new Float64Array(aligned.buffer, aligned.byteOffset, count)
}

const encoder = new TextEncoder()

function crcOf(row: GroupIndexRow): number {
  const { group, firstIndex, lastIndex, firstOffset, lastOffset, records, bytes } = row
  const columns = [group, firstIndex, lastIndex, firstOffset, lastOffset, records, bytes]
  const text = JSON.stringify([...columns, row.maxTimestamp, row.terms, row.configurations])
  return crc32c(row.extents, 0, row.extents.length, crc32c(encoder.encode(text)))
}
