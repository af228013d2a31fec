/**
 * The metadata leader's side of forward.ts: a peer's request is decided here, or handed back with
 * an empty answer.
 */
import { decodeRequest, encodeResponse } from "../protocol/codec.ts"
import { DecodeError } from "../protocol/errors.ts"
import { decodeRequestHeader } from "../protocol/header.ts"
import { Reader } from "../protocol/reader.ts"
import { Writer } from "../protocol/writer.ts"
import { controllerApi, speaksFor } from "./controller-apis.ts"
import type { DecisionResult } from "./metadata-leader.ts"
import type { LogLevel } from "./ports.ts"

export interface ForwardedPorts {
  submit(
    request: { readonly apiKey: number; readonly body: object },
    done: (result: DecisionResult) => void,
  ): void
  respond(nodeId: number, correlationId: number, frame: Uint8Array): void
  log(level: LogLevel, line: string): void
}

const notLeader = new Uint8Array(0)
/** Being decided for one peer; its own bound is lower. */
const inFlightPerPeerMax = 2000
/**
 * Answers kept for a peer whose link broke before it heard them: it asks again under the same
 * number.
 */
const answersKeptMax = 64

interface Asker {
  readonly deciding: Set<number>
  /** By correlation id, oldest first. */
  readonly answers: Map<number, Uint8Array>
}

export class ForwardedRequests {
  readonly #ports: ForwardedPorts
  readonly #askers = new Map<number, Asker>()

  constructor(ports: ForwardedPorts) {
    this.#ports = ports
  }

  /** That node is a new process: it counts its requests from the start. */
  forget(nodeId: number): void {
    this.#askers.delete(nodeId)
  }

  serve(from: number, correlationId: number, frame: Uint8Array): void {
    const asker = this.#asker(from)
    const answered = asker.answers.get(correlationId)
    if (answered !== undefined) return this.#ports.respond(from, correlationId, answered)
    if (asker.deciding.has(correlationId)) return
    if (asker.deciding.size >= inFlightPerPeerMax) {
      return this.#ports.respond(from, correlationId, notLeader)
    }
    try {
      const reader = new Reader(frame)
      const { apiKey, apiVersion } = decodeRequestHeader(reader)
      const api = controllerApi(apiKey)
      if (api === undefined) throw new DecodeError(`API ${apiKey} is not forwarded`)
      const body = decodeRequest(api, apiVersion, reader)
      const speaker = speaksFor({ apiKey, body })
      if (speaker !== undefined && speaker !== from) {
        throw new DecodeError(`${api.name} speaks for broker ${speaker}`)
      }
      asker.deciding.add(correlationId)
      this.#ports.submit({ apiKey, body }, (result) => {
        asker.deciding.delete(correlationId)
        if (result._tag === "notLeader") return this.#ports.respond(from, correlationId, notLeader)
        const writer = new Writer()
        encodeResponse(api, apiVersion, result.response, writer)
        const answer = writer.concat()
        keep(asker, correlationId, answer)
        this.#ports.respond(from, correlationId, answer)
      })
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.#ports.log("warn", `request from broker ${from} dropped: ${error.message}`)
    }
  }

  #asker(nodeId: number): Asker {
    const known = this.#askers.get(nodeId)
    if (known !== undefined) return known
    const asker: Asker = { deciding: new Set(), answers: new Map() }
    this.#askers.set(nodeId, asker)
    return asker
  }
}

function keep({ answers }: Asker, correlationId: number, answer: Uint8Array): void {
  answers.set(correlationId, answer)
  for (const oldest of answers.keys()) {
    if (answers.size <= answersKeptMax) return
    answers.delete(oldest)
  }
}
