import type { ConsumedRecord } from "../src/index.ts"
import { text } from "./client.ts"

/** How often each of so many records was handled, by value. */
export class Tally {
  readonly #size: number
  readonly #times = new Map<string, number>()

  constructor(size: number) {
    this.#size = size
  }

  readonly count = ({ value }: ConsumedRecord): void => {
    this.#times.set(text(value), (this.#times.get(text(value)) ?? 0) + 1)
  }

  tell(what: string): void {
    const lost = this.#size - this.#times.size
    const repeated = [...this.#times.values()].filter((times) => times > 1).length
    console.log(`${what}: ${lost} of ${this.#size} lost, ${repeated} handled again`)
  }
}
