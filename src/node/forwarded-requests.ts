/** The metadata leader's side of forward.ts: a peer's request is decided here, or handed back with an empty answer. */
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

export class ForwardedRequests {
  readonly #ports: ForwardedPorts
  readonly #inFlight = new Map<number, number>()

  constructor(ports: ForwardedPorts) {
    this.#ports = ports
  }

  serve(from: number, correlationId: number, frame: Uint8Array): void {
    const inFlight = this.#inFlight.get(from) ?? 0
    if (inFlight >= inFlightPerPeerMax) return this.#ports.respond(from, correlationId, notLeader)
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
      this.#inFlight.set(from, inFlight + 1)
      this.#ports.submit({ apiKey, body }, (result) => {
        this.#inFlight.set(from, (this.#inFlight.get(from) ?? 1) - 1)
        if (result._tag === "notLeader") return this.#ports.respond(from, correlationId, notLeader)
        const writer = new Writer()
        encodeResponse(api, apiVersion, result.response, writer)
        this.#ports.respond(from, correlationId, writer.concat())
      })
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.#ports.log("warn", `request from broker ${from} dropped: ${error.message}`)
    }
  }
}
