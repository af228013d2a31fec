/** The port of one directed link: takes connections, and troubles those it has. */
import type { TCPSocketListener } from "bun"
import type { LinkTrouble } from "../network.ts"
import { Connection } from "./connection.ts"
import type { LinkState } from "./link-state.ts"

interface Accepted {
  connection: Connection | undefined
}

export class LinkListener {
  readonly state: LinkState
  private readonly nextId: () => number
  private server: TCPSocketListener<Accepted> | undefined
  private readonly connections = new Set<Connection>()

  constructor(state: LinkState, nextId: () => number) {
    this.state = state
    this.nextId = nextId
  }

  /** Connections under way. */
  get open(): number {
    return this.connections.size
  }

  /** Throws when the port is taken. */
  listen(): void {
    const { host, port } = this.state.place.listen
    this.server ??= Bun.listen<Accepted>({
      hostname: host,
      port,
      allowHalfOpen: true,
      exclusive: true,
      data: { connection: undefined },
      socket: {
        open: (socket) => {
          socket.data = { connection: undefined }
          if (this.state.trouble.cut === "refuse") {
            this.state.counters.refused++
            socket.terminate()
            return
          }
          socket.setNoDelay(true)
          this.state.counters.connections++
          const { state } = this
          const forget = (over: Connection) => void this.connections.delete(over)
          const connection = new Connection(this.nextId(), state, socket, forget)
          socket.data.connection = connection
          this.connections.add(connection)
        },
        data: (socket, chunk) => socket.data.connection?.data(chunk),
        drain: (socket) => socket.data.connection?.drain(),
        end: (socket) => socket.data.connection?.end(),
        close: (socket, error) => socket.data.connection?.closed(error),
        error: () => {},
      },
    })
  }

  /** Nobody listens any more; the connections there are go on. */
  stopListening(): void {
    this.server?.stop(false)
    this.server = undefined
  }

  /** Throws RangeError for what this kind of link cannot suffer. */
  trouble(trouble: LinkTrouble): void {
    this.state.check(trouble)
    const healed = this.state.trouble.cut === "drop" && trouble.cut !== "drop"
    this.state.trouble = trouble
    // What was dropped is missing in the middle of a stream: nobody may take it for whole.
    if (healed || trouble.cut === "refuse") this.reset()
    for (const connection of this.connections) connection.troubleChanged()
  }

  reset(): number {
    const all = [...this.connections]
    for (const connection of all) connection.reset()
    return all.length
  }
}
