/**
 * Topics that are made because somebody asks for them: those that a client wants metadata of, with
 * the broker's defaults, and `__consumer_offsets`, with Kafka's settings for it. Each name once.
 */
import { consumerOffsetsTopic } from "../cluster/topic-names.ts"
import { ErrorCode } from "../protocol/error-codes.ts"
import { createTopics } from "../protocol/messages/create-topics.ts"
import type { RequestOf, ResponseOf } from "../protocol/schema.ts"
import type { NodeSettings } from "./ports.ts"
import { responseOf } from "./requests/bodies.ts"
import type { ControllerResult, NodeView } from "./requests/outcome.ts"

type CreatableTopic = RequestOf<typeof createTopics>["topics"][number]
type Asker = Pick<NodeView, "settings" | "decide" | "log">

const decideWaitMs = 5000
/** Names under way; further ones are asked for again by clients that mean it. */
export const autoCreatingMax = 1000

export class AutoCreate {
  readonly #node: Asker
  readonly #underWay = new Set<string>()
  /** The last reason told in the log: askers come back ten times a second. */
  #refusal = ""

  constructor(node: Asker) {
    this.#node = node
  }

  create(names: ReadonlyArray<string>, nowMs: number): void {
    const fresh = names
      .filter((name) => !this.#underWay.has(name))
      .slice(0, autoCreatingMax - this.#underWay.size)
    if (fresh.length === 0) return
    for (const name of fresh) this.#underWay.add(name)
    const body: RequestOf<typeof createTopics> = {
      topics: fresh.map((name) => creatableTopic(name, this.#node.settings)),
      timeoutMs: decideWaitMs,
      validateOnly: false,
    }
    const { key: apiKey, versions } = createTopics
    const deadlineMs = nowMs + decideWaitMs
    this.#node.decide({ apiKey, apiVersion: versions[1], body, deadlineMs }, (result) => {
      for (const name of fresh) this.#underWay.delete(name)
      this.#tellRefusal(result)
    })
  }

  /** A client hears why its own topic is not made; of the offsets topic nobody would hear. */
  #tellRefusal(result: ControllerResult): void {
    if (result._tag === "timedOut") return
    const { topics } = responseOf(createTopics, result.response)
    const offsets = topics.find((topic) => topic.name === consumerOffsetsTopic)
    if (offsets === undefined) return
    const made = isMade(offsets)
    const refusal = made ? "" : (offsets.errorMessage ?? `error ${offsets.errorCode}`)
    if (refusal !== "" && refusal !== this.#refusal) {
      this.#node.log("warn", `${consumerOffsetsTopic} cannot be created: ${refusal}`)
    }
    this.#refusal = refusal
  }
}

const isMade = ({ errorCode }: ResponseOf<typeof createTopics>["topics"][number]): boolean =>
  errorCode === ErrorCode.NONE || errorCode === ErrorCode.TOPIC_ALREADY_EXISTS

const creatableTopic = (name: string, settings: NodeSettings): CreatableTopic => {
  if (name !== consumerOffsetsTopic) {
    return { name, numPartitions: -1, replicationFactor: -1, assignments: [], configs: [] }
  }
  return {
    name,
    numPartitions: settings.offsetsTopicNumPartitions,
    replicationFactor: settings.offsetsTopicReplicationFactor,
    assignments: [],
    configs: [
      { name: "cleanup.policy", value: "compact" },
      { name: "compression.type", value: "producer" },
      { name: "segment.bytes", value: String(settings.offsetsTopicSegmentBytes) },
    ],
  }
}
