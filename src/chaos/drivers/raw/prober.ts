/**
 * Asks what administrators and other clients' libraries ask: ends, starts, times and epochs of
 * logs, and metadata of each broker in turn. One question at a time.
 */
import type { PartitionRef } from "../partition.ts"
import { askEpochEnd, askOffset } from "./ask-offsets.ts"
import type { Quirks } from "./quirks.ts"
import { RawClient } from "./raw-client.ts"
import type { RawPorts } from "./raw-client.ts"

const latest = -1
const earliest = -2
const greatestTime = -3

export interface ProberShape {
  /** Between two questions, on average. */
  readonly thinkMs: number
  readonly quirks: Quirks
}

export class Prober {
  readonly #client: RawClient
  readonly #refs: ReadonlyArray<PartitionRef>
  readonly #thinkMs: number
  readonly #startedMs: number
  readonly #greatestTime: number
  #isStopping = false
  #isBusy = false
  #asked = 0

  constructor(
    name: string,
    ports: RawPorts,
    refs: ReadonlyArray<PartitionRef>,
    { thinkMs, quirks }: ProberShape,
  ) {
    this.#client = new RawClient(name, ports)
    this.#refs = refs
    this.#thinkMs = thinkMs
    this.#greatestTime = quirks.greatestTimeMayBeMissing ? latest : greatestTime
    this.#startedMs = Date.now()
  }

  get outstanding(): number {
    return this.#isBusy ? 1 : 0
  }

  start(): void {
    void this.#run()
  }

  stop(): void {
    this.#isStopping = true
  }

  dispose(): Promise<void> {
    this.#isStopping = true
    this.#client.dispose()
    return Promise.resolve()
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      this.#isBusy = true
      await this.#ask()
      this.#isBusy = false
      await Bun.sleep(1 + this.#client.chance.below(2 * this.#thinkMs))
    }
  }

  async #ask(): Promise<void> {
    const client = this.#client
    const ref = client.pick(this.#refs)
    switch (this.#asked++ % 6) {
      case 0:
        return client.refresh(client.ports.nodes[this.#asked % client.ports.nodes.length])
      case 1:
        return this.#offset(ref, earliest)
      case 2:
        return this.#offset(ref, this.#greatestTime)
      case 3:
        return this.#offset(ref, this.#someTime())
      case 4:
        return askEpochEnd(client, ref, client.chance.below(client.leaderOf(ref).epoch + 2))
      default:
        return this.#offset(ref, latest)
    }
  }

  async #offset(ref: PartitionRef, at: number): Promise<void> {
    await askOffset(this.#client, ref, at)
  }

  #someTime(): number {
    const sinceMs = Math.max(1, Date.now() - this.#startedMs)
    return this.#startedMs + this.#client.chance.below(sinceMs)
  }
}
