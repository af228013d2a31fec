/**
 * The window of AppendEntries that were sent to one follower and not yet answered, oldest first.
 */
import type { LogIndex } from "./types.ts"

/**
 * After a doubt (new leader, lost message, new link) so many messages are risked; each answer
 * allows one more.
 */
const WINDOW_START = 4

export class Inflights {
  readonly #messagesMax: number
  readonly #bytesMax: number
  readonly #lastIndexes: Array<LogIndex> = []
  readonly #sizes: Array<number> = []
  #head = 0
  #bytes = 0
  #window: number

  constructor(messagesMax: number, bytesMax: number) {
    this.#messagesMax = messagesMax
    this.#bytesMax = bytesMax
    this.#window = Math.min(WINDOW_START, messagesMax)
  }

  get count(): number {
    return this.#lastIndexes.length - this.#head
  }
  get bytes(): number {
    return this.#bytes
  }
  get full(): boolean {
    return this.count >= this.#window || this.#bytes >= this.#bytesMax
  }

  add(lastIndex: LogIndex, bytes: number): void {
    this.#lastIndexes.push(lastIndex)
    this.#sizes.push(bytes)
    this.#bytes += bytes
  }

  /** Frees what an acknowledgement up to `matchIndex` answers. */
  freeThrough(matchIndex: LogIndex): void {
    const indexes = this.#lastIndexes
    let head = this.#head
    for (; head < indexes.length && indexes[head]! <= matchIndex; head++) {
      this.#bytes -= this.#sizes[head]!
      if (this.#window < this.#messagesMax) this.#window++
    }
    if (head === indexes.length) {
      indexes.length = 0
      this.#sizes.length = 0
      head = 0
    } else if (head >= 64 && head * 2 >= indexes.length) {
      indexes.splice(0, head)
      this.#sizes.splice(0, head)
      head = 0
    }
    this.#head = head
  }

  clear(): void {
    this.#lastIndexes.length = 0
    this.#sizes.length = 0
    this.#head = 0
    this.#bytes = 0
    this.#window = Math.min(WINDOW_START, this.#messagesMax)
  }
}
