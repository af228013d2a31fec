/**
 * The link to one peer that this broker dials and on which it sends. Frames are queued and written
 * once per turn; heartbeats go before bulk. The other end answers our Hello with its own and then,
 * now and then, with a Heartbeat: it tells a link that a proxy or a broken network has made a hole
 * of, which TCP alone would find only minutes later.
 */
import type { Socket } from "bun"
import type { Hello, PeerEvents } from "./transport.ts"
import { encodePeerFrame, PEER_MAGIC } from "./codec.ts"
import type { PeerFrame } from "./codec.ts"
import { PeerReader } from "./peer-reader.ts"
import { SocketOutput } from "./socket-output.ts"

export interface OutboundOptions {
  readonly nodeId: number
  readonly host: string
  readonly port: number
  readonly events: PeerEvents
}

/**
 * Above it bulk frames are dropped: Raft sends again what is missing, and a queue must not grow
 * without end.
 */
export const bulkBytesMax = 32 * 1024 * 1024
/** What is handed to the socket before heartbeats get their next chance to go first. */
const socketBytesMax = 256 * 1024
/**
 * Without a sign from the other end for so long, though we sent, the link is dropped and dialled
 * anew.
 */
const silenceMs = 2000
const backOffFirstMs = 20
const backOffMaxMs = 500

type State = "down" | "dialling" | "greeting" | "up"

export class OutboundLink {
  private readonly options: OutboundOptions
  private state: State = "down"
  private socket: Socket | undefined
  private readonly reader = new PeerReader()
  private output = new SocketOutput()
  private urgent: Uint8Array[][] = []
  private bulk: Uint8Array[][] = []
  private bulkBytes = 0
  private backOffMs = backOffFirstMs
  private redial: ReturnType<typeof setTimeout> | undefined
  /** Since when we wait for a sign; 0: nothing was sent since the last one. */
  private waitingSinceMs = 0
  private attempt = 0
  private stopped = false

  constructor(options: OutboundOptions) {
    this.options = options
  }

  get up(): boolean {
    return this.state === "up"
  }

  get queuedBytes(): number {
    return this.bulkBytes + this.output.queuedBytes
  }

  dial(): void {
    if (this.stopped || this.state !== "down") return
    this.state = "dialling"
    const attempt = ++this.attempt
    const current = () => attempt === this.attempt
    this.waitingSinceMs = this.options.events.nowMs()
    const { host, port } = this.options
    Bun.connect({
      hostname: host,
      port,
      socket: {
        open: (socket) => {
          if (current()) this.opened(socket)
          else socket.end()
        },
        data: (socket, chunk) => {
          if (current()) this.received(chunk)
          else socket.end()
        },
        drain: () => {
          if (current()) this.flush()
        },
        close: () => {
          if (current()) this.closed(false)
        },
        error: (socket, error) => {
          if (!("code" in error)) this.options.events.complain(`${this.name}: ${error.stack}`)
          socket.end()
        },
      },
    }).catch((error: unknown) => {
      if (current()) this.closed(isRefusal(error))
    })
  }

  /** False when the frame was dropped: no link, or too much waiting already. */
  send(frame: PeerFrame): boolean {
    if (this.state !== "up") return false
    const parts = [...encodePeerFrame(frame)]
    if (frame._tag === "Heartbeat") {
      this.urgent.push(parts)
      return true
    }
    if (this.bulkBytes > bulkBytesMax) return false
    for (const part of parts) this.bulkBytes += part.length
    this.bulk.push(parts)
    return true
  }

  /** Once per turn, and when the socket drains. */
  flush(): void {
    const { socket } = this
    if (socket === undefined) return
    let taken = 0
    for (;;) {
      for (const parts of this.urgent) for (const part of parts) this.output.push(part)
      this.urgent = []
      while (taken < this.bulk.length && this.output.queuedBytes < socketBytesMax) {
        for (const part of this.bulk[taken] ?? []) {
          this.output.push(part)
          this.bulkBytes -= part.length
        }
        taken++
      }
      if (this.output.queuedBytes === 0) break
      if (this.waitingSinceMs === 0) this.waitingSinceMs = this.options.events.nowMs()
      if (!this.output.flush(socket)) return this.closed(false)
      if (this.output.queuedBytes > 0) break
    }
    if (taken > 0) this.bulk = taken === this.bulk.length ? [] : this.bulk.slice(taken)
  }

  /** Every tick, after the sockets were read. */
  sweep(nowMs: number): void {
    if (this.state === "down" || this.waitingSinceMs === 0) return
    if (nowMs - this.waitingSinceMs < silenceMs) return
    this.closed(false)
  }

  /** Sends what is queued unless the broker failed. */
  stop(broken = false): void {
    this.stopped = true
    clearTimeout(this.redial)
    this.attempt++
    if (broken) this.socket?.terminate()
    else this.flush()
    this.socket?.end()
    this.socket = undefined
    this.state = "down"
  }

  private opened(socket: Socket): void {
    socket.setNoDelay(true)
    this.socket = socket
    this.state = "greeting"
    this.output.push(PEER_MAGIC)
    const { events, nodeId } = this.options
    for (const part of encodePeerFrame(events.hello(nodeId))) this.output.push(part)
    this.flush()
  }

  private received(chunk: Uint8Array): void {
    this.waitingSinceMs = 0
    try {
      for (const frame of this.reader.push(chunk)) {
        if (this.state === "greeting") this.greeted(this.reader.hello(frame))
        else this.reader.heartbeat(frame)
        if (this.socket === undefined) return
      }
    } catch (error) {
      this.options.events.complain(
        `${this.name}: ${error instanceof Error ? error.message : String(error)}`,
      )
      this.closed(false)
    }
  }

  private greeted(hello: Hello): void {
    const { events, nodeId } = this.options
    if (hello.nodeId !== nodeId) {
      events.complain(`${this.name}: broker ${hello.nodeId} answers there`)
      return this.closed(false)
    }
    this.state = "up"
    const admission = events.connected(nodeId, hello)
    if (admission._tag === "refused") {
      events.complain(`${this.name}: ${admission.reason}`)
      // Not up after all: dialled again with back-off.
      this.state = "greeting"
      return this.closed(false)
    }
    this.backOffMs = backOffFirstMs
  }

  private get name(): string {
    return `link to broker ${this.options.nodeId} at ${this.options.host}:${this.options.port}`
  }

  private closed(refused: boolean): void {
    const wasUp = this.state === "up"
    this.attempt++
    this.socket?.terminate()
    this.socket = undefined
    this.state = "down"
    this.reader.reset()
    this.output = new SocketOutput()
    this.urgent = []
    this.bulk = []
    this.bulkBytes = 0
    this.waitingSinceMs = 0
    if (this.stopped) return
    this.options.events.closed(this.options.nodeId, refused)
    // A link that was up is dialled at once: whether anybody listens there still is what the
    // cluster wants to know.
    const waitMs = wasUp ? 0 : this.backOffMs * (0.75 + Math.random() / 2)
    if (!wasUp) this.backOffMs = Math.min(backOffMaxMs, this.backOffMs * 1.6)
    clearTimeout(this.redial)
    this.redial = setTimeout(() => this.dial(), waitMs)
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ECONNREFUSED"
}
