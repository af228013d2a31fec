/** Bytes of a peer link behind the magic → frames (type and body, without the length). */
import { FrameSplitter, FrameTooLarge } from "../protocol/frame.ts"
import { PeerDecodeError } from "./bytes.ts"

/** Longer than any Kafka request a broker takes, for those are forwarded whole. */
export const peerFrameBytesMax = 128 * 1024 * 1024
/**
 * The first frame is a Hello, from somebody nobody knows yet: room for what it says of
 * 129,000 groups.
 */
export const firstFrameBytesMax = 8 * 1024 * 1024

/** Kafka's framing with the bounds of a peer link; a frame has at least its type. */
export class PeerFrameSplitter {
  private readonly frames = new FrameSplitter(peerFrameBytesMax, firstFrameBytesMax)

  /**
   * Throws PeerDecodeError for a length that no frame has. The chunk must not be reused by the
   * caller.
   */
  push(chunk: Uint8Array): ReadonlyArray<Uint8Array> {
    try {
      const frames = this.frames.push(chunk)
      if (frames.some((frame) => frame.length === 0)) {
        throw new PeerDecodeError("a peer frame of 0 bytes")
      }
      return frames
    } catch (error) {
      if (error instanceof FrameTooLarge) throw new PeerDecodeError(error.message)
      throw error
    }
  }
}
