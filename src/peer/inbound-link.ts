/**
 * The link that a peer has dialled: its frames come in, nothing goes back but our Hello in answer
 * to its own and a Heartbeat now and then, so that it can tell this link from a dead one.
 */
import type { Hello, PeerEvents } from "./transport.ts"
import { encodePeerFrame } from "./codec.ts"
import type { PeerFrame } from "./codec.ts"
import { PeerReader } from "./peer-reader.ts"

export interface InboundSocket {
  write(data: Uint8Array): number
  end(): void
  terminate(): void
}

export interface InboundOptions {
  readonly remote: string
  readonly events: PeerEvents
  /** The peer has said who it is and is welcome: an older link of its is void. */
  readonly admitted: (link: InboundLink, nodeId: number) => void
  readonly gone: (link: InboundLink) => void
}

const signEveryMs = 250

export class InboundLink {
  private readonly options: InboundOptions
  private readonly socket: InboundSocket
  private readonly reader = new PeerReader()
  private peer: Hello | undefined
  private signMs = 0
  /** Something came in since the last sign. */
  private owesSign = false
  private isClosed = false

  constructor(socket: InboundSocket, options: InboundOptions) {
    this.socket = socket
    this.options = options
  }

  get nodeId(): number | undefined {
    return this.peer?.nodeId
  }

  data(chunk: Uint8Array): void {
    if (this.isClosed) return
    try {
      for (const bytes of this.reader.push(chunk)) {
        if (this.peer === undefined) this.greet(this.reader.hello(bytes))
        else this.deliver(this.peer, bytes)
        if (this.isClosed) return
      }
    } catch (error) {
      this.refuse(error instanceof Error ? error.message : String(error))
    }
    this.owesSign = true
    this.sign(this.options.events.nowMs())
  }

  drain(): void {
    // A Heartbeat that did not go is not missed.
  }

  end(): void {
    this.destroy()
  }

  close(): void {
    this.isClosed = true
    this.options.gone(this)
  }

  destroy(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.socket.terminate()
  }

  private greet(hello: Hello): void {
    const { events } = this.options
    const admission = events.accepted(hello.nodeId, hello)
    if (admission._tag === "refused") return this.refuse(admission.reason)
    this.peer = hello
    this.reader.from(events.memberOf(hello.nodeId, hello.diskUuid), events.ownMember)
    this.options.admitted(this, hello.nodeId)
    this.write(events.hello(hello.nodeId))
  }

  private deliver(peer: Hello, bytes: Uint8Array): void {
    this.options.events.frame(peer.nodeId, this.reader.frame(bytes))
  }

  /** Also called every tick, so that the last frame of a burst gets its sign. */
  sign(nowMs: number): void {
    if (!this.owesSign || this.peer === undefined || this.isClosed) return
    if (nowMs - this.signMs < signEveryMs) return
    this.signMs = nowMs
    this.owesSign = false
    this.write({ _tag: "Heartbeat", appliedMetadataIndex: 0, lowSpace: false })
  }

  /** What goes back is small and rare: a socket that cannot take it is as good as gone. */
  private write(frame: PeerFrame): void {
    const bytes = Buffer.concat(encodePeerFrame(frame))
    if (this.socket.write(bytes) < bytes.length) this.destroy()
  }

  private refuse(reason: string): void {
    this.options.events.complain(`peer link from ${this.options.remote} refused: ${reason}`)
    this.destroy()
  }
}
