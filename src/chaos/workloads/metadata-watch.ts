/** Asks one broker, over and over, what it knows of the topics: it may lag, and never go back. */
import { ErrorCode, errorName } from "../../protocol/error-codes.ts"
import { metadata } from "../../protocol/messages/metadata.ts"
import type { ResponseOf } from "../../protocol/schema.ts"
import { Links } from "../drivers/raw/links.ts"
import type { RawPorts } from "../drivers/raw/raw-client.ts"
import type { TopicSeen } from "../history/history.ts"
import type { MetadataNames } from "./metadata-names.ts"

const everyMs = 250
const timeoutMs = 3000

export interface MetadataSeen {
  readonly topics: ReadonlyArray<TopicSeen>
  readonly missing: ReadonlyArray<string>
}

export class MetadataWatch {
  readonly node: number
  readonly #process: string
  readonly #ports: RawPorts
  readonly #names: MetadataNames
  readonly #links: Links
  readonly #over = new AbortController()
  #running: Promise<void> = Promise.resolve()

  constructor(node: number, ports: RawPorts, names: MetadataNames) {
    this.node = node
    this.#process = `raw-metadata-watch-${node}`
    this.#ports = ports
    this.#names = names
    this.#links = new Links(ports.connect, ports.connections)
  }

  start(): void {
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#over.abort()
    await this.#running
  }

  close(): void {
    this.#over.abort()
    this.#links.close()
  }

  /** Undefined: no answer. */
  async look(): Promise<MetadataSeen | undefined> {
    const { recorder, tally } = this.#ports
    const { node } = this
    const begun = recorder.begin(this.#process, { f: "metadata", topics: [], missing: [] })
    const topics = this.#names.all.map((name) => ({ name }))
    const input = { topics, allowAutoTopicCreation: false }
    const reply = await this.#links.ask(node, metadata, input, { versionMax: 12, timeoutMs })
    const told = { node, connection: reply.connection, attempts: 1 }
    if (reply._tag !== "answer") {
      begun.end({ ...told, outcome: "info", error: reply.error })
      return undefined
    }
    const seen = topicsSeen(reply.answer)
    begun.end({ ...told, outcome: "ok" }, { f: "metadata", ...seen })
    tally.saw(seen.topics.length)
    return seen
  }

  async #run(): Promise<void> {
    const { signal } = this.#over
    while (!signal.aborted) {
      const seen = await this.look()
      if (seen !== undefined) this.#names.learn(seen.topics, seen.missing)
      await this.#ports.clock.sleep(everyMs, signal).catch(() => undefined)
    }
  }
}

/** A topic with another error is neither there nor missing. */
export function topicsSeen({ topics }: ResponseOf<typeof metadata>): MetadataSeen {
  const seen: Array<TopicSeen> = []
  const missing: Array<string> = []
  for (const { name, topicId, errorCode, partitions } of topics) {
    if (name === null) continue
    if (errorCode === ErrorCode.NONE) {
      const byIndex = partitions
        .toSorted((a, b) => a.partitionIndex - b.partitionIndex)
        .map(({ leaderId, leaderEpoch }) => ({ leader: leaderId, epoch: leaderEpoch }))
      seen.push({ name, id: topicId, partitions: byIndex })
    } else if (errorName(errorCode) === "UNKNOWN_TOPIC_OR_PARTITION") missing.push(name)
  }
  return { topics: seen, missing }
}
