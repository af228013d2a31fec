/**
 * A client's connections, one per broker: requests and answers take their time and keep their
 * order, as on TCP; a broker that dies closes its connection, a silent one is given up.
 */
import type { Prng } from "../../../raft/prng.ts"
import type { Api, RequestInput, ResponseOf } from "../../protocol/schema.ts"
import type { Subject, SubjectAnswer } from "../subject.ts"

/** "lost": closed, or no answer in time. */
export type LinkAnswer<A extends Api> = ResponseOf<A> | "none" | "lost"

export interface LinkReply<A extends Api> {
  readonly answer: LinkAnswer<A>
  readonly connection: number
}

interface Connection {
  readonly id: number
  /** The process it was made to. */
  readonly starts: number
  sentMs: number
  arrivedMs: number
  isOpen: boolean
  readonly waiting: Set<() => void>
}

export class ClientLink {
  readonly #subject: Subject
  readonly #prng: Prng
  readonly #latencyMs: readonly [number, number]
  readonly #connections = new Map<number, Connection>()
  /** Shared by the clients of a run: no two connections have the same number. */
  readonly #numbers: { next: number }

  constructor(
    subject: Subject,
    prng: Prng,
    latencyMs: readonly [number, number],
    numbers: { next: number },
  ) {
    this.#subject = subject
    this.#prng = prng
    this.#latencyMs = latencyMs
    this.#numbers = numbers
  }

  /** `done` is called exactly once, later. */
  ask<A extends Api>(
    node: number,
    api: A,
    version: number,
    input: RequestInput<A>,
    timeoutMs: number,
    done: (reply: LinkReply<A>) => void,
  ): void {
    const subject = this.#subject
    const connection = this.#connection(node)
    let open = true
    const finish = (answer: LinkAnswer<A>): void => {
      if (!open) return
      open = false
      connection.waiting.delete(lost)
      done({ answer, connection: connection.id })
    }
    const lost = (): void => finish("lost")
    connection.waiting.add(lost)
    subject.plan(subject.nowMs + timeoutMs, () => {
      if (open) this.#close(node, connection)
    })
    connection.sentMs = Math.max(connection.sentMs, subject.nowMs + this.#draw())
    subject.plan(connection.sentMs, () => {
      if (!connection.isOpen) return
      // That process is gone: the client finds out when it sends.
      if (this.#startsOf(node) !== connection.starts) return this.#close(node, connection)
      subject.ask(node, api, version, input, (answer) => {
        this.#arrive(node, connection, answer, finish)
      })
    })
  }

  #arrive<A extends Api>(
    node: number,
    connection: Connection,
    answer: SubjectAnswer<A>,
    finish: (answer: LinkAnswer<A>) => void,
  ): void {
    const subject = this.#subject
    connection.arrivedMs = Math.max(connection.arrivedMs, subject.nowMs + this.#draw())
    subject.plan(connection.arrivedMs, () => {
      if (!connection.isOpen) return
      if (answer === "closed") this.#close(node, connection)
      else finish(answer)
    })
  }

  /** All that waits on it is lost. */
  #close(node: number, connection: Connection): void {
    if (!connection.isOpen) return
    connection.isOpen = false
    if (this.#connections.get(node) === connection) this.#connections.delete(node)
    const { waiting } = connection
    for (const lost of waiting) lost()
  }

  #connection(node: number): Connection {
    const known = this.#connections.get(node)
    if (known !== undefined) return known
    const id = this.#numbers.next++
    const waiting = new Set<() => void>()
    const starts = this.#startsOf(node)
    const made = { id, starts, sentMs: 0, arrivedMs: 0, isOpen: true, waiting }
    this.#connections.set(node, made)
    return made
  }

  #startsOf(node: number): number {
    return this.#subject.brokers[node]?.starts ?? 0
  }

  #draw(): number {
    const [min, max] = this.#latencyMs
    return min + this.#prng.below(max - min + 1)
  }
}
