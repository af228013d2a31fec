/**
 * What a consuming client was given and has not handed on yet; who gives waits while it is full, so
 * that a consumer that nobody polls stops fetching.
 */
import { answer } from "./lines.ts"
import type { Answer, Batch } from "./lines.ts"

const recordsMax = 5000
const pollMs = 200

type Growing = Omit<Batch, "records" | "highWatermark"> & {
  highWatermark: number
  readonly records: Array<Batch["records"][number]>
}

export class Inbox {
  #batches: Array<Growing> = []
  #records = 0
  #room: PromiseWithResolvers<void> | undefined
  #arrived = () => {}
  readonly #joinsGaps: boolean

  /**
   * `joinsGaps`: what comes later in a partition belongs to what came before, so that a record
   * between them is missing. Not of a client that may read a partition twice at the same time.
   */
  constructor(joinsGaps = true) {
    this.#joinsGaps = joinsGaps
  }

  /** Resolves when there is room for more. */
  async give(batch: Batch): Promise<void> {
    this.#keep(batch)
    this.#records += batch.records.length
    this.#arrived()
    if (this.#records < recordsMax) return
    this.#room ??= Promise.withResolvers<void>()
    await this.#room.promise
  }

  /** What goes on in the same partition belongs to the same answer. */
  #keep(batch: Batch): void {
    const last = this.#batches.at(-1)
    const isSame = last?.topic === batch.topic && last.partition === batch.partition
    const end = last?.records.at(-1)?.[0] ?? -1
    const first = batch.records[0]?.[0] ?? -1
    const goesOn = this.#joinsGaps ? first > end : first === end + 1
    if (last !== undefined && isSame && goesOn) {
      last.records.push(...batch.records)
      last.highWatermark = Math.max(last.highWatermark, batch.highWatermark)
    } else this.#batches.push({ ...batch, records: [...batch.records] })
  }

  /** Answers a poll, after a while also with nothing. */
  async poll(tell: (one: Answer) => void = answer): Promise<void> {
    if (this.#batches.length === 0) {
      const arrived = new Promise<void>((resolve) => (this.#arrived = resolve))
      await Promise.race([arrived, Bun.sleep(pollMs)])
    }
    tell({ is: "polled", batches: this.#batches })
    this.#batches = []
    this.#records = 0
    this.#room?.resolve()
    this.#room = undefined
  }
}
