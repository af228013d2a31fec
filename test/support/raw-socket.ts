import { until } from "../../scripts/harness/until.ts"

/** A TCP client that says exactly what a test tells it to, and keeps what comes back. */
export class RawSocket {
  private readonly chunks: Array<Uint8Array> = []
  private socket: Bun.Socket | undefined
  /** The other side closed, or broke the connection off. */
  closed = false

  static async connect(port: number): Promise<RawSocket> {
    const raw = new RawSocket()
    raw.socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      allowHalfOpen: true,
      socket: {
        data: (_, chunk) => {
          raw.chunks.push(new Uint8Array(chunk))
        },
        end: () => {
          raw.closed = true
        },
        close: () => {
          raw.closed = true
        },
        error: () => {
          raw.closed = true
        },
      },
    })
    return raw
  }

  get received(): Buffer {
    return Buffer.concat(this.chunks)
  }

  /** Bytes the kernel took: fewer than given when the other side does not read. */
  write(bytes: Uint8Array | string): number {
    return this.socket?.write(bytes) ?? -1
  }

  /** Sends all of it, however slowly the other side reads. */
  async writeAll(bytes: Uint8Array): Promise<void> {
    let rest = bytes
    await until("the other side to take everything", () => {
      const taken = this.write(rest)
      if (taken < 0) throw new Error("closed")
      rest = rest.subarray(taken)
      return rest.length === 0
    })
  }

  pause(): void {
    this.socket?.pause()
  }

  resume(): void {
    this.socket?.resume()
  }

  /** Closes the sending side only. */
  finish(): void {
    this.socket?.shutdown()
  }

  destroy(): void {
    this.socket?.terminate()
  }

  /** Whole response frames so far, without their length. */
  get frames(): ReadonlyArray<Buffer> {
    const frames: Array<Buffer> = []
    let rest = this.received
    while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE()) {
      const end = 4 + rest.readInt32BE()
      frames.push(rest.subarray(4, end))
      rest = rest.subarray(end)
    }
    return frames
  }
}

/** Correlation ids of response frames, in the order of their coming. */
export function correlationIds(raw: RawSocket): ReadonlyArray<number> {
  return raw.frames.map((frame) => frame.readInt32BE())
}
