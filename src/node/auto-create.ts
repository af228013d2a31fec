/**
 * Topics that a client asked metadata for and that do not exist: made with the broker's defaults,
 * each name once.
 */
import { createTopics } from "../protocol/messages/create-topics.ts"
import type { RequestOf } from "../protocol/schema.ts"
import type { ControllerRequest, ControllerResult } from "./requests/outcome.ts"

const decideWaitMs = 5000
/** Names under way; further ones are asked for again by clients that mean it. */
export const autoCreatingMax = 1000

type Decide = (request: ControllerRequest, done: (result: ControllerResult) => void) => void

export class AutoCreate {
  readonly #decide: Decide
  readonly #underWay = new Set<string>()

  constructor(decide: Decide) {
    this.#decide = decide
  }

  create(names: ReadonlyArray<string>, nowMs: number): void {
    const fresh = names
      .filter((name) => !this.#underWay.has(name))
      .slice(0, autoCreatingMax - this.#underWay.size)
    if (fresh.length === 0) return
    for (const name of fresh) this.#underWay.add(name)
    const topic = { numPartitions: -1, replicationFactor: -1, assignments: [], configs: [] }
    const body: RequestOf<typeof createTopics> = {
      topics: fresh.map((name) => ({ name, ...topic })),
      timeoutMs: decideWaitMs,
      validateOnly: false,
    }
    const { key: apiKey, versions } = createTopics
    const deadlineMs = nowMs + decideWaitMs
    this.#decide({ apiKey, apiVersion: versions[1], body, deadlineMs }, () => {
      for (const name of fresh) this.#underWay.delete(name)
    })
  }
}
