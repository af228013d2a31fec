/**
 * Two sockets, from whoever dialled the link and to the broker it leads to, and what is between.
 */
import type { Endpoint } from "../cluster.ts"
import { Pipe } from "./pipe.ts"
import type { PipeEvents } from "./pipe.ts"
import { surface } from "./outlet.ts"
import type { Ending, Wire } from "./outlet.ts"
import type { ProxiedLink } from "./proxied-link.ts"

export class Connection {
  readonly id: number
  private readonly link: ProxiedLink
  private readonly target: Endpoint
  private readonly down: Wire
  private up: Wire | undefined
  private readonly forth: Pipe
  private readonly back: Pipe
  private dialled = false
  private downClosed = false
  private upClosed = false
  private isAborted = false

  constructor(id: number, link: ProxiedLink, target: Endpoint, down: Wire) {
    this.id = id
    this.link = link
    this.target = target
    this.down = down
    this.forth = new Pipe(link, "forth", this.eventsOf("forth"))
    this.back = new Pipe(link, "back", this.eventsOf("back"))
    this.forth.from(down)
    this.back.to(down)
    this.dialIfOpen()
  }

  data(chunk: Uint8Array): void {
    this.forth.received(chunk)
    // As a host does that has closed the connection and has nothing left to say.
    if (this.forth.sinkIsClosed && this.back.idle) this.abort()
  }

  drain(): void {
    this.back.sinkDrained()
  }

  end(): void {
    this.forth.ended("fin")
  }

  closed(error: unknown): void {
    this.downClosed = true
    this.back.sinkClosed()
    this.forth.ended(error === undefined ? "fin" : "reset")
    this.forgetIfOver()
  }

  troubleChanged(): void {
    if (this.isAborted) return
    this.dialIfOpen()
    this.forth.troubleChanged()
    this.back.troubleChanged()
  }

  /** RST to both sides, whatever is on the way. False when it is over already. */
  reset(): boolean {
    if (this.isAborted) return false
    this.link.counters.resets++
    this.abort()
    return true
  }

  private eventsOf(direction: "forth" | "back"): PipeEvents {
    const { link } = this
    return {
      ending: (ending) => this.pipeEnded(direction, ending),
      responseLost: () => void this.reset(),
      seen: (bytes, lost) =>
        link.tap?.({
          link: link.link,
          connection: this.id,
          direction: direction === "forth" ? "request" : "response",
          bytes,
          lost,
        }),
    }
  }

  private pipeEnded(direction: "forth" | "back", ending: Ending): void {
    const sink = direction === "forth" ? this.up : this.down
    if (ending === "reset") sink?.terminate()
    else sink?.shutdown()
  }

  /** A link that is cut says nothing to the broker behind it, not even that somebody dials. */
  private dialIfOpen(): void {
    const { cut } = this.link.trouble
    if (this.dialled || cut === "drop" || cut === "hold") return
    this.dialled = true
    const { host, port } = this.target
    Bun.connect({
      hostname: host,
      port,
      allowHalfOpen: true,
      socket: {
        open: (socket) => {
          socket.setNoDelay(true)
          if (this.isAborted) socket.terminate()
          else this.opened(socket)
        },
        data: (_, chunk) => this.back.received(chunk),
        drain: () => this.forth.sinkDrained(),
        end: () => this.back.ended("fin"),
        close: (_, error) => this.upstreamClosed(error),
        error: (_, error) => surface(error),
      },
    }).catch(() => {
      this.upClosed = true
      this.abort()
    })
  }

  private opened(socket: Wire): void {
    this.up = socket
    this.back.from(socket)
    this.forth.to(socket)
  }

  private upstreamClosed(error: unknown): void {
    this.upClosed = true
    this.forth.sinkClosed()
    this.back.ended(error === undefined ? "fin" : "reset")
    this.forgetIfOver()
  }

  private abort(): void {
    if (this.isAborted) return
    this.isAborted = true
    this.forth.sinkClosed()
    this.back.sinkClosed()
    if (!this.downClosed) this.down.terminate()
    if (!this.upClosed) this.up?.terminate()
    this.forgetIfOver()
  }

  private forgetIfOver(): void {
    const upIsOver = this.upClosed || (!this.dialled && this.isAborted)
    if (this.downClosed && upIsOver) this.link.forget(this)
  }
}
