/** A port at which the proxy takes connections, for one link or for several. */
import type { TCPSocketListener } from "bun"
import type { Endpoint } from "../cluster.ts"
import { callerOf } from "./caller.ts"
import { Connection } from "./connection.ts"
import { surface } from "./outlet.ts"
import type { Wire } from "./outlet.ts"
import type { ProxiedLink } from "./proxied-link.ts"

/** Of which link a connection is. */
export type Entrance =
  | { readonly _tag: "one"; readonly link: ProxiedLink }
  /**
   * Brokers of Apache Kafka find each other by one address that all of them are told: the name in
   * the first request says who dials. Undefined: nobody whose connections are taken.
   */
  | { readonly _tag: "by-caller"; readonly linkOf: (clientId: string) => ProxiedLink | undefined }

export interface DoorOptions {
  readonly listen: Endpoint
  /** Where it leads. */
  readonly target: Endpoint
  readonly entrance: Entrance
  readonly nextId: () => number
}

/** What is at one end of an accepted socket. */
interface Visitor {
  connection: Connection | undefined
  /** Until it is known of which link it is. */
  first: Uint8Array
}

const nothing: Uint8Array = new Uint8Array(0)

export class Door {
  private readonly options: DoorOptions
  private server: TCPSocketListener<Visitor> | undefined
  private readonly waiting = new Set<Wire>()

  constructor(options: DoorOptions) {
    this.options = options
  }

  /** Throws when the port is taken. */
  open(): void {
    const { listen, entrance } = this.options
    this.server ??= Bun.listen<Visitor>({
      hostname: listen.host,
      port: listen.port,
      allowHalfOpen: true,
      exclusive: true,
      data: { connection: undefined, first: nothing },
      socket: {
        open: (socket) => {
          socket.data = { connection: undefined, first: nothing }
          socket.setNoDelay(true)
          if (entrance._tag === "one") this.admit(socket, socket.data, entrance.link)
          else this.waiting.add(socket)
        },
        data: (socket, chunk) => {
          if (socket.data.connection === undefined) this.ask(socket, socket.data, chunk)
          else socket.data.connection.data(chunk)
        },
        drain: (socket) => socket.data.connection?.drain(),
        end: (socket) => {
          if (socket.data.connection === undefined) socket.terminate()
          else socket.data.connection.end()
        },
        close: (socket, error) => {
          this.waiting.delete(socket)
          socket.data.connection?.closed(error)
        },
        error: (_, error) => surface(error),
      },
    })
  }

  /** Nobody listens any more; the connections there are go on. */
  close(): void {
    this.server?.stop(false)
    this.server = undefined
    for (const socket of this.waiting) socket.terminate()
  }

  private ask(socket: Wire, visitor: Visitor, chunk: Uint8Array): void {
    const { entrance } = this.options
    visitor.first = visitor.first.length === 0 ? chunk : Buffer.concat([visitor.first, chunk])
    const caller = callerOf(visitor.first)
    if (caller._tag === "more") return
    this.waiting.delete(socket)
    const link =
      caller._tag === "named" && entrance._tag === "by-caller"
        ? entrance.linkOf(caller.clientId)
        : undefined
    if (link === undefined) return socket.terminate()
    const { first } = visitor
    visitor.first = nothing
    this.admit(socket, visitor, link)?.data(first)
  }

  private admit(socket: Wire, visitor: Visitor, link: ProxiedLink): Connection | undefined {
    if (link.trouble.cut === "refuse") {
      link.counters.refused++
      socket.terminate()
      return undefined
    }
    const { nextId, target } = this.options
    visitor.connection = new Connection(nextId(), link, target, socket)
    link.add(visitor.connection)
    return visitor.connection
  }
}
