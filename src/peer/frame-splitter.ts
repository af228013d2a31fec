/** Bytes of a peer link behind the magic → frames (type and body, without the length). */
import { PeerDecodeError } from "./bytes.ts"

/** Longer than any Kafka request a broker takes, for those are forwarded whole. */
export const peerFrameBytesMax = 128 * 1024 * 1024
/**
 * The first frame is a Hello, from somebody nobody knows yet: room for the heights of 200,000
 * groups.
 */
export const firstFrameBytesMax = 4 * 1024 * 1024

const lengthBytes = 4

/**
 * A frame that lies in one chunk is a view on it; one that spans chunks is put together once, when
 * its last byte is there. Nothing is allocated by a length that somebody merely claimed.
 */
export class PeerFrameSplitter {
  private chunks: Array<Uint8Array> = []
  private held = 0
  /** Total bytes of the frame at the front, its length included; 0 while that is not known. */
  private wanted = 0
  private frameBytesMax = firstFrameBytesMax

  /**
   * Throws PeerDecodeError for a length that no frame has. The chunk must not be reused by the
   * caller.
   */
  push(chunk: Uint8Array): ReadonlyArray<Uint8Array> {
    if (chunk.length > 0) this.chunks.push(chunk)
    this.held += chunk.length
    if (this.held < Math.max(this.wanted, lengthBytes)) return []
    const bytes = this.chunks.length === 1 ? this.chunks[0]! : Buffer.concat(this.chunks)
    const frames: Array<Uint8Array> = []
    const consumed = this.split(bytes, frames)
    const rest = bytes.subarray(consumed)
    this.chunks = rest.length === 0 ? [] : [rest]
    this.held = rest.length
    return frames
  }

  private split(bytes: Uint8Array, frames: Array<Uint8Array>): number {
    let at = 0
    for (;;) {
      this.wanted = 0
      if (bytes.length - at < lengthBytes) return at
      const length = this.lengthAt(bytes, at)
      this.wanted = lengthBytes + length
      if (bytes.length - at < this.wanted) return at
      frames.push(bytes.subarray(at + lengthBytes, at + this.wanted))
      at += this.wanted
      this.frameBytesMax = peerFrameBytesMax
    }
  }

  private lengthAt(bytes: Uint8Array, at: number): number {
    const length =
      (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
    if (length < 1 || length > this.frameBytesMax) {
      throw new PeerDecodeError(`a peer frame of ${length} bytes`)
    }
    return length
  }
}
