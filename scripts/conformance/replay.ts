/** Puts recorded questions, in their order, to a cluster and compares the answers. */
import { listGroups } from "../../src/protocol/messages/list-groups.ts"
import { produce } from "../../src/protocol/messages/produce.ts"
import type { Api } from "../../src/protocol/index.ts"
import { Bindings } from "./bindings.ts"
import { differencesBetween, type Difference } from "./differences.ts"
import { apiOf, recordedAnswer, recordedRequest, type Exchange } from "./exchange.ts"
import { arranged, compared } from "./freedoms.ts"
import {
  awaited,
  headStartMs,
  offeredBy,
  type Answer,
  type Ranges,
  type Respondent,
} from "./respondent.ts"
import { Routing } from "./routing.ts"
import { fieldOf, isObject, mapped, objectsIn, textIn, together, type Plain } from "./values.ts"

export interface Replayed {
  readonly exchange: Exchange
  readonly api: Api
  /** The cluster's own ApiVersions names this version. */
  readonly offered: boolean
  /** Where it is not offered: other than by a closed connection. */
  readonly differences: ReadonlyArray<Difference>
  /** Messages for people, which are free to differ. */
  readonly words: Words
}

interface Words {
  readonly same: number
  readonly other: number
}

const noWords: Words = { same: 0, other: 0 }

function wordsOf(theirs: Plain, ours: Plain): Words {
  const words = { same: 0, other: 0 }
  together(theirs, ours, (name, a, b) => {
    if (!/message$/i.test(name) || typeof a !== "string" || typeof b !== "string") return
    words[a === b ? "same" : "other"]++
  })
  return words
}

/**
 * A coordinator loads or moves, a leader is not there yet, a transaction ends: it is asked again.
 */
const busyCodes = new Set([5, 6, 14, 15, 16, 51])
/** Of Produce: its leader has not heard of a new topic yet. */
const unknownCodes = new Set([3, 100])
/** Of one API, over all its questions: what stays busy this long is not worth more waiting. */
const triesWhileBusy = 50
const betweenTriesMs = 100

/** Where Kafka was given time before it was asked. */
const rests: ReadonlyArray<readonly [note: RegExp, ms: number]> = [
  [/^one known, from version 4/, 300],
  [/^next heartbeat$/, 50],
  [/^one, and one unknown$/, 2_000],
  [/^the opposite, after the end$|^KIP-890: a retry/, 2_000],
]

const restBefore = ({ note, restMs }: Exchange): number =>
  restMs ?? rests.find(([pattern]) => pattern.test(note))?.[1] ?? 0

interface Open {
  readonly exchange: Exchange
  readonly asked: Promise<Answer>
}

export class Replay {
  private readonly respondent: Respondent
  private readonly bindings = new Bindings()
  private readonly routing: Routing
  private readonly patience = new Map<number, number>()
  private readonly offered: Ranges

  private constructor(respondent: Respondent, offered: Ranges) {
    this.respondent = respondent
    this.offered = offered
    this.routing = new Routing(respondent)
  }

  static async of(
    exchanges: ReadonlyArray<Exchange>,
    respondent: Respondent,
  ): Promise<Array<Replayed>> {
    const replay = new Replay(respondent, await offeredBy(respondent))
    const all: Array<Replayed> = []
    const open: Array<Open> = []
    for (const exchange of exchanges) {
      if (exchange.until === undefined) all.push(await replay.next(exchange))
      else open.push(await replay.opened(exchange))
      const due = open.filter((one) => one.exchange.until === exchange.seq)
      for (const one of due) {
        all.push(replay.judged(one.exchange, await awaited(one.asked, respondent)))
      }
    }
    return all
  }

  private isOffered({ key, version }: Exchange): boolean {
    const [min, max] = this.offered.get(key) ?? [0, -1]
    return version >= min && version <= max
  }

  private async next(exchange: Exchange): Promise<Replayed> {
    const api = apiOf(exchange)
    const request = recordedRequest(exchange)
    const theirs = recordedAnswer(exchange)
    await this.respondent.rest(restBefore(exchange))
    if (!this.isOffered(exchange)) {
      const answer = await this.respondent.ask(
        exchange.node,
        api,
        exchange.version,
        object(request),
      )
      this.routing.observe(exchange, request, theirs)
      return this.judged(exchange, answer)
    }
    const ours = await this.settled(exchange, request, theirs)
    this.routing.observe(exchange, request, theirs)
    return this.judged(exchange, ours)
  }

  private async opened(exchange: Exchange): Promise<Open> {
    const put = await this.question(exchange, recordedRequest(exchange))
    const asked = put()
    await this.respondent.rest(headStartMs)
    return { exchange, asked }
  }

  private judged(exchange: Exchange, ours: Answer): Replayed {
    const api = apiOf(exchange)
    const offered = this.isOffered(exchange)
    if (!offered) {
      const differences = differencesBetween("closed", ours)
      return { exchange, api, offered, differences, words: noWords }
    }
    const theirs = recordedAnswer(exchange)
    this.bindings.learn(arranged(theirs, exchange), arranged(ours, exchange))
    const answer = this.bindings.toRecorded(ours)
    const differences = differencesBetween(compared(theirs, exchange), compared(answer, exchange))
    return { exchange, api, offered, differences, words: wordsOf(theirs, answer) }
  }

  private async settled(exchange: Exchange, request: Plain, theirs: Plain): Promise<Answer> {
    for (;;) {
      const answer = await (await this.question(exchange, request))()
      const left = this.patience.get(exchange.key) ?? triesWhileBusy
      if (left === 0 || !isBusy(exchange, theirs, answer)) return answer
      this.patience.set(exchange.key, left - 1)
      this.routing.forget()
      await this.respondent.rest(betweenTriesMs)
    }
  }

  /** Ready to be put, with our ids, to the right broker. */
  private async question(exchange: Exchange, request: Plain): Promise<() => Promise<Answer>> {
    const api = apiOf(exchange)
    const epoch = await this.routing.epochFor(exchange, request)
    // Kafka's first epoch is 0; a raft term begins at 1 and differs from group to group.
    const body = mapped(this.bindings.toOurs(request), (name, value) =>
      (name === "currentLeaderEpoch" || name === "leaderEpoch") && value === 0
        ? (epoch ?? value)
        : value,
    )
    if (api.key === listGroups.key) return () => this.everybodysGroups(exchange, object(body))
    const broker = await this.routing.brokerFor(exchange, request)
    const options = {
      unanswered: exchange.response === "none",
      apart: exchange.until !== undefined,
    }
    return () => this.respondent.ask(broker, api, exchange.version, object(body), options)
  }

  /** Kafka's brokers list what they coordinate; the same groups lie at other brokers here. */
  private async everybodysGroups(exchange: Exchange, body: object): Promise<Answer> {
    const answers: Array<Answer> = []
    for (let broker = 0; broker < this.respondent.brokers; broker++) {
      answers.push(await this.respondent.ask(broker, listGroups, exchange.version, body))
    }
    const failed = answers.find((one) => fieldOf(one, "errorCode") !== 0)
    if (failed !== undefined) return failed
    const [first] = answers
    if (!isObject(first)) return first
    const groups = answers
      .flatMap((one) => objectsIn(fieldOf(one, "groups")))
      .filter((group) => this.routing.isListedAt(exchange, textIn(group, "groupId")))
    return { ...first, groups }
  }
}

const object = (value: Plain): object => (isObject(value) ? value : {})

/** Somewhere it says that it is busy, where Kafka said something else. */
function isBusy({ key }: Exchange, theirs: Plain, ours: Answer): boolean {
  let busy = false
  together(ours, theirs, (name, code, recorded) => {
    if (name !== "errorCode" || code === recorded) return
    const unknown = key === produce.key && unknownCodes.has(Number(code))
    if (unknown || busyCodes.has(Number(code))) busy = true
  })
  return busy
}
