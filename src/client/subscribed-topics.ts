/** The topics of a subscription, and how many partitions they have as last heard. */
import { ErrorCode } from "../protocol/error-codes.ts"
import type { Client } from "./client.ts"
import type { Subscribed } from "./membership.ts"

const defaultMaxAgeMs = 300_000

export class SubscribedTopics {
  readonly #client: Client
  readonly #subscribed: Subscribed
  readonly #pattern: RegExp | undefined
  readonly #maxAgeMs: number
  #counts = new Map<string, number>()
  #refreshedMs = -Infinity

  /** `maxAgeMs`: after that the topics are asked for again. */
  constructor(client: Client, subscribed: Subscribed, maxAgeMs = defaultMaxAgeMs) {
    this.#client = client
    this.#subscribed = subscribed
    const { pattern } = subscribed
    this.#pattern = pattern === undefined ? undefined : new RegExp(`^(?:${pattern})$`)
    this.#maxAgeMs = maxAgeMs
  }

  isStale(): boolean {
    return performance.now() - this.#refreshedMs > this.#maxAgeMs
  }

  names(): ReadonlyArray<string> {
    return this.#pattern === undefined ? this.#subscribed.topics : [...this.#counts.keys()].sort()
  }

  /** True when topics or partitions have come or gone. */
  async refresh(): Promise<boolean> {
    const before = this.#key()
    this.#counts = await this.#ask(this.#pattern === undefined ? this.#subscribed.topics : null)
    this.#refreshedMs = performance.now()
    return before !== this.#key()
  }

  /** Also of topics that only other members want; those without partitions are left out. */
  async countPartitions(topics: ReadonlyArray<string>): Promise<ReadonlyMap<string, number>> {
    const unknown = [...new Set(topics)].filter((topic) => !this.#counts.has(topic))
    if (unknown.length === 0) return this.#counts
    return new Map([...this.#counts, ...(await this.#ask(unknown))])
  }

  #key(): string {
    return JSON.stringify([...this.#counts].toSorted(([a], [b]) => (a < b ? -1 : 1)))
  }

  async #ask(topics: ReadonlyArray<string> | null): Promise<Map<string, number>> {
    const answer = await this.#client.metadata(topics, topics !== null)
    const counts = new Map<string, number>()
    for (const { errorCode, name, isInternal, partitions } of answer.topics) {
      const wanted = topics !== null || (!isInternal && this.#pattern?.test(name ?? "") === true)
      const there = errorCode === ErrorCode.NONE || errorCode === ErrorCode.LEADER_NOT_AVAILABLE
      if (wanted && there && name !== null) counts.set(name, partitions.length)
    }
    return counts
  }
}
