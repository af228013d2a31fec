/** Client requests: through the shipped codec to the broker and back. */
import type { RequestAnswer } from "../node/node.ts"
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse } from "../protocol/codec.ts"
import { Reader } from "../protocol/reader.ts"
import type { Api, RequestInput, ResponseInput, ResponseOf } from "../protocol/schema.ts"
import { Writer } from "../protocol/writer.ts"
import type { SimBroker } from "./broker.ts"
import type { Engine } from "./engine.ts"
import type { SubjectAnswer } from "./subject.ts"

export interface Asked<A extends Api> {
  readonly broker: number
  /** Undefined until answered. */
  answer: SubjectAnswer<A> | undefined
  answeredMs: number
}

/** A request at a broker. */
export interface Waiting {
  readonly api: Api
  readonly version: number
  readonly done: (answer: SubjectAnswer<Api>) => void
}

export class Requests {
  /** What clients call themselves in the header of every request. */
  clientId: string | null = null
  private readonly engine: Engine
  private nextToken = 1

  constructor(engine: Engine) {
    this.engine = engine
  }

  ask<A extends Api>(
    broker: SimBroker,
    api: A,
    version: number,
    input: RequestInput<A>,
    answered?: (answer: SubjectAnswer<A>) => void,
  ): Asked<A> {
    const writer = new Writer()
    encodeRequest(api, version, input, writer)
    return this.askBytes(broker, api, version, writer.concat(), answered)
  }

  /** At once at the broker: there is no network between clients and brokers here. */
  askBytes<A extends Api>(
    broker: SimBroker,
    api: A,
    version: number,
    bytes: Uint8Array,
    answered?: (answer: SubjectAnswer<A>) => void,
  ): Asked<A> {
    const asked: Asked<A> = { broker: broker.id, answer: undefined, answeredMs: 0 }
    const done = (answer: SubjectAnswer<A>) => {
      asked.answer = answer
      asked.answeredMs = this.engine.nowMs
      // Not inside the broker's turn: what the client does next is an event of its own.
      if (answered !== undefined) this.engine.act(0, () => answered(answer))
    }
    const { process } = broker
    if (process === undefined) {
      done("closed")
      return asked
    }
    const body = decodeRequest(api, version, new Reader(Buffer.from(bytes)))
    const token = this.nextToken++
    broker.answers.set(token, { api, version, done })
    const connection = { id: 1, host: "127.0.0.1" }
    const request = {
      apiKey: api.key,
      apiVersion: version,
      clientId: this.clientId,
      connection,
      body,
    }
    const hand = () => {
      if (!broker.answers.has(token)) return
      this.engine.hash.number(api.key)
      process.enter((node, nowMs) => {
        node.request(token, { ...request, receivedMs: nowMs }, nowMs)
      })
    }
    if (process.paused) process.holdRequest(hand)
    else hand()
    return asked
  }

  answered(broker: SimBroker, token: number, answer: RequestAnswer): void {
    const waiting = broker.answers.get(token)
    if (waiting === undefined) throw new Error(`token ${token} is answered twice or never asked`)
    broker.answers.delete(token)
    const { api, version } = waiting
    this.engine.hash.number(token)
    if (answer._tag !== "response") {
      waiting.done(answer._tag === "none" ? "none" : "closed")
      return
    }
    waiting.done(this.carried(api, version, answer.response))
  }

  private carried<A extends Api>(api: A, version: number, response: object): ResponseOf<A> {
    const writer = new Writer()
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the encoder looks for itself
    encodeResponse(api, version, response as ResponseInput<A>, writer)
    const bytes = writer.concat()
    this.engine.hash.bytes(bytes)
    return decodeResponse(api, version, new Reader(bytes))
  }

  disconnected(broker: SimBroker): void {
    const waiting = [...broker.answers.values()]
    broker.answers.clear()
    for (const { done } of waiting) done("closed")
  }
}
