/**
 * Puts questions of our own to a cluster and keeps every exchange as the golden files hold them.
 */
import { findCoordinator } from "../../src/protocol/messages/find-coordinator.ts"
import { heartbeat } from "../../src/protocol/messages/heartbeat.ts"
import {
  encodeRequestFrame,
  encodeResponseFrame,
  type Api,
  type RequestInput,
} from "../../src/protocol/index.ts"
import type { Exchange } from "./exchange.ts"
import { fitted } from "./fitted.ts"
import { awaited, headStartMs, type Answer, type Ranges, type Respondent } from "./respondent.ts"
import { fieldOf, isObject, mapped, objectsIn, type Plain } from "./values.ts"

/** After the golden questions, which are put first. */
const firstSeq = 10_000

const clientId = "golden"

/** A file of questions. */
export type Questions = (asker: Asker) => Promise<void>

/** A question whose answer is looked at later: others are put in between. */
export interface OpenQuestion {
  answer(): Promise<Plain>
}

interface Place {
  readonly seq: number
  readonly restMs: number
}

export class Asker {
  readonly exchanges: Array<Exchange> = []
  private rested = 0
  private readonly respondent: Respondent
  private readonly ranges: Ranges

  /** `ranges`: the versions that `every` goes through. */
  constructor(respondent: Respondent, ranges: Ranges) {
    this.respondent = respondent
    this.ranges = ranges
  }

  /** At broker 0 unless it says otherwise; fields that the version lacks are left out. */
  async call<A extends Api>(
    api: A,
    version: number,
    body: RequestInput<A>,
    note: string,
    node = 0,
  ): Promise<Plain> {
    const request = fitted(api.request, version, body)
    const place = this.place()
    const answer = await this.respondent.ask(node, api, version, request)
    this.keep(place, { api, version, note, node, request }, answer)
    return answer
  }

  /** As `call`, again until it is no longer busy; the last exchange alone is kept. */
  async settled<A extends Api>(
    api: A,
    version: number,
    body: RequestInput<A>,
    note: string,
  ): Promise<Plain> {
    for (;;) {
      const answer = await this.call(api, version, body, note)
      if (![14, 15, 16].includes(Number(fieldOf(answer, "errorCode")))) return answer
      this.exchanges.pop()
      await this.respondent.rest(250)
    }
  }

  /** The same question at every version. */
  async every<A extends Api>(
    api: A,
    body: RequestInput<A> | ((version: number) => RequestInput<A> | undefined),
    note: string,
    node = 0,
  ): Promise<void> {
    const [min, max] = this.ranges.get(api.key) ?? api.versions
    for (let version = Math.max(min, api.versions[0]); version <= max; version++) {
      const one = typeof body === "function" ? body(version) : body
      if (one !== undefined) await this.call(api, version, one, note, node)
    }
  }

  /** On a connection of its own, so that it holds nobody up while it waits. */
  async start<A extends Api>(
    api: A,
    version: number,
    body: RequestInput<A>,
    note: string,
    node: number,
  ): Promise<OpenQuestion> {
    const request = fitted(api.request, version, body)
    const place = this.place()
    const asked = this.respondent.ask(node, api, version, request, { apart: true })
    await this.respondent.rest(headStartMs)
    return {
      answer: async () => {
        const answer = await awaited(asked, this.respondent)
        const question = { api, version, note, node, request }
        this.keep(place, question, answer, firstSeq + this.exchanges.length - 1)
        return answer
      },
    }
  }

  /** The broker that coordinates a group, once there is one. */
  async coordinator(group: string): Promise<number> {
    const body = { keyType: 0, coordinatorKeys: [group] }
    for (;;) {
      const answer = await this.call(findCoordinator, 4, body, "until it is there")
      const found = objectsIn(fieldOf(answer, "coordinators"))[0]
      if (found?.["errorCode"] === 0) {
        const node = Number(found["nodeId"])
        await this.loaded(group, node)
        return node
      }
      this.exchanges.pop()
      await this.respondent.rest(250)
    }
  }

  /** Until the coordinator knows that it is one. */
  private async loaded(groupId: string, node: number): Promise<void> {
    const body = { groupId, memberId: "nobody", generationId: 1 }
    for (let settled = false; !settled;) {
      const answer = await this.respondent.ask(node, heartbeat, 4, body)
      settled = ![14, 15, 16].includes(Number(fieldOf(answer, "errorCode")))
      await this.respondent.rest(300)
    }
  }

  /** Before the next question; kept with it. */
  async rest(ms: number): Promise<void> {
    this.rested = ms
    await this.respondent.rest(ms)
  }

  /** Keeps a place in the order of the questions. */
  private place(): Place {
    const restMs = this.rested
    this.rested = 0
    const seq = firstSeq + this.exchanges.length
    this.exchanges.push({
      seq,
      key: -1,
      version: 0,
      node: 0,
      note: "",
      response: "none",
      requestHex: "",
    })
    return { seq, restMs }
  }

  private keep(
    { seq, restMs }: Place,
    question: {
      readonly api: Api
      readonly version: number
      readonly note: string
      readonly node: number
      readonly request: object
    },
    answer: Answer,
    until = seq,
  ): void {
    const { api, version, note, node, request } = question
    const correlationId = seq
    const frame = encodeRequestFrame(api, { apiVersion: version, correlationId, clientId }, request)
    const told = isObject(answer)
      ? {
          response: readable(answer),
          responseHex: hexOf(encodeResponseFrame(api, version, correlationId, answer)),
        }
      : ({ response: "closed" } as const)
    this.exchanges[seq - firstSeq] = {
      seq,
      key: api.key,
      version,
      node,
      note,
      ...(restMs === 0 ? {} : { restMs }),
      ...(until === seq ? {} : { until }),
      requestHex: hexOf(frame),
      ...told,
    }
  }
}

/** A frame without its length. */
const hexOf = (parts: ReadonlyArray<Uint8Array>): string =>
  Buffer.concat(parts).subarray(4).toString("hex")

function readable(answer: Plain): object {
  const plain = mapped(answer, (_, value) =>
    value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value,
  )
  return isObject(plain) ? plain : {}
}
