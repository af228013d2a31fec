/**
 * What a consuming client was given and has not handed on yet; who gives waits while it is full, so
 * that a consumer that nobody polls stops fetching.
 */
import { answer } from "./lines.ts"
import type { Batch } from "./lines.ts"

const recordsMax = 5000
const pollMs = 200

export class Inbox {
  #batches: Array<Batch> = []
  #records = 0
  #room: PromiseWithResolvers<void> | undefined
  #arrived = () => {}

  /** Resolves when there is room for more. */
  async give(batch: Batch): Promise<void> {
    this.#batches.push(batch)
    this.#records += batch.records.length
    this.#arrived()
    if (this.#records < recordsMax) return
    this.#room ??= Promise.withResolvers<void>()
    await this.#room.promise
  }

  /** Answers a poll, after a while also with nothing. */
  async poll(): Promise<void> {
    if (this.#batches.length === 0) {
      const arrived = new Promise<void>((resolve) => (this.#arrived = resolve))
      await Promise.race([arrived, Bun.sleep(pollMs)])
    }
    answer({ is: "polled", batches: this.#batches })
    this.#batches = []
    this.#records = 0
    this.#room?.resolve()
    this.#room = undefined
  }
}
