import {
  decodeResponse,
  decodeResponseHeader,
  encodeRequestFrame,
  FrameSplitter,
  Reader,
  type Api,
  type RequestInput,
  type ResponseOf,
} from "../../src/protocol/index.ts"

/**
 * One connection that speaks the protocol and nothing else: no retries, no metadata, no batching.
 * For measuring, and for asking one broker what no client would ask it.
 */

const responseBytesMax = 256 << 20

export interface RawAddress {
  readonly host: string
  readonly port: number
}

export class ConnectionClosed extends Error {
  readonly _tag = "ConnectionClosed"
}

interface Pending {
  /** Reads the body and settles the request. */
  take(reader: Reader): void
  fail(error: unknown): void
  readonly api: Api
  readonly version: number
}

export class RawConnection {
  readonly address: RawAddress
  private socket: Bun.Socket | undefined
  private readonly splitter = new FrameSplitter(responseBytesMax)
  private readonly pending = new Map<number, Pending>()
  /** Parts that the kernel has not taken yet. */
  private readonly unsent: Array<Uint8Array> = []
  private readonly clientId: string
  private correlationId = 0
  private closed: Error | undefined

  private constructor(address: RawAddress, clientId: string) {
    this.address = address
    this.clientId = clientId
  }

  static async open(address: RawAddress, clientId = "raw"): Promise<RawConnection> {
    const connection = new RawConnection(address, clientId)
    connection.socket = await Bun.connect({
      hostname: address.host,
      port: address.port,
      socket: {
        data: (_socket, chunk) => connection.receive(chunk),
        drain: () => connection.flush(),
        close: () => connection.fail(new ConnectionClosed("the broker closed the connection")),
        error: (_socket, error) => connection.fail(error),
      },
    })
    connection.socket.setNoDelay(true)
    return connection
  }

  get isOpen(): boolean {
    return this.closed === undefined
  }

  /** Requests that have no answer yet. */
  get inFlight(): number {
    return this.pending.size
  }

  /** Any number may be under way: answers come in the order of the requests. */
  request<A extends Api>(api: A, version: number, body: RequestInput<A>): Promise<ResponseOf<A>> {
    if (this.closed !== undefined) return Promise.reject(this.closed)
    const { promise, resolve, reject } = Promise.withResolvers<ResponseOf<A>>()
    const correlationId = this.send(api, version, body)
    this.pending.set(correlationId, {
      api,
      version,
      take: (reader) => resolve(decodeResponse(api, version, reader)),
      fail: reject,
    })
    return promise
  }

  /** For requests that have no answer (acks=0). */
  send<A extends Api>(api: A, version: number, body: RequestInput<A>): number {
    const correlationId = this.correlationId
    this.correlationId = (correlationId + 1) & 0x7fff_ffff
    const header = { apiVersion: version, correlationId, clientId: this.clientId }
    const waiting = this.unsent.length > 0
    this.unsent.push(...encodeRequestFrame(api, header, body))
    if (!waiting) this.flush()
    return correlationId
  }

  close(): void {
    this.closed ??= new ConnectionClosed("closed by this side")
    this.socket?.end()
    this.fail(this.closed)
  }

  private flush(): void {
    const { socket, unsent } = this
    if (socket === undefined) return
    let written = 0
    for (const part of unsent) {
      const took = socket.write(part)
      if (took < part.length) {
        unsent[written] = part.subarray(Math.max(took, 0))
        break
      }
      written += 1
    }
    unsent.splice(0, written)
  }

  private receive(chunk: Uint8Array): void {
    try {
      for (const frame of this.splitter.push(chunk)) this.answer(frame)
    } catch (error) {
      this.fail(error)
      this.socket?.end()
    }
  }

  private answer(frame: Uint8Array): void {
    const correlationId = new DataView(frame.buffer, frame.byteOffset).getInt32(0)
    const pending = this.pending.get(correlationId)
    if (pending === undefined) throw new Error(`an answer to nothing: ${correlationId}`)
    this.pending.delete(correlationId)
    const reader = new Reader(frame)
    decodeResponseHeader(pending.api, pending.version, reader)
    try {
      pending.take(reader)
    } catch (error) {
      pending.fail(error)
    }
  }

  private fail(error: unknown): void {
    this.closed ??= error instanceof Error ? error : new Error(String(error))
    for (const pending of this.pending.values()) pending.fail(error)
    this.pending.clear()
  }
}

export function parseAddress(text: string): RawAddress {
  const [host = "127.0.0.1", port = "9092"] = text.split(":")
  return { host, port: Number(port) }
}

/** Opens a connection, uses it, and closes it. */
export async function withRaw<A>(
  address: string,
  use: (connection: RawConnection) => Promise<A>,
): Promise<A> {
  const connection = await RawConnection.open(parseAddress(address))
  try {
    return await use(connection)
  } finally {
    connection.close()
  }
}
