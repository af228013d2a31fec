/**
 * The end of one direction of a connection: what is to be written to a socket, each piece not
 * before its time, in order, and no faster than the socket takes it.
 */

/** The part of a Bun socket that the proxy needs. */
export interface Wire {
  /** Bytes taken; negative when the socket is closed. */
  write(bytes: Uint8Array): number
  pause(): void
  resume(): void
  /** FIN: the other direction stays open. */
  shutdown(): void
  /** RST. */
  terminate(): void
}

/**
 * What a socket reports as its error: the network's are its ends and told as such, any other was
 * thrown by a handler and must not pass unseen.
 */
export function surface(error: Error): void {
  if ("code" in error) return
  queueMicrotask(() => {
    throw error
  })
}

/** How the stream is to end once everything before it has gone. */
export type Ending = "fin" | "reset"

interface Item {
  bytes: Uint8Array
  /** `performance.now()`; not written before. */
  readonly fromMs: number
}

export interface OutletEvents {
  /** Bytes that the socket has taken. */
  wrote(bytes: number): void
  /** After the last byte: the socket is to end that way. */
  ending(ending: Ending): void
  /** `queuedBytes` has shrunk. */
  room(): void
}

export class Outlet {
  private readonly events: OutletEvents
  private socket: Wire | undefined
  private queue: Array<Item> = []
  private head = 0
  private waitingBytes = 0
  private last: Ending | undefined
  private told: Ending | undefined
  private isHeld = false
  private isBlocked = false
  private isClosed = false
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(events: OutletEvents) {
    this.events = events
  }

  get queuedBytes(): number {
    return this.waitingBytes
  }

  get closed(): boolean {
    return this.isClosed
  }

  open(socket: Wire): void {
    this.socket = socket
    this.pump()
  }

  push(bytes: Uint8Array, fromMs = 0): void {
    if (bytes.length === 0 || this.isClosed || this.last !== undefined) return
    this.queue.push({ bytes, fromMs })
    this.waitingBytes += bytes.length
  }

  /** Nothing comes behind it; what ended may still be reset. */
  end(ending: Ending): void {
    if (this.last !== "reset") this.last = ending
    this.pump()
  }

  hold(held: boolean): void {
    this.isHeld = held
    this.pump()
  }

  /** What waits for its time waits no more. */
  hurry(): void {
    this.queue = this.queue.slice(this.head).map(({ bytes }) => ({ bytes, fromMs: 0 }))
    this.head = 0
    this.pump()
  }

  /** The socket takes bytes again. */
  drained(): void {
    this.isBlocked = false
    this.pump()
  }

  /** The socket is gone: what was for it is dropped. */
  close(): void {
    this.isClosed = true
    this.socket = undefined
    clearTimeout(this.timer)
    this.timer = undefined
    this.queue = []
    this.head = 0
    this.waitingBytes = 0
  }

  pump(): void {
    const { socket } = this
    if (socket === undefined || this.isHeld || this.isBlocked || this.isClosed) return
    const before = this.waitingBytes
    const nowMs = performance.now()
    for (;;) {
      const item = this.queue[this.head]
      if (item === undefined) break
      if (item.fromMs > nowMs) {
        this.wakeIn(item.fromMs - nowMs)
        break
      }
      if (!this.write(socket, item)) break
    }
    this.forgetWritten()
    if (this.waitingBytes < before) this.events.room()
    this.tell()
  }

  private tell(): void {
    const { last } = this
    if (this.queue.length > 0 || last === undefined || last === this.told || this.isClosed) return
    this.told = last
    this.events.ending(last)
  }

  /** False when the socket takes no more for now. */
  private write(socket: Wire, item: Item): boolean {
    const taken = socket.write(item.bytes)
    if (taken < 0) {
      this.close()
      return false
    }
    this.waitingBytes -= taken
    this.events.wrote(taken)
    if (taken < item.bytes.length) {
      item.bytes = item.bytes.subarray(taken)
      this.isBlocked = true
      return false
    }
    this.head++
    return true
  }

  private forgetWritten(): void {
    if (this.head === this.queue.length) {
      this.queue = []
      this.head = 0
    } else if (this.head >= 1024) {
      this.queue = this.queue.slice(this.head)
      this.head = 0
    }
  }

  private wakeIn(ms: number): void {
    clearTimeout(this.timer)
    this.timer = setTimeout(() => {
      this.timer = undefined
      this.pump()
    }, Math.ceil(ms))
  }
}
