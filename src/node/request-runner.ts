/** Runs client requests: dispatches, answers, and keeps those that wait. Every token is answered once or cancelled. */
import type { ClientRequest, NodePorts } from "./ports.ts"
import { dispatch } from "./requests/dispatch.ts"
import type { NodeView, Outcome, Wait } from "./requests/outcome.ts"
import type { Waiting } from "./waiting.ts"

/** The rim bounds what a connection has in flight; this bounds what all of them leave waiting here. */
export const waitingRequestsMax = 100_000

export class RequestRunner {
  readonly #view: NodeView
  readonly #waiting: Waiting
  readonly #ports: NodePorts

  constructor(view: NodeView, waiting: Waiting, ports: NodePorts) {
    this.#view = view
    this.#waiting = waiting
    this.#ports = ports
  }

  request(token: number, request: ClientRequest, nowMs: number): void {
    if (this.#waiting.size >= waitingRequestsMax) {
      return this.#settle(token, { _tag: "close", reason: "too many requests wait" })
    }
    const { apiVersion, clientId, connection, receivedMs } = request
    const outcome = dispatch(request.apiKey, request.body, {
      token,
      apiVersion,
      clientId,
      connection,
      receivedMs,
      nowMs,
      node: this.#view,
      wake: () => this.#waiting.wakeToken(token),
    })
    this.#settle(token, outcome)
  }

  cancel(token: number): void {
    this.#waiting.remove(token)
  }

  #settle(token: number, outcome: Outcome): void {
    switch (outcome._tag) {
      case "answer":
        return this.#ports.answer(token, { _tag: "response", response: outcome.response })
      case "none":
        return this.#ports.answer(token, { _tag: "none" })
      case "close":
        return this.#ports.answer(token, { _tag: "close", reason: outcome.reason })
      case "wait":
        return this.#wait(token, outcome)
    }
  }

  #wait(token: number, wait: Wait): void {
    this.#waiting.add(token, {
      keys: wait.keys,
      deadlineMs: wait.deadlineMs,
      retry: (nowMs, expired) => {
        const next = wait.retry(nowMs, expired)
        if (next === wait) return false
        this.#waiting.remove(token)
        this.#settle(token, next)
        return true
      },
    })
  }
}
