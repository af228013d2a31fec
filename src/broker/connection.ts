/**
 * One client connection: frames in, answers out in the order of the requests. Requests are handed
 * to the node as they come (a Produce is appended before the one before it is answered); what is
 * not answered, not sent or not yet complete is bounded, and at a bound the socket is not read
 * until there is room again.
 */
import { FrameSplitter, FrameTooLarge } from "../protocol/frame.ts"
import { EncodeError } from "../protocol/errors.ts"
import { encodeResponseFrame } from "../protocol/header.ts"
import type { Api } from "../protocol/schema.ts"
import type { ClientRequest, RequestAnswer, Served } from "../node/node.ts"
import { apiKeyOf, dispatch, fetchKey } from "./dispatch.ts"
import type { ConnectionLimits, NodeUsage } from "./limits.ts"
import { SocketOutput } from "../peer/socket-output.ts"
import type { Writable } from "../peer/socket-output.ts"

export interface ConnectionSocket extends Writable {
  pause(): void
  resume(): void
  /** Closes after what was written has gone. */
  end(): void
}

/** What a connection needs of the broker around it. */
export interface ConnectionHost {
  readonly limits: ConnectionLimits
  readonly usage: NodeUsage
  /** No request is taken now: the log is behind, or this turn's requests have had their time. */
  readonly saturated: boolean
  served(apiKey: number, apiVersion: number): Served
  /** Hands the request to the node; the answer may come before this returns. Gives the token. */
  submit(request: ClientRequest, answer: (answer: RequestAnswer) => void): number
  cancel(token: number): void
  nowMs(): number
  /** Sees to it that this turn of the event loop ends with a flush. */
  scheduleFlush(): void
  /** A line about this connection's misbehaviour; the kind is one of a fixed few. */
  complain(kind: ComplaintKind, line: string): void
}

/** Whoever keeps the connections. */
export interface ConnectionOwner {
  /** The connection has bytes to send: call `flush` at the end of this turn of the event loop. */
  wantsFlush(connection: KafkaConnection): void
  /** The connection waits for room that others hold: call `pump` when there may be some. */
  wantsRoom(connection: KafkaConnection): void
  closed(connection: KafkaConnection): void
}

export type ComplaintKind = "bad input" | "closed connection" | "broker fault"

interface Slot {
  token: number
  readonly api: Api | undefined
  readonly apiVersion: number
  readonly correlationId: number
  readonly requestBytes: number
  readonly isFetch: boolean
  parts: ReadonlyArray<Uint8Array> | undefined
  partBytes: number
  close: string | undefined
  done: boolean
}

export class KafkaConnection {
  readonly id: number
  /** Address and port. */
  readonly host: string
  /** Of the host alone, as group members are shown. */
  private readonly address: string
  private readonly socket: ConnectionSocket
  private readonly around: ConnectionHost
  private readonly owner: ConnectionOwner
  private readonly splitter: FrameSplitter
  private readonly output = new SocketOutput()
  /** Requests taken and not released to the output, oldest first. */
  private slots: Slot[] = []
  /** Frames received and not taken yet; at most what one read of the socket brought. */
  private backlog: Uint8Array[] = []
  private inFlightBytes = 0
  private readyBytes = 0
  private fetchesInFlight = 0
  private assembling = 0
  private countedUnsent = 0
  private paused = false
  /**
   * No more comes in: the peer said so, or what it sent was refused. What was asked before is still
   * answered.
   */
  private inputEnded = false
  private ending = false
  private isClosed = false
  private activeMs: number
  /** When the peer last took some of a non-empty output. */
  private progressMs: number

  constructor(
    identity: { readonly id: number; readonly host: string },
    socket: ConnectionSocket,
    around: ConnectionHost,
    owner: ConnectionOwner,
  ) {
    this.id = identity.id
    this.host = identity.host
    this.address = identity.host.replace(/:\d+$/, "")
    this.socket = socket
    this.around = around
    this.owner = owner
    this.splitter = new FrameSplitter(around.limits.requestBytesMax)
    this.activeMs = around.nowMs()
    this.progressMs = this.activeMs
  }

  data(chunk: Uint8Array): void {
    if (this.isClosed || this.ending || this.inputEnded) return
    this.activeMs = this.around.nowMs()
    let frames: ReadonlyArray<Uint8Array>
    try {
      frames = this.splitter.push(chunk)
    } catch (error) {
      if (!(error instanceof FrameTooLarge)) throw error
      return this.refuse(describeFirstBytes(chunk) ?? error.message)
    }
    this.countAssembling()
    for (const frame of frames) this.backlog.push(frame)
    this.pump()
    const { usage, limits } = this.around
    if (usage.assemblingBytes > limits.nodeRequestBytesMax && this.assembling > 0) {
      this.refuse(`no room for a request: ${usage.assemblingBytes} bytes are coming in already`)
    }
  }

  /** Takes frames as long as there is room; reads on or stops reading accordingly. */
  pump(): void {
    let taken = 0
    const frames = this.backlog
    while (!this.isClosed && !this.ending && taken < frames.length) {
      const frame = frames[taken]
      if (frame === undefined || !this.roomFor(frame)) break
      taken++
      this.take(frame)
      if (this.backlog !== frames) return
    }
    if (this.isClosed) return
    this.backlog = taken === frames.length || this.ending ? [] : frames.slice(taken)
    this.readWhileRoom()
    this.finishIfEnded()
  }

  /** Sends what is ready; called once at the end of a turn, and when the socket drains. */
  flush(): void {
    if (this.isClosed) return
    const before = this.output.queuedBytes
    if (!this.output.flush(this.socket)) return this.destroy()
    const after = this.output.queuedBytes
    if (after < before || after === 0) this.progressMs = this.around.nowMs()
    this.countUnsent()
    if (this.ending && after === 0) return this.destroy()
    if (this.backlog.length > 0 || this.paused) this.pump()
    else this.finishIfEnded()
  }

  /** The peer sends no more; what it asked is still answered. */
  end(): void {
    this.inputEnded = true
    if (this.assembling > 0) {
      this.around.complain(
        "bad input",
        `${this.host}: the connection ended in the middle of a request (${this.assembling} bytes of it)`,
      )
    }
    this.finishIfEnded()
  }

  /** The socket is gone, by whomever: forget everything that waits for it. */
  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    const { usage } = this.around
    for (const slot of this.slots) {
      if (!slot.done) this.around.cancel(slot.token)
      if (!slot.done) usage.requestBytes -= slot.requestBytes
    }
    usage.assemblingBytes -= this.assembling
    usage.unsentBytes -= this.countedUnsent
    this.assembling = 0
    this.countedUnsent = 0
    this.slots = []
    this.backlog = []
    this.output.clear()
    this.owner.closed(this)
  }

  /** Closes a connection on which nothing happens, or whose peer does not take its answers. */
  sweep(nowMs: number): void {
    const { limits } = this.around
    if (this.countedUnsent > 0 && nowMs - this.progressMs > limits.stalledMs) {
      this.around.complain(
        "closed connection",
        `${this.host}: closed: took none of ${this.countedUnsent} bytes for ${limits.stalledMs} ms`,
      )
      this.destroy()
    } else if (this.slots.length === 0 && nowMs - this.activeMs > limits.idleMs) {
      this.destroy()
    }
  }

  get unanswered(): number {
    return this.slots.length
  }

  /** Ends the connection at once. */
  destroy(): void {
    if (this.isClosed) return
    this.socket.end()
    this.close()
  }

  private take(frame: Uint8Array): void {
    const action = dispatch(frame, (key, version) => this.around.served(key, version))
    if (action._tag === "close") return this.refuse(action.reason)
    const slot: Slot = {
      token: 0,
      api: action._tag === "request" ? action.api : undefined,
      apiVersion: action._tag === "request" ? action.apiVersion : 0,
      correlationId: action._tag === "request" ? action.correlationId : 0,
      requestBytes: frame.length,
      isFetch: action._tag === "request" && action.api.key === fetchKey,
      parts: undefined,
      partBytes: 0,
      close: undefined,
      done: false,
    }
    this.slots.push(slot)
    this.inFlightBytes += frame.length
    this.around.usage.requestBytes += frame.length
    if (slot.isFetch) this.fetchesInFlight++
    if (action._tag === "answered") return this.settle(slot, action.parts)
    slot.token = this.around.submit(
      {
        apiKey: action.api.key,
        apiVersion: action.apiVersion,
        clientId: action.clientId,
        connection: { id: this.id, host: this.address },
        body: action.body,
        receivedMs: this.activeMs,
      },
      (answer) => this.answer(slot, answer),
    )
  }

  private answer(slot: Slot, answer: RequestAnswer): void {
    if (this.isClosed || slot.done) return
    switch (answer._tag) {
      case "none":
        return this.settle(slot, [])
      case "close":
        slot.close = answer.reason
        return this.settle(slot, [])
      case "response": {
        if (slot.api === undefined)
          throw new Error("an answer to a request that was never handed over")
        try {
          const { api, apiVersion, correlationId } = slot
          this.settle(slot, encodeResponseFrame(api, apiVersion, correlationId, answer.response))
        } catch (error) {
          if (!(error instanceof EncodeError)) throw error
          slot.close = `the answer to ${slot.api.name} v${slot.apiVersion} cannot be written: ${error.message}`
          this.around.complain("broker fault", `${this.host}: ${slot.close}`)
          this.settle(slot, [])
        }
      }
    }
  }

  private settle(slot: Slot, parts: ReadonlyArray<Uint8Array>): void {
    slot.done = true
    slot.parts = parts
    for (const part of parts) slot.partBytes += part.length
    this.readyBytes += slot.partBytes
    this.inFlightBytes -= slot.requestBytes
    this.around.usage.requestBytes -= slot.requestBytes
    this.release()
    this.countUnsent()
  }

  /** Moves answers to the output as far as they are there without a gap. */
  private release(): void {
    let released = 0
    for (const slot of this.slots) {
      if (!slot.done) break
      released++
      if (slot.isFetch) this.fetchesInFlight--
      this.readyBytes -= slot.partBytes
      for (const part of slot.parts ?? []) this.output.push(part)
      if (slot.close !== undefined) {
        this.endAfterOutput(slot.close)
        break
      }
    }
    if (released === 0) return
    this.slots = this.slots.slice(released)
    this.owner.wantsFlush(this)
  }

  private roomFor(frame: Uint8Array): boolean {
    const { limits, usage } = this.around
    if (this.output.queuedBytes + this.readyBytes > limits.unsentBytesMax) return false
    if (apiKeyOf(frame) === fetchKey) {
      // One at a time: each may bring fetch.max.bytes, and all of them would be held until they can
      // go in order.
      if (this.fetchesInFlight > 0) return false
      if (usage.unsentBytes > limits.nodeUnsentBytesMax) return this.waitForOthers()
    }
    if (this.around.saturated) return this.waitForOthers()
    if (this.slots.length === 0) return true
    if (this.slots.length >= limits.inFlightRequestsMax) return false
    if (this.inFlightBytes + frame.length > limits.inFlightBytesMax) return false
    if (usage.requestBytes + frame.length > limits.nodeRequestBytesMax) return this.waitForOthers()
    return true
  }

  private waitForOthers(): false {
    this.owner.wantsRoom(this)
    return false
  }

  private readWhileRoom(): void {
    const pause = this.backlog.length > 0
    if (pause === this.paused) return
    this.paused = pause
    if (pause) this.socket.pause()
    else this.socket.resume()
  }

  private finishIfEnded(): void {
    if (!this.inputEnded || this.isClosed) return
    if (this.slots.length > 0 || this.backlog.length > 0) return
    this.endAfterOutput(undefined)
    if (this.output.queuedBytes === 0) this.destroy()
  }

  /**
   * Nothing that comes after is looked at; requests before it get their answers, then the
   * connection closes.
   */
  private refuse(reason: string): void {
    this.around.complain("bad input", `${this.host}: closed: ${reason}`)
    this.inputEnded = true
    this.backlog = []
    this.finishIfEnded()
  }

  /** Nothing more is taken or answered; the connection closes when what is queued has gone. */
  private endAfterOutput(reason: string | undefined): void {
    if (this.ending) return
    this.ending = true
    if (reason !== undefined) {
      this.around.complain("closed connection", `${this.host}: closed: ${reason}`)
    }
    this.owner.wantsFlush(this)
  }

  private countAssembling(): void {
    this.around.usage.assemblingBytes += this.splitter.pending - this.assembling
    this.assembling = this.splitter.pending
  }

  private countUnsent(): void {
    const unsent = this.output.queuedBytes + this.readyBytes
    this.around.usage.unsentBytes += unsent - this.countedUnsent
    if (this.countedUnsent === 0 && unsent > 0) this.progressMs = this.around.nowMs()
    this.countedUnsent = unsent
  }
}

/** What spoke to us, when it was no Kafka client: the two that turn up in practice. */
function describeFirstBytes(chunk: Uint8Array): string | undefined {
  if (chunk[0] === 0x16 && chunk[1] === 0x03) return "a TLS hello on a plaintext listener"
  const text = Buffer.from(chunk.buffer, chunk.byteOffset, Math.min(8, chunk.length)).toString(
    "latin1",
  )
  if (/^(GET|POST|PUT|HEAD|DELETE|OPTIONS|PATCH|CONNECT) /.test(text)) {
    return "an HTTP request on the Kafka port"
  }
  return undefined
}
