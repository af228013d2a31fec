/**
 * How an entry comes into being: a proposal sealed with term, index and a CRC that never changes
 * afterwards.
 */
import { invariant } from "./assert.ts"
import { crc32c } from "./crc32c.ts"
import type { Entry, EntryEnvelope, EntryType, LogIndex, Proposal, Term } from "./types.ts"

const ENVELOPE_BYTES = 67
const scratch = new Uint8Array(ENVELOPE_BYTES)
const view = new DataView(scratch.buffer)
const typeCodes: Record<EntryType, number> = { noop: 0, configuration: 1, data: 2 }

export const noPayload = new Uint8Array(0)

/**
 * CRC-32C of, little-endian: int64 term, int64 index, uint8 type (noop 0, configuration 1, data 2),
 * int64 appendMs, firstOffset, lastOffset, maxTimestamp, producerId, int16 producerEpoch, int32
 * baseSequence, uint32 payload length; then the payload.
 */
export function entryCrc(
  envelope: Omit<EntryEnvelope, "entryCrc" | "keptCrc">,
  payload: Uint8Array,
): number {
  putInt64(0, envelope.term)
  putInt64(8, envelope.index)
  view.setUint8(16, typeCodes[envelope.type])
  putInt64(17, envelope.appendMs)
  putInt64(25, envelope.firstOffset)
  putInt64(33, envelope.lastOffset)
  putInt64(41, envelope.maxTimestamp)
  putInt64(49, envelope.producerId)
  view.setInt16(57, envelope.producerEpoch, true)
  view.setInt32(59, envelope.baseSequence, true)
  view.setUint32(63, payload.length, true)
  return crc32c(payload, 0, payload.length, crc32c(scratch))
}

/**
 * CRC-32C of the same bytes with what is left as the payload, then of the entry's own CRC, uint32.
 * Never 0, which says that nothing was taken.
 */
function keptCrc(envelope: Omit<EntryEnvelope, "keptCrc">, left: Uint8Array): number {
  const crc = entryCrc(envelope, left)
  view.setUint32(0, envelope.entryCrc, true)
  return crc32c(scratch, 0, 4, crc) || 1
}

/** The entry with less of its payload, its identity and place unchanged. */
export function withKept(entry: Entry, left: Uint8Array): Entry {
  return { ...entry, payload: left, keptCrc: keptCrc(entry, left) }
}

/** The payload is the one that was appended, or the one that was left of it. */
export const isIntact = (envelope: EntryEnvelope, payload: Uint8Array): boolean =>
  envelope.keptCrc === 0
    ? entryCrc(envelope, payload) === envelope.entryCrc
    : keptCrc(envelope, payload) === envelope.keptCrc

/** So much an entry of which something was taken counts beyond its payload: it may be nothing. */
const keptOverheadBytes = 64

/** What an entry counts where reads are bounded by bytes. */
export const countedBytes = (payloadBytes: number, kept: number): number =>
  kept === 0 ? payloadBytes : payloadBytes + keptOverheadBytes

/** Safe integers only: the high word is exact and `>>>` takes the low one modulo 2³². */
function putInt64(at: number, value: number): void {
  view.setUint32(at, value >>> 0, true)
  view.setInt32(at + 4, Math.floor(value / 2 ** 32), true)
}

/**
 * The proposal as the entry (term, index). `appendMs` replaces the proposal's: it must not decrease
 * along the log.
 */
export function sealEntry(
  type: EntryType,
  term: Term,
  index: LogIndex,
  appendMs: number,
  proposal: Proposal,
): Entry {
  const {
    firstOffset,
    lastOffset,
    maxTimestamp,
    producerId,
    producerEpoch,
    baseSequence,
    payload,
  } = proposal
  invariant(lastOffset >= firstOffset - 1, "a proposal's offsets do not run backwards")
  const envelope = {
    term,
    index,
    type,
    appendMs,
    firstOffset,
    lastOffset,
    maxTimestamp,
    producerId,
    producerEpoch,
    baseSequence,
    entryCrc: 0,
    keptCrc: 0,
    payload,
  }
  envelope.entryCrc = entryCrc(envelope, payload)
  return envelope
}

/**
 * A no-op or configuration entry: it takes no offset, after a log whose last offset is
 * `lastOffset`.
 */
export function sealInternal(
  type: "noop" | "configuration",
  term: Term,
  index: LogIndex,
  appendMs: number,
  lastOffset: number,
  payload: Uint8Array,
): Entry {
  return sealEntry(type, term, index, appendMs, {
    appendMs,
    firstOffset: lastOffset + 1,
    lastOffset,
    maxTimestamp: -1,
    producerId: -1,
    producerEpoch: -1,
    baseSequence: -1,
    payload,
  })
}
