/**
 * What a producing client was told to send: taken in portions, each sent before the next, because
 * these libraries keep no order among sends that overlap.
 */
import { answer, errorText } from "./lines.ts"
import type { Answer, SendCommand } from "./lines.ts"

/** Sends records of one partition, in their order, and gives the offset of the first. */
export type SendPortion = (
  topic: string,
  partition: number,
  records: ReadonlyArray<SendCommand>,
) => Promise<number>

export interface Sender {
  readonly send: SendPortion
  close(): Promise<void>
}

const portionMax = 200

export class Outbox {
  readonly #open: () => Promise<Sender>
  readonly #tell: (one: Answer) => void
  readonly #waiting: Array<SendCommand> = []
  #wake = () => {}
  #session = 0
  #isEnding = false

  /** `open` begins a client anew; it is tried until it succeeds. */
  constructor(open: () => Promise<Sender>, tell: (one: Answer) => void = answer) {
    this.#open = open
    this.#tell = tell
  }

  push(command: SendCommand): void {
    this.#waiting.push(command)
    this.#wake()
  }

  end(): void {
    this.#isEnding = true
    this.#wake()
  }

  /** Resolves when it has been ended and everything is sent. */
  async run(): Promise<void> {
    let sender = await this.#begin()
    this.#tell({ is: "ready" })
    while (!this.#isEnding || this.#waiting.length > 0) {
      if (this.#waiting.length === 0) {
        await new Promise<void>((resolve) => (this.#wake = resolve))
        continue
      }
      if (await this.#sendAll(sender)) continue
      await sender.close().catch(() => undefined)
      this.#session++
      sender = await this.#begin()
    }
    await sender.close().catch(() => undefined)
  }

  async #begin(): Promise<Sender> {
    for (;;) {
      try {
        return await this.#open()
      } catch (error) {
        this.#tell({ is: "trouble", error: errorText(error) })
        await Bun.sleep(300)
      }
    }
  }

  /** False: something may be there or not, and the client has to begin anew. */
  async #sendAll(sender: Sender): Promise<boolean> {
    const portion = this.#waiting.splice(0, portionMax)
    const byPartition = Map.groupBy(portion, ({ topic, partition }) => `${topic}/${partition}`)
    const session = this.#session
    const sent = Array.from(byPartition.values(), async (records) => {
      const { topic = "", partition = 0 } = records[0] ?? {}
      try {
        const base = await sender.send(topic, partition, records)
        records.forEach(({ n }, i) => this.#tell({ is: "ok", n, session, offset: base + i }))
        return true
      } catch (error) {
        const why = errorText(error)
        for (const { n } of records) this.#tell({ is: "unknown", n, session, error: why })
        return false
      }
    })
    return (await Promise.all(sent)).every(Boolean)
  }
}
