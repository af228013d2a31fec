/** The way to the coordinator of a group: found by asking, forgotten when it says no. */
import { ErrorCode } from "../../../protocol/error-codes.ts"
import { findCoordinator } from "../../../protocol/messages/find-coordinator.ts"
import type { Api, RequestInput, ResponseOf } from "../../../protocol/schema.ts"
import { Gate } from "../gate.ts"
import type { AskOptions, Links } from "../raw/links.ts"

export interface CoordinatorReply<A extends Api> {
  /** Undefined: none came, or nobody could be asked. */
  readonly answer: ResponseOf<A> | undefined
  readonly node: number
  readonly connection: number
  /** False: it never left. */
  readonly isSent: boolean
}

const findTimeoutMs = 3000

/** Whoever answers so does not coordinate the group, or not yet. */
const notHere: ReadonlySet<number> = new Set<number>([
  ErrorCode.NOT_COORDINATOR,
  ErrorCode.COORDINATOR_NOT_AVAILABLE,
  ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
])

/** `noAnswer` too: the next answer may come from another broker. */
export const isNotHere = (code: number): boolean => code === noAnswer || notHere.has(code)

/** In the place of an error code. */
export const noAnswer = -1000

/** Whoever is asked for a group. */
export interface GroupLink {
  readonly group: string
  /** Never rejects. */
  ask<A extends Api>(
    api: A,
    input: RequestInput<A>,
    options: AskOptions,
  ): Promise<CoordinatorReply<A>>
  /** Who was asked was the wrong one. */
  forget(): void
}

/** Always the same broker, whether it coordinates the group or not. */
export const brokerLink = (links: Links, node: number, group: string): GroupLink => ({
  group,
  ask: async (api, input, options) => {
    const reply = await links.ask(node, api, input, options)
    const answer = reply._tag === "answer" ? reply.answer : undefined
    return { answer, node, connection: reply.connection, isSent: reply._tag !== "unsent" }
  },
  forget: () => undefined,
})

export class CoordinatorLink implements GroupLink {
  readonly group: string
  readonly #links: Links
  readonly #nodes: ReadonlyArray<number>
  readonly #gate: Gate
  #coordinator = -1
  #asked = 0

  /**
   * `first`: of the brokers, who is asked first where the coordinator is. Whoever asks stands still
   * while `gate` is closed: answers are heard when it opens.
   */
  constructor(
    links: Links,
    nodes: ReadonlyArray<number>,
    group: string,
    first = 0,
    gate = new Gate(),
  ) {
    this.#gate = gate
    this.#links = links
    this.#nodes = nodes
    this.group = group
    this.#asked = first
  }

  forget(): void {
    this.#coordinator = -1
  }

  /** Never rejects. An answer that did not come is one of the wrong broker. */
  async ask<A extends Api>(
    api: A,
    input: RequestInput<A>,
    options: AskOptions,
  ): Promise<CoordinatorReply<A>> {
    if (this.#coordinator === -1) await this.#find()
    await this.#gate.opened()
    const node = this.#coordinator
    if (node === -1) return { answer: undefined, node, connection: -1, isSent: false }
    const reply = await this.#links.ask(node, api, input, options)
    await this.#gate.opened()
    const { connection } = reply
    if (reply._tag === "answer") return { answer: reply.answer, node, connection, isSent: true }
    if (this.#coordinator === node) this.forget()
    return { answer: undefined, node, connection, isSent: reply._tag === "lost" }
  }

  async #find(): Promise<void> {
    const broker = this.#nodes[this.#asked++ % this.#nodes.length]
    if (broker === undefined) return
    const input = { keyType: 0, coordinatorKeys: [this.group] }
    const options = { versionMax: 6, timeoutMs: findTimeoutMs }
    const reply = await this.#links.ask(broker, findCoordinator, input, options)
    const found = reply._tag === "answer" ? reply.answer.coordinators[0] : undefined
    this.#coordinator = found?.errorCode === ErrorCode.NONE ? found.nodeId : -1
  }
}
