/** A server behind the proxy, and clients in front of it, for tests of one link. */
import { connect, createServer } from "node:net"
import type { Server, Socket } from "node:net"
import { freePorts } from "../../../src/chaos/cluster/ports.ts"
import type { Link } from "../../../src/chaos/network.ts"
import { ChaosProxy } from "../../../src/chaos/proxy/chaos-proxy.ts"
import type { DoorSpec } from "../../../src/chaos/proxy/chaos-proxy.ts"
import type { LinkProtocol } from "../../../src/chaos/proxy/proxied-link.ts"
import type { WireTap } from "../../../src/chaos/proxy/wire-tap.ts"
import { until as untilSoon } from "../../../scripts/harness/until.ts"

const host = "127.0.0.1"
const at = (port: number) => ({ host, port })

export const until = <A>(what: string, condition: () => A | undefined | null | false) =>
  untilSoon(what, condition, { everyMs: 2 })

export const clientLink: Link = { from: "clients", to: 0 }
export const peerLink: Link = { from: 1, to: 0 }

/** What one end of a connection has got so far. */
export class End {
  readonly socket: Socket
  private readonly chunks: Array<Buffer> = []
  private bytes = 0
  finished = false
  closed = false
  error: string | undefined

  constructor(socket: Socket) {
    this.socket = socket
    socket.setNoDelay(true)
    socket.on("data", (chunk: Buffer) => {
      this.chunks.push(chunk)
      this.bytes += chunk.length
    })
    socket.on("end", () => (this.finished = true))
    socket.on("close", () => (this.closed = true))
    socket.on("error", (error) => (this.error = "code" in error ? String(error.code) : `${error}`))
  }

  get received(): Buffer {
    return Buffer.concat(this.chunks)
  }

  get receivedBytes(): number {
    return this.bytes
  }

  says(text: string): boolean {
    return this.received.subarray(-text.length).toString() === text
  }

  /** These are its last bytes, soon. */
  async gets(text: string): Promise<void> {
    await until(`"${text}" at the end`, () => this.says(text))
  }

  async getsReset(): Promise<void> {
    await until("a reset", () => this.closed && this.error === "ECONNRESET")
  }
}

export interface ProxiedOptions {
  readonly link?: Link
  readonly protocol?: LinkProtocol
  /** Who comes in at the door; else whoever the link is for. */
  readonly from?: DoorSpec["from"]
  readonly seed?: number
  readonly tap?: WireTap
}

export class Proxied {
  readonly link: Link
  readonly proxy: ChaosProxy
  /** Server's ends, in the order of their coming. */
  readonly ends: Array<End> = []
  private readonly server: Server
  private readonly port: number
  private readonly target: number
  private readonly clients: Array<End> = []

  private constructor(options: ProxiedOptions, port: number, target: number) {
    this.link = options.link ?? clientLink
    this.port = port
    this.target = target
    this.server = createServer({ allowHalfOpen: true }, (socket) => this.ends.push(new End(socket)))
    const { from, to } = this.link
    this.proxy = new ChaosProxy({
      links: [{ link: this.link, protocol: options.protocol ?? "kafka" }],
      doors: [{ from: options.from ?? from, to, listen: at(port), target: at(target) }],
      seed: options.seed ?? 1,
      tap: options.tap,
    })
  }

  static async start(options: ProxiedOptions = {}): Promise<Proxied> {
    const [port, target] = await freePorts(2)
    const proxied = new Proxied(options, port ?? 0, target ?? 0)
    await proxied.listen()
    proxied.proxy.targetUp(proxied.link.to)
    return proxied
  }

  get counters() {
    return this.proxy.counters(this.link)
  }

  get connections(): number {
    return this.proxy.connectionsOf(this.link)
  }

  listen(): Promise<void> {
    return new Promise((resolve) => this.server.listen(this.target, host, resolve))
  }

  /** As a process does that is killed. */
  async die(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve))
    for (const { socket } of this.ends) socket.resetAndDestroy()
    await closed
  }

  /** A client that has connected to the proxy. */
  async dial(): Promise<End> {
    const socket = connect({ host, port: this.port, allowHalfOpen: true })
    const end = new End(socket)
    this.clients.push(end)
    await until("a connection", () => !socket.connecting || end.closed)
    return end
  }

  /** A client, and the server's end of its connection. */
  async pair(): Promise<{ readonly client: End; readonly server: End }> {
    const before = this.ends.length
    const client = await this.dial()
    return { client, server: await this.accepted(before) }
  }

  /** The server's end of that number. */
  accepted(number: number): Promise<End> {
    return until("the server's end", () => this.ends[number])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.proxy.dispose()
    for (const { socket } of [...this.clients, ...this.ends]) socket.destroy()
    await new Promise((resolve) => this.server.close(resolve))
  }
}

/** With its length in front. */
export function frameOf(body: Uint8Array | string): Buffer {
  const bytes = Buffer.from(body)
  const frame = Buffer.alloc(4 + bytes.length)
  frame.writeInt32BE(bytes.length)
  bytes.copy(frame, 4)
  return frame
}
