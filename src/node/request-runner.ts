/**
 * Runs client requests: dispatches, answers, and keeps those that wait. Every token is answered
 * once or cancelled.
 */
import { apiVersions } from "../protocol/messages/api-versions.ts"
import type { ClientRequest, NodePorts } from "./ports.ts"
import { dispatch } from "./requests/dispatch.ts"
import type { NodeView, Outcome, Wait } from "./requests/outcome.ts"
import { metadataKey } from "./waiting.ts"
import type { Waiting } from "./waiting.ts"

/**
 * The rim bounds what a connection has in flight; this bounds what all of them leave waiting here.
 */
export const waitingRequestsMax = 100_000
/** How long a request waits for a starting broker; then it is answered from what there is. */
const catchUpWaitMs = 3000

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
    this.#settle(token, this.#admit(token, request, nowMs))
  }

  /**
   * A broker that has not caught up with the metadata knows no topics and must not say so: clients
   * would take it for the truth. Kafka opens its listener only then; ours is the peers' too, so
   * requests wait, in order.
   */
  #admit(token: number, request: ClientRequest, nowMs: number): Outcome {
    if (this.#view.caughtUp || request.apiKey === apiVersions.key) {
      return this.#dispatch(token, request, nowMs)
    }
    const hold: Wait = {
      _tag: "wait",
      keys: [metadataKey],
      deadlineMs: nowMs + catchUpWaitMs,
      retry: (laterMs, expired) =>
        expired || this.#view.caughtUp ? this.#dispatch(token, request, laterMs) : hold,
    }
    return hold
  }

  #dispatch(token: number, request: ClientRequest, nowMs: number): Outcome {
    const { apiVersion, clientId, connection, receivedMs } = request
    return dispatch(request.apiKey, request.body, {
      token,
      apiVersion,
      clientId,
      connection,
      receivedMs,
      nowMs,
      node: this.#view,
      wake: () => this.#waiting.wakeToken(token),
    })
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
