/**
 * What a socket has still to send. A write to a Bun socket is short: it takes what the kernel takes
 * now; the rest waits here until `drain`. Small pieces are gathered into one buffer, so that many
 * frames cost one system call; large ones (record data) go out as they are.
 */

/** The part of a Bun socket that sending needs. */
export interface Writable {
  /** Bytes taken; negative when the socket is closed. */
  write(data: Uint8Array, offset?: number, length?: number): number
}

const gatherBytesMax = 128 * 1024
/** Pieces from here on are not copied into the gathering buffer. */
const largeBytes = 32 * 1024
/**
 * Shared by all sockets: its bytes are with the kernel, or still in the pieces, when `write`
 * returns.
 */
const gathered = Buffer.allocUnsafe(gatherBytesMax)

export class SocketOutput {
  private pieces: Uint8Array[] = []
  private head = 0
  /** Bytes of the head piece that are gone already. */
  private headSent = 0
  private waiting = 0

  /** Bytes handed over and not taken by the kernel. */
  get queuedBytes(): number {
    return this.waiting
  }

  push(piece: Uint8Array): void {
    if (piece.length === 0) return
    this.pieces.push(piece)
    this.waiting += piece.length
  }

  /** Sends as much as the socket takes; false when it is closed and nothing more will ever go. */
  flush(socket: Writable): boolean {
    while (this.waiting > 0) {
      const { data, offset, length } = this.next()
      const taken = socket.write(data, offset, length)
      if (taken < 0) return false
      this.advance(taken)
      if (taken < length) return true
    }
    return true
  }

  clear(): void {
    this.pieces = []
    this.head = 0
    this.headSent = 0
    this.waiting = 0
  }

  /** The head piece alone if it is large, else as many small ones as fit the gathering buffer. */
  private next(): { data: Uint8Array; offset: number; length: number } {
    const first = this.pieces[this.head]
    if (first === undefined) throw new Error("output holds bytes but no piece")
    const left = first.length - this.headSent
    const alone = this.head === this.pieces.length - 1
    if (alone || left >= largeBytes) return { data: first, offset: this.headSent, length: left }
    let length = 0
    for (let i = this.head; i < this.pieces.length; i++) {
      const piece = this.pieces[i]
      if (piece === undefined) break
      const from = i === this.head ? this.headSent : 0
      const bytes = piece.length - from
      if (bytes >= largeBytes || length + bytes > gatherBytesMax) break
      gathered.set(from === 0 ? piece : piece.subarray(from), length)
      length += bytes
    }
    return { data: gathered, offset: 0, length }
  }

  private advance(taken: number): void {
    this.waiting -= taken
    let left = taken
    while (left > 0) {
      const first = this.pieces[this.head]
      if (first === undefined) throw new Error("more bytes sent than were queued")
      const rest = first.length - this.headSent
      if (left < rest) {
        this.headSent += left
        break
      }
      left -= rest
      this.headSent = 0
      this.head++
    }
    this.forgetSent()
  }

  private forgetSent(): void {
    if (this.head === this.pieces.length) {
      this.pieces = []
      this.head = 0
    } else if (this.head >= 1024) {
      this.pieces = this.pieces.slice(this.head)
      this.head = 0
    }
  }
}
