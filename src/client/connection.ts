/**
 * One connection to one broker: requests pipelined, answers matched by correlation id and expected
 * in order. Knows the versions the broker offers and speaks the newest that both sides know.
 */
import type { Socket } from "bun"
import { SocketOutput } from "../peer/socket-output.ts"
import { decodeResponse } from "../protocol/codec.ts"
import { ErrorCode } from "../protocol/error-codes.ts"
import { FrameSplitter } from "../protocol/frame.ts"
import { decodeResponseHeader, encodeRequestFrame } from "../protocol/header.ts"
import { apiVersions } from "../protocol/messages/api-versions.ts"
import { Reader } from "../protocol/reader.ts"
import type { Api, RequestInput, ResponseOf } from "../protocol/schema.ts"
import { ConnectionLost, UnsupportedApi } from "./client-error.ts"

export interface ConnectionOptions {
  readonly host: string
  readonly port: number
  readonly clientId?: string
  /** For connecting, and for each answer unless the request says otherwise. */
  readonly timeoutMs?: number
}

export interface RequestOptions {
  readonly version?: number
  readonly timeoutMs?: number
}

interface Pending {
  readonly api: Api
  readonly version: number
  readonly correlationId: number
  readonly deadlineMs: number
  /** Throws `DecodeError`. The version is the request's unless it is KIP-511's exception. */
  readonly settle: (body: Reader, version: number) => void
  readonly fail: (error: Error) => void
}

const responseBytesMax = 512 * 1024 * 1024
const checkEveryMs = 100

export class ClientConnection {
  readonly host: string
  readonly port: number
  private readonly clientId: string
  private readonly timeoutMs: number
  private readonly splitter = new FrameSplitter(responseBytesMax)
  private readonly output = new SocketOutput()
  private pending: Pending[] = []
  private socket: Socket | undefined
  private nextCorrelationId = 1
  private ranges = new Map<number, readonly [min: number, max: number]>()
  private lost: Error | undefined
  private timer: ReturnType<typeof setInterval> | undefined
  private flushScheduled = false

  /** Connects and asks for the versions. Rejects with `ConnectionLost`. */
  static async connect(options: ConnectionOptions): Promise<ClientConnection> {
    const connection = new ClientConnection(options)
    await connection.open()
    await connection.askVersions()
    return connection
  }

  /** Without asking for versions: each request must then name its own. */
  static async connectRaw(options: ConnectionOptions): Promise<ClientConnection> {
    const connection = new ClientConnection(options)
    await connection.open()
    return connection
  }

  private constructor(options: ConnectionOptions) {
    this.host = options.host
    this.port = options.port
    this.clientId = options.clientId ?? "varve"
    this.timeoutMs = options.timeoutMs ?? 30_000
  }

  get closed(): boolean {
    return this.lost !== undefined
  }

  get inFlight(): number {
    return this.pending.length
  }

  /** The newest version that the broker and we know; undefined when there is none. */
  versionOf(api: Api): number | undefined {
    const range = this.ranges.get(api.key)
    if (range === undefined) return undefined
    const version = Math.min(api.versions[1], range[1])
    return version >= Math.max(api.versions[0], range[0]) ? version : undefined
  }

  request<A extends Api>(
    api: A,
    input: RequestInput<A>,
    options: RequestOptions = {},
  ): Promise<ResponseOf<A>> {
    return new Promise((resolve, reject) => {
      const version = options.version ?? this.versionOf(api)
      if (this.lost !== undefined) return reject(this.lost)
      if (version === undefined) {
        return reject(new UnsupportedApi(`${this.host}:${this.port} does not offer ${api.name}`))
      }
      const correlationId = this.write(api, version, input)
      this.pending.push({
        api,
        version,
        correlationId,
        deadlineMs: performance.now() + (options.timeoutMs ?? this.timeoutMs),
        settle: (body, answeredVersion) => resolve(decodeResponse(api, answeredVersion, body)),
        fail: reject,
      })
      this.watch()
    })
  }

  /** A request that has no answer: Produce with acks 0. */
  send<A extends Api>(api: A, input: RequestInput<A>, version = this.versionOf(api)): void {
    if (version === undefined) throw new UnsupportedApi(`${this.host} does not offer ${api.name}`)
    this.write(api, version, input)
  }

  close(): void {
    this.fail(new ConnectionLost(`${this.name} was closed`))
  }

  private get name(): string {
    return `the connection to ${this.host}:${this.port}`
  }

  private async open(): Promise<void> {
    const opening = Bun.connect({
      hostname: this.host,
      port: this.port,
      socket: {
        open: (socket) => {
          socket.setNoDelay(true)
        },
        data: (_, chunk) => this.received(chunk),
        drain: () => this.flush(),
        close: () => this.fail(new ConnectionLost(`${this.name} was closed by the broker`)),
        error: (_, error) => this.fail(new ConnectionLost(`${this.name} broke: ${error.message}`)),
      },
    })
    const late = AbortSignal.timeout(this.timeoutMs)
    const timeout = new Promise<never>((_, reject) => {
      late.addEventListener("abort", () =>
        reject(new ConnectionLost(`${this.name} was not made within ${this.timeoutMs} ms`)),
      )
    })
    try {
      this.socket = await Promise.race([opening, timeout])
    } catch (error) {
      void opening.then(
        (socket) => socket.terminate(),
        () => undefined,
      )
      if (error instanceof ConnectionLost) throw error
      const why = error instanceof Error ? error.message : String(error)
      throw new ConnectionLost(`${this.name} could not be made: ${why}`)
    }
  }

  private async askVersions(): Promise<void> {
    const newest = apiVersions.versions[1]
    const software = { clientSoftwareName: "varve", clientSoftwareVersion: "0.1.0" }
    let answer = await this.request(apiVersions, software, { version: newest })
    if (answer.errorCode === ErrorCode.UNSUPPORTED_VERSION) {
      answer = await this.request(apiVersions, {}, { version: 0 })
    }
    for (const { apiKey, minVersion, maxVersion } of answer.apiKeys) {
      this.ranges.set(apiKey, [minVersion, maxVersion])
    }
  }

  private write<A extends Api>(api: A, apiVersion: number, input: RequestInput<A>): number {
    if (this.lost !== undefined) throw this.lost
    const correlationId = this.nextCorrelationId
    this.nextCorrelationId = (this.nextCorrelationId + 1) & 0x7fffffff
    const header = { apiVersion, correlationId, clientId: this.clientId }
    for (const part of encodeRequestFrame(api, header, input)) this.output.push(part)
    if (!this.flushScheduled) {
      this.flushScheduled = true
      queueMicrotask(() => this.flush())
    }
    return correlationId
  }

  private flush(): void {
    this.flushScheduled = false
    if (this.socket === undefined || this.lost !== undefined) return
    if (!this.output.flush(this.socket)) {
      this.fail(new ConnectionLost(`${this.name} was closed by the broker`))
    }
  }

  private received(chunk: Uint8Array): void {
    try {
      for (const frame of this.splitter.push(chunk)) this.answered(frame)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      this.fail(new ConnectionLost(`${this.name} brought what cannot be read: ${why}`))
    }
  }

  private answered(frame: Uint8Array): void {
    const next = this.pending.shift()
    if (next === undefined) throw new Error("an answer to nothing that was asked")
    try {
      settle(next, frame)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      next.fail(new ConnectionLost(`${this.name}: an unreadable ${next.api.name} answer: ${why}`))
      throw error
    }
    if (this.pending.length === 0) this.unwatch()
  }

  private watch(): void {
    this.timer ??= setInterval(() => {
      const nowMs = performance.now()
      const late = this.pending.find((p) => p.deadlineMs < nowMs)
      if (late !== undefined) {
        this.fail(new ConnectionLost(`${this.name} did not answer ${late.api.name} in time`))
      }
    }, checkEveryMs)
  }

  private unwatch(): void {
    clearInterval(this.timer)
    this.timer = undefined
  }

  private fail(error: Error): void {
    if (this.lost !== undefined) return
    this.lost = error
    this.unwatch()
    this.output.clear()
    this.socket?.end()
    const waiting = this.pending
    this.pending = []
    for (const pending of waiting) pending.fail(error)
  }
}

/** Throws for bytes that are no answer to that request. */
function settle(pending: Pending, frame: Uint8Array): void {
  const { api, version } = pending
  const reader = new Reader(frame)
  const correlationId = decodeResponseHeader(api, version, reader)
  if (correlationId !== pending.correlationId) {
    throw new Error(`correlation id ${correlationId} instead of ${pending.correlationId}`)
  }
  pending.settle(reader, isVersionFallback(api, frame) ? 0 : version)
}

/** KIP-511: an ApiVersions that the broker does not know is answered in version 0. */
function isVersionFallback(api: Api, frame: Uint8Array): boolean {
  if (api.key !== apiVersions.key || frame.length < 6) return false
  return (((frame[4] ?? 0) << 8) | (frame[5] ?? 0)) === ErrorCode.UNSUPPORTED_VERSION
}
