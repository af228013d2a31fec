/** A client's way to the coordinator of its group: found by asking, forgotten when it says no. */
import { ErrorCode } from "../../protocol/error-codes.ts"
import { findCoordinator } from "../../protocol/messages/find-coordinator.ts"
import type { Api, RequestInput, ResponseOf } from "../../protocol/schema.ts"
import { backOffMs } from "./client.ts"
import type { Client } from "./client.ts"

export interface GroupReply<A extends Api> {
  /** Undefined: no answer, or nobody to ask. */
  readonly answer: ResponseOf<A> | undefined
  readonly node: number
  readonly connection: number
  /** False: it never left. */
  readonly sent: boolean
}

const findTimeoutMs = 3000

/** Whoever answers so does not coordinate the group, or not yet. */
const notHere: ReadonlySet<number> = new Set<number>([
  ErrorCode.NOT_COORDINATOR,
  ErrorCode.COORDINATOR_NOT_AVAILABLE,
  ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
])

export const isNotHere = (code: number): boolean => notHere.has(code)

export class GroupLink {
  readonly group: string
  readonly #client: Client
  #coordinator = -1

  constructor(client: Client, group: string) {
    this.#client = client
    this.group = group
  }

  forget(): void {
    this.#coordinator = -1
  }

  /** `done` is called exactly once, later. An answer that never came is one of the wrong broker. */
  ask<A extends Api>(
    api: A,
    version: number,
    input: RequestInput<A>,
    timeoutMs: number,
    done: (reply: GroupReply<A>) => void,
  ): void {
    if (this.#coordinator === -1)
      return this.#find(() => this.#send(api, version, input, timeoutMs, done))
    this.#send(api, version, input, timeoutMs, done)
  }

  #send<A extends Api>(
    api: A,
    version: number,
    input: RequestInput<A>,
    timeoutMs: number,
    done: (reply: GroupReply<A>) => void,
  ): void {
    const node = this.#coordinator
    const nobody = { answer: undefined, node, connection: -1, sent: false }
    if (node === -1) return this.#client.after(backOffMs, () => done(nobody))
    this.#client.link.ask(node, api, version, input, timeoutMs, ({ answer, connection }) => {
      const came = typeof answer === "string" ? undefined : answer
      if (came === undefined) this.forget()
      done({ answer: came, node, connection, sent: true })
    })
  }

  #find(then: () => void): void {
    const client = this.#client
    const input = { keyType: 0, coordinatorKeys: [this.group] }
    client.link.ask(client.anyNode(), findCoordinator, 6, input, findTimeoutMs, ({ answer }) => {
      const found = typeof answer === "string" ? undefined : answer.coordinators[0]
      this.#coordinator = found?.errorCode === ErrorCode.NONE ? found.nodeId : -1
      then()
    })
  }
}
