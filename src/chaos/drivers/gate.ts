/** Lets through while it is open: how a client that has no process of its own stands still. */
export class Gate {
  #closed: PromiseWithResolvers<void> | undefined

  get isOpen(): boolean {
    return this.#closed === undefined
  }

  pause(): void {
    this.#closed ??= Promise.withResolvers<void>()
  }

  /** Whoever waits goes on, in the order of coming. */
  resume(): void {
    this.#closed?.resolve()
    this.#closed = undefined
  }

  /** Resolves when it is open, also when it closed again in between. */
  async opened(): Promise<void> {
    while (this.#closed !== undefined) await this.#closed.promise
  }
}
