/**
 * The outline of an LZ4 frame: how long it is and how much it can hold, read from its headers
 * without decompressing anything. Format: lz4/lz4, doc/lz4_Frame_format.md.
 */
import { DecompressError } from "./errors.ts"

const magic = 0x184d2204
const incompressible = 0x8000_0000
/** LZ4's best case: each further byte of a match length stands for 255 bytes. */
const ratioMax = 255

export interface Lz4Outline {
  /** Bytes of the frame, end mark and checksum included; what follows is not part of it. */
  readonly frameBytes: number
  /** No more than this can come out. */
  readonly contentBytesMax: number
}

export const outlineOf = (input: Uint8Array): Lz4Outline => {
  const view = new DataView(input.buffer, input.byteOffset, input.length)
  const uint32 = (at: number): number => {
    if (at + 4 > input.length) throw new DecompressError("lz4: cut short")
    return view.getUint32(at, true)
  }
  if (uint32(0) !== magic) throw new DecompressError("lz4: no frame")
  const flags = input[4] ?? 0
  if (flags >>> 6 !== 1) throw new DecompressError("lz4: unknown version")
  if ((flags & 1) !== 0) throw new DecompressError("lz4: a dictionary is wanted")
  const blockBytesMax = blockSize(input[5] ?? 0)
  const blockTrailer = (flags & 0x10) === 0 ? 0 : 4
  let at = 7 + ((flags & 0x08) === 0 ? 0 : 8)
  let contentBytesMax = 0
  for (let word = uint32(at); word !== 0; word = uint32(at)) {
    const size = word % incompressible
    if (size > blockBytesMax) throw new DecompressError("lz4: a block beyond the declared size")
    contentBytesMax += word >= incompressible ? size : Math.min(blockBytesMax, size * ratioMax)
    at += 4 + size + blockTrailer
  }
  const frameBytes = at + 4 + ((flags & 0x04) === 0 ? 0 : 4)
  if (frameBytes > input.length) throw new DecompressError("lz4: cut short")
  return { frameBytes, contentBytesMax }
}

/** 64 KiB, 256 KiB, 1 MiB or 4 MiB. */
const blockSize = (descriptor: number): number => {
  const code = (descriptor >>> 4) & 7
  if (code < 4) throw new DecompressError("lz4: unknown block size")
  return 1 << (8 + 2 * code)
}
