/** A frame is an int32 length and that many bytes: a request or a response with its header. */

/**
 * What stands for a length is negative or beyond the limit: not Kafka's protocol, or not meant
 * well.
 */
export class FrameTooLarge extends Error {
  readonly _tag = "FrameTooLarge"
  override readonly name = "FrameTooLarge"
  readonly length: number

  constructor(length: number, bytesMax: number) {
    super(`a frame of ${length} bytes; at most ${bytesMax} are taken`)
    this.length = length
  }
}

const prefixBytes = 4
const nothing: Uint8Array = new Uint8Array(0)

/**
 * Cuts a byte stream into frames. A frame that lies within one chunk is a view on it; one that does
 * not is gathered. The bytes kept are those received: a length alone allocates nothing.
 */
export class FrameSplitter {
  private readonly bytesMax: number
  /** Longest frame that is taken next: the first may be held to less than those behind it. */
  private nextBytesMax: number
  /** Pieces of the unfinished frame, prefix included. */
  private pieces: Array<Uint8Array> = []
  private bytesKept = 0
  /** Bytes of the unfinished frame with its prefix, once the prefix is complete. */
  private bytesWanted: number | undefined

  constructor(bytesMax: number, firstBytesMax = bytesMax) {
    this.bytesMax = bytesMax
    this.nextBytesMax = firstBytesMax
  }

  /** Bytes received of a frame that is not complete. */
  get pending(): number {
    return this.bytesKept
  }

  /**
   * The frames that `chunk` completes, in order, without their length prefix. Throws
   * `FrameTooLarge`, after which the stream has no more frames: the splitter must be dropped with
   * the connection.
   */
  push(chunk: Uint8Array): ReadonlyArray<Uint8Array> {
    const frames: Array<Uint8Array> = []
    let rest = chunk
    while (rest.length > 0) {
      rest = this.bytesKept > 0 ? this.fill(rest, frames) : this.cut(rest, frames)
    }
    return frames
  }

  /** Nothing is kept: takes a whole frame from the beginning of `rest`, or keeps all of it. */
  private cut(rest: Uint8Array, frames: Array<Uint8Array>): Uint8Array {
    if (rest.length < prefixBytes) return this.keep(rest)
    const wanted = prefixBytes + this.lengthAt(rest)
    if (rest.length < wanted) {
      this.bytesWanted = wanted
      return this.keep(rest)
    }
    this.take(rest.subarray(prefixBytes, wanted), frames)
    return rest.subarray(wanted)
  }

  /** Adds to the unfinished frame what it lacks. */
  private fill(rest: Uint8Array, frames: Array<Uint8Array>): Uint8Array {
    const lacking = (this.bytesWanted ?? prefixBytes) - this.bytesKept
    if (rest.length < lacking) return this.keep(rest)
    this.keep(rest.subarray(0, lacking))
    const gathered = this.gather()
    if (this.bytesWanted !== undefined) {
      this.bytesWanted = undefined
      this.take(gathered.subarray(prefixBytes), frames)
    } else {
      this.bytesWanted = prefixBytes + this.lengthAt(gathered)
      if (this.bytesWanted === prefixBytes) {
        this.bytesWanted = undefined
        this.take(nothing, frames)
      } else this.keep(gathered)
    }
    return rest.subarray(lacking)
  }

  private take(frame: Uint8Array, frames: Array<Uint8Array>): void {
    frames.push(frame)
    this.nextBytesMax = this.bytesMax
  }

  private keep(piece: Uint8Array): Uint8Array {
    this.pieces.push(piece)
    this.bytesKept += piece.length
    return nothing
  }

  private gather(): Uint8Array {
    const all = new Uint8Array(this.bytesKept)
    let at = 0
    for (const piece of this.pieces) {
      all.set(piece, at)
      at += piece.length
    }
    this.pieces = []
    this.bytesKept = 0
    return all
  }

  private lengthAt(bytes: Uint8Array): number {
    const length = (bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!
    if (length < 0 || length > this.nextBytesMax) throw new FrameTooLarge(length, this.nextBytesMax)
    return length
  }
}
