/** What a broker in this process says: in its file alone, a test's output is the test's. */
import { closeSync, openSync, writeSync } from "node:fs"
import type { LogLevel } from "../broker/log.ts"

/** More than any test needs; then it is silent. */
const bytesMax = 64 * 1024 * 1024

export class BrokerLog {
  readonly #id: number
  #file: number | undefined
  #bytes = 0

  constructor(id: number, path: string) {
    this.#id = id
    this.#file = openSync(path, "a")
  }

  readonly write = (level: LogLevel, line: string): void => {
    if (this.#file === undefined || this.#bytes > bytesMax) return
    const time = new Date().toISOString()
    const text = `${time} ${level.toUpperCase().padEnd(5)} broker ${this.#id}: ${line}\n`
    this.#bytes += writeSync(this.#file, text)
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file)
    this.#file = undefined
  }
}
