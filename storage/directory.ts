/**
 * The directory of a row: one fixed-width slot per entry, kept in its own column before the
 * payloads, so that recovery and lookups read envelopes without touching payload pages. Big-endian.
 *
 *   header  magic u32 · crc u32 (CRC-32C of everything after it) · seq i64 · slots u32 ·
 *           payload bytes u32
 *   slot    group i32 · kind u8 · type u8 · producerEpoch i16 ·
 *           index · term · appendMs · firstOffset · lastOffset · maxTimestamp · producerId ·
 *           chain (i64 each) ·
 *           baseSequence i32 · entryCrc u32 · position u32 · payload bytes u32 ·
 *           keptCrc u32 (0 while the payload is the one that was appended) · 0 u32
 *
 * The seq of the entry in slot n is the row's seq + n. A row of copies may have another magic, and
 * its slots packed (packed-slots.ts): so it is stored, nobody but this file sees it.
 */
import { crc32c } from "../raft/crc32c.ts"
import type { Entry, EntryType } from "../raft/types.ts"
import type { KeptPayload } from "./kept-entries.ts"
import { packSlots, unpackSlots } from "./packed-slots.ts"
import type { EntryMeta, GroupId } from "./wal.ts"
import { readInt64, writeInt64 } from "./int64.ts"

const magic = 0x56445231 // "VDR1"
const packedMagic = 0x56445a31 // "VDZ1"
/** More than any row has: a bound before anything is unpacked. */
const packedSlotsMax = 1 << 20
export const headerBytes = 24
export const slotBytes = 96

/**
 * "append" removes every entry of its group with an index ≥ its own and a lower seq; "copy" was
 * written forward from an older file and removes nothing.
 */
export type SlotKind = "append" | "copy"
const kinds: ReadonlyArray<SlotKind> = ["append", "copy"]
const types: ReadonlyArray<EntryType> = ["noop", "configuration", "data"]

/** What entries take: their payloads and their places in a directory. */
export const storedBytes = (payloadBytes: number, entries: number): number =>
  payloadBytes + entries * slotBytes

/** The stored bytes of a row are not those that were written, or are gone. */
export class CorruptRow extends Error {}

export interface SlotWrite {
  readonly group: GroupId
  readonly entry: Entry
  /** Byte place of the payload in the row's payload column. */
  readonly position: number
  readonly chain: number
}

export function encodeDirectory(
  seq: number,
  payloadBytes: number,
  slots: ReadonlyArray<SlotWrite>,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(headerBytes + slots.length * slotBytes)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, magic)
  writeInt64(view, 8, seq)
  view.setUint32(16, slots.length)
  view.setUint32(20, payloadBytes)
  let at = headerBytes
  for (const slot of slots) {
    encodeSlot(view, at, slot)
    at += slotBytes
  }
  view.setUint32(4, crc32c(bytes, 8))
  return bytes
}

function encodeSlot(
  view: DataView,
  at: number,
  { group, entry, position, chain }: SlotWrite,
): void {
  view.setInt32(at, group)
  view.setUint8(at + 4, kinds.indexOf("append"))
  view.setUint8(at + 5, types.indexOf(entry.type))
  view.setInt16(at + 6, entry.producerEpoch)
  writeInt64(view, at + 8, entry.index)
  writeInt64(view, at + 16, entry.term)
  writeInt64(view, at + 24, entry.appendMs)
  writeInt64(view, at + 32, entry.firstOffset)
  writeInt64(view, at + 40, entry.lastOffset)
  writeInt64(view, at + 48, entry.maxTimestamp)
  writeInt64(view, at + 56, entry.producerId)
  writeInt64(view, at + 64, chain)
  view.setInt32(at + 72, entry.baseSequence)
  view.setUint32(at + 76, entry.entryCrc)
  view.setUint32(at + 80, position)
  view.setUint32(at + 84, entry.payload.length)
  view.setUint32(at + 88, entry.keptCrc)
}

/**
 * A verified directory: its CRC held when it was made, and every slot lies inside the row's
 * payload.
 */
export class Directory {
  readonly seq: number
  readonly count: number
  readonly payloadBytes: number
  readonly bytes: Uint8Array
  private readonly view: DataView

  /** `seq` is where the row was found, `stored` its directory there. Throws `CorruptRow`. */
  constructor(seq: number, stored: Uint8Array) {
    const header = new DataView(stored.buffer, stored.byteOffset, stored.byteLength)
    const found = stored.length >= headerBytes ? header.getUint32(0) : 0
    check(found === magic || found === packedMagic, "no directory header")
    check(header.getUint32(4) === crc32c(stored, 8), "directory checksum does not match")
    check(readInt64(header, 8) === seq, "directory of another row")
    const bytes = found === magic ? stored : unpacked(stored, header.getUint32(16))
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.seq = seq
    this.count = this.view.getUint32(16)
    this.payloadBytes = this.view.getUint32(20)
    check(bytes.length === headerBytes + this.count * slotBytes, "directory length does not match")
  }

  group(slot: number): GroupId {
    return this.view.getInt32(headerBytes + slot * slotBytes)
  }

  index(slot: number): number {
    return readInt64(this.view, headerBytes + slot * slotBytes + 8)
  }

  chain(slot: number): number {
    return readInt64(this.view, headerBytes + slot * slotBytes + 64)
  }

  term(slot: number): number {
    return readInt64(this.view, headerBytes + slot * slotBytes + 16)
  }

  lastOffset(slot: number): number {
    return readInt64(this.view, headerBytes + slot * slotBytes + 40)
  }

  maxTimestamp(slot: number): number {
    return readInt64(this.view, headerBytes + slot * slotBytes + 48)
  }

  entryCrc(slot: number): number {
    return this.view.getUint32(headerBytes + slot * slotBytes + 76)
  }

  bytesOf(slot: number): number {
    return this.view.getUint32(headerBytes + slot * slotBytes + 84)
  }

  type(slot: number): EntryType {
    const type = types[this.view.getUint8(headerBytes + slot * slotBytes + 5)]
    if (type === undefined) throw new CorruptRow(`slot ${slot}: unknown entry type`)
    return type
  }

  position(slot: number): number {
    return this.view.getUint32(headerBytes + slot * slotBytes + 80)
  }

  /** Less of its entry is stored than was appended. */
  isKept(slot: number): boolean {
    return this.view.getUint32(headerBytes + slot * slotBytes + 88) !== 0
  }

  kind(slot: number): SlotKind {
    const kind = kinds[this.view.getUint8(headerBytes + slot * slotBytes + 4)]
    if (kind === undefined) throw new CorruptRow(`slot ${slot}: unknown kind`)
    return kind
  }

  meta(slot: number): EntryMeta {
    const view = this.view
    const at = headerBytes + slot * slotBytes
    return {
      term: this.term(slot),
      index: this.index(slot),
      type: this.type(slot),
      appendMs: readInt64(view, at + 24),
      firstOffset: readInt64(view, at + 32),
      lastOffset: this.lastOffset(slot),
      maxTimestamp: this.maxTimestamp(slot),
      producerId: readInt64(view, at + 56),
      producerEpoch: view.getInt16(at + 6),
      baseSequence: view.getInt32(at + 72),
      entryCrc: this.entryCrc(slot),
      keptCrc: view.getUint32(at + 88),
      payloadBytes: this.bytesOf(slot),
    }
  }

  /**
   * Slots of the group's entries [lo, hi) among the first `slotLimit`, by index; −1 where there is
   * none. When an index occurs twice the later slot counts: it replaced the earlier one.
   */
  slotsOf(group: GroupId, lo: number, hi: number, slotLimit = this.count): ReadonlyArray<number> {
    const slots = Array<number>(hi - lo).fill(-1)
    for (let slot = 0; slot < slotLimit; slot++) {
      if (this.group(slot) !== group) continue
      const index = this.index(slot)
      if (index >= lo && index < hi) slots[index - lo] = slot
    }
    return slots
  }
}

/** As it was before `packed`. */
function unpacked(stored: Uint8Array, count: number): Uint8Array {
  check(count <= packedSlotsMax, "more slots than a row has")
  const bytes = new Uint8Array(headerBytes + count * slotBytes)
  bytes.set(stored.subarray(0, headerBytes))
  try {
    bytes.set(unpackSlots(stored.subarray(headerBytes), count, slotBytes), headerBytes)
  } catch (error) {
    throw new CorruptRow(`slots cannot be unpacked: ${String(error)}`)
  }
  return bytes
}

/** The directory as it is to be stored; the same where nothing is gained. */
export function packed({ bytes }: Directory): Uint8Array {
  const slots = packSlots(bytes.subarray(headerBytes), slotBytes)
  if (headerBytes + slots.length >= bytes.length) return bytes
  const stored = new Uint8Array(headerBytes + slots.length)
  stored.set(bytes.subarray(0, headerBytes))
  stored.set(slots, headerBytes)
  const view = new DataView(stored.buffer)
  view.setUint32(0, packedMagic)
  view.setUint32(4, crc32c(stored, 8))
  return stored
}

/** What is stored of a slot's entry from now on; undefined: what is there. */
export type KeptOf = (slot: number) => KeptPayload | undefined

/**
 * The row with these slots alone, as copies: they keep everything but their place in the payload,
 * and those that `keptOf` knows get another payload. `payload` may be empty if no other slot has
 * one.
 */
export function encodeCopy(
  { seq, bytes: old }: Directory,
  slots: ReadonlyArray<number>,
  payload: Uint8Array,
  keptOf: KeptOf,
): { readonly directory: Directory; readonly payload: Uint8Array } {
  const bytes = new Uint8Array(headerBytes + slots.length * slotBytes)
  const view = new DataView(bytes.buffer)
  const parts: Array<Uint8Array> = []
  let payloadBytes = 0
  for (const [n, slot] of slots.entries()) {
    const from = headerBytes + slot * slotBytes
    const at = headerBytes + n * slotBytes
    bytes.set(old.subarray(from, from + slotBytes), at)
    const kept = keptOf(slot)
    const [position, length] = [view.getUint32(at + 80), view.getUint32(at + 84)]
    const part = kept?.payload ?? payload.subarray(position, position + length)
    view.setUint8(at + 4, kinds.indexOf("copy"))
    view.setUint32(at + 80, payloadBytes)
    view.setUint32(at + 84, part.length)
    if (kept !== undefined) view.setUint32(at + 88, kept.keptCrc)
    parts.push(part)
    payloadBytes += part.length
  }
  view.setUint32(0, magic)
  writeInt64(view, 8, seq)
  view.setUint32(16, slots.length)
  view.setUint32(20, payloadBytes)
  view.setUint32(4, crc32c(bytes, 8))
  const directory = new Directory(seq, bytes)
  return { directory, payload: parts.length === 1 ? (parts[0] ?? payload) : joined(parts) }
}

function joined(parts: ReadonlyArray<Uint8Array>): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

function check(holds: boolean, what: string): void {
  if (!holds) throw new CorruptRow(what)
}
