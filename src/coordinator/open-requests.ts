/**
 * Requests that are not answered yet. When leadership goes, each gets the answer that was laid by
 * for it; what happens to its operation afterwards is no longer heard.
 */
export class OpenRequests {
  readonly #open = new Set<() => void>()
  #closed = false

  /** A reply that works once: the first answer counts. */
  open<R>(reply: (response: R) => void, lost: () => R): (response: R) => void {
    const close = (): void => reply(lost())
    this.#open.add(close)
    return (response) => {
      if (!this.#closed && this.#open.delete(close)) reply(response)
    }
  }

  /** Answers them all, in the order in which they came. */
  close(): void {
    this.#closed = true
    const open = [...this.#open]
    this.#open.clear()
    for (const close of open) close()
  }
}
