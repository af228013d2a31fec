/**
 * Since which metadata image no topic has appeared: patterns that were matched since then would
 * match the same. Images move for many other reasons, so the topics are only looked through when
 * somebody asks, once for each image.
 */
import type { Uuid } from "../../protocol/schema.ts"
import type { TopicsView } from "../ports.ts"

export class NewestTopics {
  readonly #topics: TopicsView
  /** What is there already may be new to patterns that were matched elsewhere. */
  #ids: ReadonlySet<Uuid> = new Set()
  #seenIn = -1
  #newestIn = -1

  constructor(topics: TopicsView) {
    this.#topics = topics
  }

  /** Of an image. */
  get version(): number {
    const { version } = this.#topics
    if (version === this.#seenIn) return this.#newestIn
    const ids = idsOf(this.#topics)
    const isFirst = this.#seenIn === -1
    if (isFirst || hasMore(ids, this.#ids)) this.#newestIn = version
    this.#ids = ids
    this.#seenIn = version
    return this.#newestIn
  }
}

function hasMore(ids: ReadonlySet<Uuid>, than: ReadonlySet<Uuid>): boolean {
  for (const id of ids) if (!than.has(id)) return true
  return false
}

function idsOf(topics: TopicsView): Set<Uuid> {
  const ids = new Set<Uuid>()
  for (const name of topics.names()) {
    const id = topics.topicId(name)
    if (id !== undefined) ids.add(id)
  }
  return ids
}
