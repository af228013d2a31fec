/**
 * The outline of zstd frames (RFC 8878 §3.1.1), read without decompressing: that they are all
 * there, and what they say they hold. The decompressor itself takes a stream cut short for a short
 * stream.
 */
import { DecompressError } from "./errors.ts"

const magic = 0xfd2fb528

/**
 * The bytes that the frames in `input` say they hold; a frame may leave it unsaid (counted as 0).
 */
export const zstdContentBytes = (input: Uint8Array): number => {
  const view = new DataView(input.buffer, input.byteOffset, input.length)
  let contentBytes = 0
  let at = 0
  do {
    const frame = frameAt(view, at)
    contentBytes += frame.contentBytes
    at = frame.end
  } while (at < input.length)
  return contentBytes
}

const frameAt = (view: DataView, start: number): { end: number; contentBytes: number } => {
  if (start + 5 > view.byteLength) throw cutShort()
  if (view.getUint32(start, true) !== magic) throw new DecompressError("zstd: no frame")
  const descriptor = view.getUint8(start + 4)
  const singleSegment = (descriptor & 0x20) !== 0
  const sizeBytes = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >>> 6] ?? 0
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0
  const sizeAt = start + 5 + (singleSegment ? 0 : 1) + dictionaryBytes
  const contentBytes = contentSize(view, sizeAt, sizeBytes)
  let at = sizeAt + sizeBytes
  for (let last = false; !last;) {
    if (at + 3 > view.byteLength) throw cutShort()
    const header = view.getUint16(at, true) | (view.getUint8(at + 2) << 16)
    const type = (header >>> 1) & 3
    if (type === 3) throw new DecompressError("zstd: malformed")
    last = (header & 1) === 1
    at += 3 + (type === 1 ? 1 : header >>> 3)
  }
  const end = at + ((descriptor & 0x04) === 0 ? 0 : 4)
  if (end > view.byteLength) throw cutShort()
  return { end, contentBytes }
}

const contentSize = (view: DataView, at: number, bytes: number): number => {
  if (at + bytes > view.byteLength) throw cutShort()
  switch (bytes) {
    case 1:
      return view.getUint8(at)
    case 2:
      return view.getUint16(at, true) + 256
    case 4:
      return view.getUint32(at, true)
    case 8:
      return Number(view.getBigUint64(at, true))
    default:
      return 0
  }
}

const cutShort = (): DecompressError => new DecompressError("zstd: cut short")
