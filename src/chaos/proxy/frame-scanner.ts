/**
 * Where the frames of a stream begin and end, without gathering them: an int32 length and that many
 * bytes, for Kafka's protocol and for what brokers say to each other. A stream that is neither is
 * carried all the same; it just has no frames.
 */

/** What streams look like. */
export interface Framing {
  /** What the stream begins with, before its first frame. */
  readonly preamble: Uint8Array
  /** The byte behind the length tells the kind of the frame. */
  readonly typed: boolean
}

export const kafkaFraming: Framing = { preamble: new Uint8Array(0), typed: false }
/** What the dialling broker sends; see `src/peer/codec.ts`. */
export const peerFraming: Framing = { preamble: Buffer.from("VARVEPR1", "latin1"), typed: true }
/** What comes back on the same connection. */
export const peerAnswerFraming: Framing = { preamble: new Uint8Array(0), typed: true }

/** Of peers' frames, those that carry a message of Raft. */
export const raftFrameType = 3

export interface Frame {
  /** With its length prefix. */
  readonly bytes: number
  /** −1 where frames have none. */
  readonly type: number
}

/** A stretch of the stream that lies in one frame, or in none. */
export interface Piece {
  readonly bytes: Uint8Array
  /** The same object for all pieces of a frame. */
  readonly frame: Frame | undefined
  readonly begins: boolean
  readonly ends: boolean
}

const lengthBytes = 4
/** No frame of either protocol is longer. */
const frameBytesMax = 512 * 1024 * 1024
const none: Uint8Array = new Uint8Array(0)

export class FrameScanner {
  private readonly framing: Framing
  private preambleSeen = 0
  /** The beginning of a frame whose kind is not known yet. */
  private head: Uint8Array = none
  private frame: Frame | undefined
  /** Of `frame`, still to come. */
  private left = 0
  private isOpaque = false

  constructor(framing: Framing) {
    this.framing = framing
  }

  /**
   * The pieces of what was kept before and of `chunk`, in order. A frame's first few bytes are kept
   * until its length and kind are there.
   */
  push(chunk: Uint8Array): ReadonlyArray<Piece> {
    const pieces: Array<Piece> = []
    let rest = this.isOpaque ? chunk : this.skipPreamble(chunk, pieces)
    while (rest.length > 0) {
      if (this.isOpaque) pieces.push(outside(rest))
      rest = this.isOpaque ? none : this.cut(rest, pieces)
    }
    return pieces
  }

  /** What is kept; for the end of the stream. */
  flush(): Uint8Array {
    const { head } = this
    this.head = none
    return head
  }

  private skipPreamble(chunk: Uint8Array, pieces: Array<Piece>): Uint8Array {
    const { preamble } = this.framing
    if (this.preambleSeen === preamble.length) return chunk
    const taken = Math.min(preamble.length - this.preambleSeen, chunk.length)
    for (let i = 0; i < taken; i++) {
      if (chunk[i] !== preamble[this.preambleSeen + i]) {
        this.isOpaque = true
        return chunk
      }
    }
    this.preambleSeen += taken
    pieces.push(outside(chunk.subarray(0, taken)))
    return chunk.subarray(taken)
  }

  private cut(rest: Uint8Array, pieces: Array<Piece>): Uint8Array {
    if (this.frame === undefined) return this.begin(rest, pieces)
    const taken = Math.min(this.left, rest.length)
    this.left -= taken
    const ends = this.left === 0
    pieces.push({ bytes: rest.subarray(0, taken), frame: this.frame, begins: false, ends })
    if (ends) this.frame = undefined
    return rest.subarray(taken)
  }

  private begin(rest: Uint8Array, pieces: Array<Piece>): Uint8Array {
    const headBytes = lengthBytes + (this.framing.typed ? 1 : 0)
    if (this.head.length === 0 && rest.length > headBytes) return this.beginWith(rest, pieces)
    const taken = Math.min(headBytes - this.head.length, rest.length)
    this.head = joined(this.head, rest.subarray(0, taken))
    if (this.head.length < headBytes) return none
    const { head } = this
    this.head = none
    this.beginWith(head, pieces)
    return rest.subarray(taken)
  }

  /** `bytes` holds at least a head; gives what is behind the frame that begins there. */
  private beginWith(bytes: Uint8Array, pieces: Array<Piece>): Uint8Array {
    const length = (bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!
    if (length < (this.framing.typed ? 1 : 0) || length > frameBytesMax) {
      this.isOpaque = true
      pieces.push(outside(bytes))
      return none
    }
    const frame = { bytes: lengthBytes + length, type: this.framing.typed ? bytes[4]! : -1 }
    const taken = Math.min(frame.bytes, bytes.length)
    this.left = frame.bytes - taken
    this.frame = this.left === 0 ? undefined : frame
    pieces.push({ bytes: bytes.subarray(0, taken), frame, begins: true, ends: this.left === 0 })
    return bytes.subarray(taken)
  }
}

const outside = (bytes: Uint8Array): Piece => ({
  bytes,
  frame: undefined,
  begins: false,
  ends: false,
})

function joined(some: Uint8Array, more: Uint8Array): Uint8Array {
  if (some.length === 0) return more
  const all = new Uint8Array(some.length + more.length)
  all.set(some)
  all.set(more, some.length)
  return all
}
