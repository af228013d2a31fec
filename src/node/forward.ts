/**
 * Requests for the metadata leader, wherever it is: here, or over the peer link, again to every new
 * leader until one has answered or the deadline passed. An answer is handed on only when this
 * broker has applied what was decided.
 *
 * The other side's word for "I am not the leader" is an empty response. A request whose leader died
 * may be decided twice; the second decision then sees the first one's effect, as in Kafka.
 */
import { encodeRequest, decodeResponse } from "../protocol/codec.ts"
import { DecodeError } from "../protocol/errors.ts"
import { encodeRequestHeader } from "../protocol/header.ts"
import { Reader } from "../protocol/reader.ts"
import { Writer } from "../protocol/writer.ts"
import type { PeerFrame } from "../peer/codec.ts"
import { controllerApi } from "./controller-apis.ts"
import type { DecisionResult } from "./metadata-leader.ts"
import type { ControllerRequest, ControllerResult } from "./requests/outcome.ts"

/** Beyond this many at once a request is answered as if its time were up. */
export const forwardedMax = 1000
/** A leader that says it is none is asked again after so long, if nothing else is heard. */
const askAgainMs = 100
/**
 * An answer may have been lost with its link. Asking again under the same number never decides
 * twice there.
 */
const remindMs = 500

export interface ForwardPorts {
  /** −1: none known. */
  leader(): number
  /** Whether this broker leads, and may be asked by `decide`. */
  leadsHere(): boolean
  decide(request: ControllerRequest, done: (result: DecisionResult) => void): void
  send(nodeId: number, frame: PeerFrame): boolean
  /** Metadata index that node has told us it has applied. */
  appliedIndexOf(nodeId: number): number
  appliedIndex(): number
  log(line: string): void
}

interface Forwarded {
  readonly request: ControllerRequest
  readonly done: (result: ControllerResult) => void
  /** Made when it is first sent. */
  frame: Uint8Array | undefined
  /** The node that has it, −1 when nobody has. */
  sentTo: number
  /** When it may or must be sent again. */
  notBeforeMs: number
}

interface Answered {
  readonly index: number
  readonly deadlineMs: number
  readonly response: object
  readonly done: (result: ControllerResult) => void
}

export class Forwarder {
  readonly #ports: ForwardPorts
  readonly #pending = new Map<number, Forwarded>()
  #answered: Answered[] = []
  #nextCorrelationId = 1

  constructor(ports: ForwardPorts) {
    this.#ports = ports
  }

  get size(): number {
    return this.#pending.size + this.#answered.length
  }

  /** `done` is called once, in a later `run` or `respond`. */
  submit(request: ControllerRequest, done: (result: ControllerResult) => void): void {
    if (this.size >= forwardedMax) return done({ _tag: "timedOut" })
    const correlationId = this.#nextCorrelationId++
    this.#pending.set(correlationId, {
      request,
      done,
      frame: undefined,
      sentTo: -1,
      notBeforeMs: 0,
    })
  }

  /** Sends what has no owner, gives up what is late. */
  run(nowMs: number): void {
    if (this.size === 0) return
    for (const [correlationId, forwarded] of this.#pending) {
      if (nowMs >= forwarded.request.deadlineMs) {
        this.#pending.delete(correlationId)
        forwarded.done({ _tag: "timedOut" })
      }
    }
    const leader = this.#ports.leader()
    if (this.#ports.leadsHere()) this.#decideHere(nowMs)
    else if (leader !== -1) this.#sendTo(leader, nowMs)
    this.#handOn(nowMs)
  }

  #decideHere(nowMs: number): void {
    for (const [correlationId, forwarded] of this.#pending) {
      if (nowMs < forwarded.notBeforeMs && forwarded.sentTo === -1) continue
      this.#pending.delete(correlationId)
      this.#ports.decide(forwarded.request, (result) => {
        if (result._tag === "decided") return forwarded.done(result)
        forwarded.sentTo = -1
        forwarded.notBeforeMs = nowMs + askAgainMs
        this.#pending.set(correlationId, forwarded)
      })
    }
  }

  #sendTo(leader: number, nowMs: number): void {
    for (const [correlationId, forwarded] of this.#pending) {
      const isNew = forwarded.sentTo !== -1 && forwarded.sentTo !== leader
      if (nowMs < forwarded.notBeforeMs && !isNew) continue
      forwarded.frame ??= encoded(forwarded.request, correlationId)
      const { frame } = forwarded
      if (!this.#ports.send(leader, { _tag: "Request", correlationId, frame })) return
      forwarded.sentTo = leader
      forwarded.notBeforeMs = nowMs + remindMs
    }
  }

  #handOn(nowMs: number): void {
    if (this.#answered.length === 0) return
    const appliedIndex = this.#ports.appliedIndex()
    const kept: Answered[] = []
    for (const answered of this.#answered) {
      if (answered.index <= appliedIndex || nowMs >= answered.deadlineMs) {
        answered.done({ _tag: "decided", response: answered.response })
      } else kept.push(answered)
    }
    this.#answered = kept
  }

  respond(from: number, correlationId: number, frame: Uint8Array, nowMs: number): void {
    const forwarded = this.#pending.get(correlationId)
    if (forwarded === undefined || forwarded.sentTo !== from) return
    if (frame.length === 0) {
      forwarded.sentTo = -1
      forwarded.notBeforeMs = nowMs + askAgainMs
      return
    }
    this.#pending.delete(correlationId)
    const { request, done } = forwarded
    const response = this.#decode(from, request, frame)
    if (response === undefined) return done({ _tag: "timedOut" })
    const index = this.#ports.appliedIndexOf(from)
    this.#answered.push({ index, deadlineMs: request.deadlineMs, response, done })
  }

  #decode(from: number, request: ControllerRequest, frame: Uint8Array): object | undefined {
    const api = controllerApi(request.apiKey)
    if (api === undefined) return undefined
    try {
      return decodeResponse(api, request.apiVersion, new Reader(frame))
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.#ports.log(`broker ${from} answered ${api.name} with garbage: ${error.message}`)
      return undefined
    }
  }

  /** The link to that node, or its process, is new: what it was asked is asked again. */
  linkLost(nodeId: number): void {
    for (const forwarded of this.#pending.values()) {
      if (forwarded.sentTo !== nodeId) continue
      forwarded.sentTo = -1
      forwarded.notBeforeMs = 0
    }
  }
}

function encoded(
  { apiKey, apiVersion, body }: ControllerRequest,
  correlationId: number,
): Uint8Array {
  const api = controllerApi(apiKey)
  if (api === undefined) throw new Error(`API ${apiKey} is not forwarded`)
  const writer = new Writer()
  encodeRequestHeader(api, { apiKey, apiVersion, correlationId, clientId: null }, writer)
  encodeRequest(api, apiVersion, body, writer)
  return writer.concat()
}
