/**
 * Producer ids of this broker: from the block that the metadata group gave it, the next block asked
 * for in time.
 */
import { ErrorCode } from "../protocol/error-codes.ts"
import { allocateProducerIds } from "../protocol/messages/allocate-producer-ids.ts"
import { responseOf } from "./requests/bodies.ts"
import type { NodeView } from "./requests/outcome.ts"

type Asker = Pick<NodeView, "nodeId" | "image" | "decide">

const refillBelow = 100
const retryAfterMs = 200
const decideWaitMs = 5000

interface IdBlock {
  readonly first: number
  readonly count: number
}

export class ProducerIds {
  readonly #node: Asker
  readonly #refilled: () => void
  #next = 0
  #end = 0
  #following: IdBlock | undefined
  #asking = false
  #notBeforeMs = 0

  /** `refilled` is called when ids are there again. */
  constructor(node: Asker, refilled: () => void) {
    this.#node = node
    this.#refilled = refilled
  }

  /** Of this broker's registration; −1: not registered. */
  get #brokerEpoch(): number {
    const { nodeId, image } = this.#node
    return image.brokers.get(nodeId)?.epoch ?? -1
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
    const { nodeId: brokerId } = this.#node
    const body = { brokerId, brokerEpoch: this.#brokerEpoch }
    const { key: apiKey } = allocateProducerIds
    const deadlineMs = nowMs + decideWaitMs
    this.#node.decide({ apiKey, apiVersion: 0, body, deadlineMs }, (result) => {
      this.#asking = false
      if (result._tag === "timedOut") return
      const response = responseOf(allocateProducerIds, result.response)
      if (response.errorCode !== ErrorCode.NONE) return
      this.#following = { first: response.producerIdStart, count: response.producerIdLen }
      this.#refilled()
    })
  }
}
