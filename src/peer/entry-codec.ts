/**
 * Raft entries on a peer link: first all envelopes (67 bytes each), then all payloads, so that the
 * sender hands its payloads to the socket as they are and the receiver takes views on the frame.
 * Indexes are not sent: entries follow prevLogIndex without gaps.
 *
 * Every entry's CRC is checked on arrival: a frame damaged in flight must not enter a log. An entry
 * of which compaction has left less travels as it is, and is stored so.
 */
import { isIntact } from "../../raft/entry.ts"
import type { Entry, EntryType, LogIndex } from "../../raft/types.ts"
import { PeerDecodeError } from "./bytes.ts"
import type { ByteReader, ByteWriter } from "./bytes.ts"

export const envelopeBytes = 67

const types: ReadonlyArray<EntryType> = ["noop", "configuration", "data"]

/** The payloads are to follow what the writer holds, in order. */
export const writeEnvelopes = (
  writer: ByteWriter,
  entries: ReadonlyArray<Entry>,
  prevLogIndex: LogIndex,
): void => {
  writer.int32(entries.length)
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i]!
    if (entry.index !== prevLogIndex + 1 + i)
      throw new Error(`entry ${entry.index} out of its place`)
    writer.int64(entry.term)
    writer.uint8(types.indexOf(entry.type))
    writer.int64(entry.appendMs)
    writer.int64(entry.firstOffset)
    writer.int64(entry.lastOffset)
    writer.int64(entry.maxTimestamp)
    writer.int64(entry.producerId)
    writer.int16(entry.producerEpoch)
    writer.int32(entry.baseSequence)
    writer.int32(entry.entryCrc)
    writer.int32(entry.keptCrc)
    writer.int32(entry.payload.length)
  }
}

export const readEntries = (reader: ByteReader, prevLogIndex: LogIndex): ReadonlyArray<Entry> => {
  const count = reader.count(envelopeBytes)
  const envelopes = reader.sub(count * envelopeBytes)
  const entries: Array<Entry> = []
  for (let i = 0; i < count; i++) {
    entries.push(readEntry(envelopes, reader, prevLogIndex + 1 + i))
  }
  return entries
}

const readEntry = (envelopes: ByteReader, payloads: ByteReader, index: LogIndex): Entry => {
  const entry: Entry = {
    term: envelopes.natural(),
    index,
    type: typeOf(envelopes.uint8()),
    appendMs: envelopes.int64(),
    firstOffset: envelopes.int64(),
    lastOffset: envelopes.int64(),
    maxTimestamp: envelopes.int64(),
    producerId: envelopes.int64(),
    producerEpoch: envelopes.int16(),
    baseSequence: envelopes.int32(),
    entryCrc: envelopes.uint32(),
    keptCrc: envelopes.uint32(),
    payload: payloads.slice(envelopes.uint32()),
  }
  if (!isIntact(entry, entry.payload)) {
    throw new PeerDecodeError(`entry ${index} of term ${entry.term} does not match its CRC`)
  }
  return entry
}

const typeOf = (code: number): EntryType => {
  const type = types[code]
  if (type === undefined) throw new PeerDecodeError(`an entry of type ${code}`)
  return type
}
