/**
 * Producer ids of this broker: from the block that the metadata group gave it, the next block asked
 * for in time.
 */
import { ErrorCode } from "../protocol/error-codes.ts"
import { allocateProducerIds } from "../protocol/messages/allocate-producer-ids.ts"
import { responseOf } from "./requests/bodies.ts"
import type { ControllerRequest, ControllerResult } from "./requests/outcome.ts"

export interface ProducerIdsPorts {
  readonly nodeId: number
  /** Of this broker's registration; −1: not registered. */
  brokerEpoch(): number
  decide(request: ControllerRequest, done: (result: ControllerResult) => void): void
  /** Ids are there again. */
  refilled(): void
}

const refillBelow = 100
const retryAfterMs = 200
const decideWaitMs = 5000

interface IdBlock {
  readonly first: number
  readonly count: number
}

export class ProducerIds {
  readonly #ports: ProducerIdsPorts
  #next = 0
  #end = 0
  #following: IdBlock | undefined
  #asking = false
  #notBeforeMs = 0

  constructor(ports: ProducerIdsPorts) {
    this.#ports = ports
  }

  /** Undefined: none left, a block is asked for. */
  next(nowMs: number): number | undefined {
    if (this.#next === this.#end && this.#following !== undefined) {
      const { first, count } = this.#following
      this.#following = undefined
      this.#next = first
      this.#end = first + count
    }
    const left = this.#end - this.#next
    if (left <= refillBelow) this.#refill(nowMs)
    return left === 0 ? undefined : this.#next++
  }

  #refill(nowMs: number): void {
    if (this.#asking || this.#following !== undefined || nowMs < this.#notBeforeMs) return
    this.#asking = true
    this.#notBeforeMs = nowMs + retryAfterMs
    const { nodeId: brokerId } = this.#ports
    const body = { brokerId, brokerEpoch: this.#ports.brokerEpoch() }
    const { key: apiKey } = allocateProducerIds
    const deadlineMs = nowMs + decideWaitMs
    this.#ports.decide({ apiKey, apiVersion: 0, body, deadlineMs }, (result) => {
      this.#asking = false
      if (result._tag === "timedOut") return
      const response = responseOf(allocateProducerIds, result.response)
      if (response.errorCode !== ErrorCode.NONE) return
      this.#following = { first: response.producerIdStart, count: response.producerIdLen }
      this.#ports.refilled()
    })
  }
}
