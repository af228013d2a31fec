/**
 * The codecs of record batches, with the limits that the wire lacks: what comes out is bounded
 * before or while it is made, so that a batch of a few kilobytes cannot claim gigabytes.
 */
import { constants, gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from "node:zlib"
import { compressFrameSync, decompressFrameSync } from "lz4-napi"
import { compress as compressSnappyBlock } from "snappyjs"
import { DecompressError } from "./errors.ts"
import { outlineOf } from "./lz4-frame.ts"
import { decodeSnappy } from "./snappy-decoder.ts"
import { zstdContentBytes } from "./zstd-frame.ts"

/** By the number that the attributes of a batch carry. */
export const compressionNames = ["none", "gzip", "snappy", "lz4", "zstd"] as const

export type Compression = (typeof compressionNames)[number]

/** Decompressed bytes of one batch. Kafka has no such limit. */
export const decompressedBytesMax = 64 * 1024 * 1024

/**
 * Throws `DecompressError` for malformed bytes, and for more than `bytesMax` of them. An LZ4 frame
 * is refused for what it could hold by its block headers, which is up to one block more than it
 * does.
 */
export const decompress = (
  codec: Compression,
  bytes: Uint8Array,
  bytesMax: number = decompressedBytesMax,
): Uint8Array => {
  if (bytes.length === 0 && codec !== "none") throw new DecompressError(`${codec}: nothing`)
  switch (codec) {
    case "none":
      if (bytes.length > bytesMax) throw tooLarge(codec, bytesMax)
      return bytes
    case "gzip":
      return bounded(codec, bytesMax, () => gunzipSync(bytes, { maxOutputLength: bytesMax }))
    case "snappy":
      return decompressSnappy(bytes, bytesMax)
    case "lz4":
      return decompressLz4(bytes, bytesMax)
    default:
      return decompressZstd(bytes, bytesMax)
  }
}

export const compress = (codec: Compression, bytes: Uint8Array): Uint8Array => {
  switch (codec) {
    case "none":
      return bytes
    case "gzip":
      return gzipSync(bytes)
    case "snappy":
      return compressSnappy(bytes)
    case "lz4":
      return compressFrameSync(asBuffer(bytes))
    default:
      return zstdCompressSync(bytes)
  }
}

/** No window beyond what may come out anyway: 2^26 bytes. */
const zstdParams = { [constants.ZSTD_d_windowLogMax]: 26 }

const tooLarge = (codec: Compression, bytesMax: number): DecompressError =>
  new DecompressError(`${codec}: more than ${bytesMax} bytes`, "tooLarge")

const bounded = (codec: Compression, bytesMax: number, run: () => Uint8Array): Uint8Array => {
  try {
    return run()
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE") {
      throw tooLarge(codec, bytesMax)
    }
    throw new DecompressError(`${codec}: malformed`, "malformed", error)
  }
}

const decompressZstd = (bytes: Uint8Array, bytesMax: number): Uint8Array => {
  if (zstdContentBytes(bytes) > bytesMax) throw tooLarge("zstd", bytesMax)
  const options = { maxOutputLength: bytesMax, params: zstdParams }
  return bounded("zstd", bytesMax, () => zstdDecompressSync(bytes, options))
}

const decompressLz4 = (bytes: Uint8Array, bytesMax: number): Uint8Array => {
  const { frameBytes, contentBytesMax } = outlineOf(bytes)
  if (contentBytesMax > bytesMax) throw tooLarge("lz4", bytesMax)
  const frame = asBuffer(bytes.subarray(0, frameBytes))
  return bounded("lz4", bytesMax, () => decompressFrameSync(frame))
}

/**
 * The Java client wraps snappy blocks in the framing of the xerial library: this magic, two int32
 * versions, then blocks with an int32 length in front. librdkafka sends one bare block.
 */
const xerialMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const xerialHeaderBytes = 16
const xerialBlockBytes = 32 * 1024

const decompressSnappy = (bytes: Uint8Array, bytesMax: number): Uint8Array => {
  const input = asBuffer(bytes)
  if (input.compare(xerialMagic, 0, 8, 0, Math.min(8, input.length)) !== 0) {
    return decodeSnappy(input, bytesMax)
  }
  if (input.length < xerialHeaderBytes) throw new DecompressError("snappy: cut short")
  const blocks: Array<Uint8Array> = []
  let bytesLeft = bytesMax
  for (let at = xerialHeaderBytes; at < input.length;) {
    if (at + 4 > input.length) throw new DecompressError("snappy: cut short")
    const end = at + 4 + input.readUInt32BE(at)
    if (end > input.length) throw new DecompressError("snappy: cut short")
    const block = decodeSnappy(input.subarray(at + 4, end), bytesLeft)
    bytesLeft -= block.length
    blocks.push(block)
    at = end
  }
  return Buffer.concat(blocks)
}

const compressSnappy = (bytes: Uint8Array): Uint8Array => {
  const header = Buffer.alloc(xerialHeaderBytes)
  xerialMagic.copy(header)
  header.writeInt32BE(1, 8)
  header.writeInt32BE(1, 12)
  const parts: Array<Uint8Array> = [header]
  for (let at = 0; at < bytes.length; at += xerialBlockBytes) {
    const block = compressSnappyBlock(bytes.subarray(at, at + xerialBlockBytes))
    const length = Buffer.alloc(4)
    length.writeInt32BE(block.length)
    parts.push(length, block)
  }
  return Buffer.concat(parts)
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
