/**
 * Reads of metadata that must know all that was acknowledged before, from brokers that may lag: the
 * reader first sets a config of a topic of its own to a value that was never there, and believes a
 * broker only once that value is seen there. Metadata is one log, applied in its order: whoever
 * shows this write has applied everything before it. By the protocol alone, so on Kafka too.
 */
import { ErrorCode } from "../../protocol/error-codes.ts"
import { describeConfigs } from "../../protocol/messages/describe-configs.ts"
import { incrementalAlterConfigs } from "../../protocol/messages/incremental-alter-configs.ts"
import { metadata } from "../../protocol/messages/metadata.ts"
import type { RunClock } from "../clock.ts"
import type { Links } from "../drivers/raw/links.ts"
import { topicsSeen } from "./metadata-watch.ts"

export interface TopicRead {
  readonly exists: boolean
  readonly topicId: string
  /** −1: not asked. */
  readonly partitions: number
  /** "": not set, or not asked. */
  readonly value: string
}

export type FreshRead =
  | { readonly _tag: "read"; readonly read: TopicRead; readonly connection: number }
  | { readonly _tag: "lost"; readonly error: string; readonly connection: number }

/** The config that is set and read: a topic without records has nothing to retain. */
export const configKey = "retention.ms"

const topicResource = 2
const setOperation = 0
const ofTopic = 1
const timeoutMs = 5000
const looksMax = 20
const lookEveryMs = 100

/** Valid values of `configKey`, each once. */
export class ConfigValues {
  #last = 1_000_000_000

  next(): string {
    return String(++this.#last)
  }
}

export const setConfig = (topic: string, value: string) => ({
  resources: [
    {
      resourceType: topicResource,
      resourceName: topic,
      configs: [{ name: configKey, configOperation: setOperation, value }],
    },
  ],
  validateOnly: false,
})

interface Lost {
  readonly _tag: "lost"
  readonly error: string
  readonly connection: number
}

const lost = (error: string, connection = -1): Lost => ({ _tag: "lost", error, connection })

export class FreshReader {
  readonly #links: Links
  readonly #clock: RunClock
  /** Nobody else writes it. */
  readonly #own: string
  readonly #values: ConfigValues

  constructor(links: Links, clock: RunClock, own: string, values: ConfigValues) {
    this.#links = links
    this.#clock = clock
    this.#own = own
    this.#values = values
  }

  /** At `node`; what it says of the topic, and either of its partitions or of its config. */
  async read(node: number, topic: string, what: "topic" | "config"): Promise<FreshRead> {
    const value = this.#values.next()
    const input = setConfig(this.#own, value)
    const reply = await this.#links.ask(node, incrementalAlterConfigs, input, { timeoutMs })
    if (reply._tag !== "answer") return lost(reply.error, reply.connection)
    for (let looks = 0; looks < looksMax; looks++) {
      const found = await this.#configs(node, topic)
      if (found._tag === "lost") return found
      if (found.own === value) {
        return what === "config"
          ? { _tag: "read", read: found.read, connection: found.connection }
          : this.#topic(node, topic, found.connection)
      }
      await this.#clock.sleep(lookEveryMs)
    }
    return lost("NOT_SEEN")
  }

  async #configs(node: number, topic: string) {
    const resources = [this.#own, topic].map((resourceName) => ({
      resourceType: topicResource,
      resourceName,
      configurationKeys: [configKey],
    }))
    const input = { resources, includeSynonyms: false, includeDocumentation: false }
    const reply = await this.#links.ask(node, describeConfigs, input, { timeoutMs })
    if (reply._tag !== "answer") return lost(reply.error, reply.connection)
    const { connection } = reply
    const of = (name: string) =>
      reply.answer.results.find(({ resourceName }) => resourceName === name)
    const [own, asked] = [of(this.#own), of(topic)]
    const code = asked?.errorCode ?? -1
    const exists = code === ErrorCode.NONE
    if (!exists && code !== ErrorCode.UNKNOWN_TOPIC_OR_PARTITION) return lost(`ERROR ${code}`)
    const read = { exists, topicId: "", partitions: -1, value: setValue(asked) }
    return { _tag: "configs" as const, own: setValue(own), read, connection }
  }

  /** On the connection that showed the write: another process may know less. */
  async #topic(node: number, topic: string, connection: number): Promise<FreshRead> {
    const input = { topics: [{ name: topic }], allowAutoTopicCreation: false }
    const reply = await this.#links.ask(node, metadata, input, { versionMax: 12, timeoutMs })
    if (reply._tag !== "answer") return lost(reply.error, reply.connection)
    if (reply.connection !== connection) return lost("CONNECTION_CHANGED", reply.connection)
    const { topics, missing } = topicsSeen(reply.answer)
    const found = topics[0]
    if (found === undefined && missing.length === 0) return lost("NO_ANSWER", connection)
    const read = {
      exists: found !== undefined,
      topicId: found?.id ?? "",
      partitions: found?.partitions.length ?? -1,
      value: "",
    }
    return { _tag: "read", read, connection }
  }
}

interface ConfigsOfTopic {
  readonly configs: ReadonlyArray<{
    readonly name: string
    readonly value: string | null
    readonly configSource: number
  }>
}

/** Of the topic itself; "" where it has the broker's. */
function setValue(found: ConfigsOfTopic | undefined): string {
  const config = found?.configs.find(({ name }) => name === configKey)
  return config?.configSource === ofTopic ? (config.value ?? "") : ""
}
