/**
 * The broker's one port: Kafka clients and peers come in by the same socket. A peer's first eight
 * bytes are a word that no Kafka client can begin with (as a length it would be 1.4 GB); everything
 * else is a client's.
 */
import type { Socket, TCPSocketListener } from "bun"
import { PEER_MAGIC } from "../peer/codec.ts"
import { KafkaConnection } from "./connection.ts"
import type { ConnectionHost, ConnectionOwner } from "./connection.ts"
import type { Endpoint } from "./broker-json.ts"

/** Whoever has taken a socket over. */
export interface SocketUser {
  data(chunk: Uint8Array): void
  drain(): void
  end(): void
  close(): void
}

interface SocketState {
  user: SocketUser | undefined
  /** The first bytes, as long as they could still be a peer's. */
  first: Uint8Array | undefined
  readonly sinceMs: number
  readonly address: string
}

export interface ListenerOptions {
  readonly endpoint: Endpoint
  readonly connectionsMax: () => number
  readonly connectionsPerAddressMax: () => number
  /** Takes over a socket whose first bytes were a peer's; gets what came after them. */
  readonly acceptPeer: (socket: Socket<SocketState>, remote: string) => SocketUser
}

/** How long a connection may say nothing at all, or only part of the peers' word. */
const firstBytesMs = 30_000

export class Listener implements ConnectionOwner {
  private readonly options: ListenerOptions
  private readonly host: ConnectionHost
  private server: TCPSocketListener<SocketState> | undefined
  private readonly connections = new Set<KafkaConnection>()
  private readonly toFlush = new Set<KafkaConnection>()
  private readonly waitingForRoom = new Set<KafkaConnection>()
  private readonly sockets = new Set<Socket<SocketState>>()
  private readonly perAddress = new Map<string, number>()
  private nextId = 1

  constructor(options: ListenerOptions, host: ConnectionHost) {
    this.options = options
    this.host = host
  }

  /** Throws when the address is taken. */
  listen(): void {
    const { host, port } = this.options.endpoint
    this.server = Bun.listen<SocketState>({
      hostname: host,
      port,
      // A client may close its sending side and still wait for answers.
      allowHalfOpen: true,
      exclusive: true,
      socket: {
        open: (socket) => this.opened(socket),
        data: (socket, chunk) => this.received(socket, chunk),
        drain: (socket) => socket.data.user?.drain(),
        end: (socket) => {
          if (socket.data.user) socket.data.user.end()
          else socket.end()
        },
        close: (socket) => this.gone(socket),
        error: (socket, error) => this.broke(socket, error),
      },
    })
  }

  get port(): number {
    return this.server?.port ?? this.options.endpoint.port
  }

  get connectionCount(): number {
    return this.connections.size
  }

  /** End of a turn: one write per connection that has something to say. */
  flush(): void {
    if (this.toFlush.size > 0) {
      const now = [...this.toFlush]
      this.toFlush.clear()
      for (const connection of now) connection.flush()
    }
    if (this.waitingForRoom.size > 0 && !this.host.saturated) {
      // Whoever waited last goes first: the one that took all the room last time asks again last.
      const now = [...this.waitingForRoom].toReversed()
      this.waitingForRoom.clear()
      for (const connection of now) connection.pump()
    }
  }

  /** Every second or so: closes what is idle, stalled, or never said who it is. */
  sweep(nowMs: number): void {
    for (const connection of this.connections) connection.sweep(nowMs)
    for (const socket of this.sockets) {
      if (socket.data.user === undefined && nowMs - socket.data.sinceMs > firstBytesMs) socket.end()
    }
  }

  /** No new connections; those there are stay. */
  stopAccepting(): void {
    this.server?.stop(false)
  }

  /** True when no client waits for an answer. */
  get idle(): boolean {
    for (const connection of this.connections) if (connection.unanswered > 0) return false
    return true
  }

  /** Sends what is ready unless the broker failed, whose answers are not to be trusted. */
  close(broken: boolean): void {
    if (!broken) for (const connection of this.connections) connection.flush()
    this.server?.stop(true)
    this.server = undefined
  }

  wantsFlush(connection: KafkaConnection): void {
    this.toFlush.add(connection)
    this.host.scheduleFlush()
  }

  wantsRoom(connection: KafkaConnection): void {
    this.waitingForRoom.add(connection)
  }

  closed(connection: KafkaConnection): void {
    this.connections.delete(connection)
    this.toFlush.delete(connection)
    this.waitingForRoom.delete(connection)
    if (this.waitingForRoom.size > 0) this.host.scheduleFlush()
  }

  private opened(socket: Socket<SocketState>): void {
    const { connectionsMax, connectionsPerAddressMax } = this.options
    const address = socket.remoteAddress
    socket.data = { user: undefined, first: undefined, sinceMs: this.host.nowMs(), address }
    const fromThere = (this.perAddress.get(address) ?? 0) + 1
    this.perAddress.set(address, fromThere)
    this.sockets.add(socket)
    if (this.sockets.size > connectionsMax() || fromThere > connectionsPerAddressMax()) {
      this.host.complain("closed connection", `${address}: closed: too many connections`)
      socket.end()
      return
    }
    socket.setNoDelay(true)
  }

  private received(socket: Socket<SocketState>, chunk: Uint8Array): void {
    const state = socket.data
    if (state.user !== undefined) return state.user.data(chunk)
    const bytes = state.first === undefined ? chunk : Buffer.concat([state.first, chunk])
    const verdict = isPeer(bytes)
    if (verdict === "unknown") {
      state.first = bytes
      return
    }
    state.first = undefined
    const remote = `${socket.remoteAddress}:${socket.remotePort}`
    state.user =
      verdict === "peer" ? this.options.acceptPeer(socket, remote) : this.client(socket, remote)
    const rest = verdict === "peer" ? bytes.subarray(PEER_MAGIC.length) : bytes
    if (rest.length > 0) state.user.data(rest)
  }

  private client(socket: Socket<SocketState>, remote: string): SocketUser {
    const identity = { id: this.nextId++, host: remote }
    const connection = new KafkaConnection(identity, socket, this.host, this)
    this.connections.add(connection)
    return {
      data: (chunk) => connection.data(chunk),
      drain: () => {
        connection.flush()
        if (this.waitingForRoom.size > 0) this.host.scheduleFlush()
      },
      end: () => connection.end(),
      close: () => connection.close(),
    }
  }

  /**
   * What a handler threw, or the network: the one connection ends, and only a fault of ours is
   * told.
   */
  private broke(socket: Socket<SocketState>, error: Error): void {
    const ofNetwork = "code" in error && typeof error.code === "string"
    if (!ofNetwork) {
      this.host.complain("broker fault", `${socket.data.address}: ${error.stack ?? error.message}`)
    }
    socket.end()
  }

  private gone(socket: Socket<SocketState>): void {
    this.sockets.delete(socket)
    const { address } = socket.data
    const left = (this.perAddress.get(address) ?? 1) - 1
    if (left > 0) this.perAddress.set(address, left)
    else this.perAddress.delete(address)
    socket.data.user?.close()
  }
}

function isPeer(bytes: Uint8Array): "peer" | "client" | "unknown" {
  const length = Math.min(bytes.length, PEER_MAGIC.length)
  for (let i = 0; i < length; i++) if (bytes[i] !== PEER_MAGIC[i]) return "client"
  return bytes.length < PEER_MAGIC.length ? "unknown" : "peer"
}
