/**
 * Makes, deletes, grows, configures and describes topics, one operation at a time, against others
 * that do the same to the same names.
 */
import type { Prng } from "../../../raft/prng.ts"
import { stream } from "../../../raft/prng.ts"
import { createPartitions } from "../../protocol/messages/create-partitions.ts"
import { createTopics } from "../../protocol/messages/create-topics.ts"
import { deleteTopics } from "../../protocol/messages/delete-topics.ts"
import { incrementalAlterConfigs } from "../../protocol/messages/incremental-alter-configs.ts"
import type { Api } from "../../protocol/schema.ts"
import { Links } from "../drivers/raw/links.ts"
import type { LinkReply } from "../drivers/raw/links.ts"
import type { RawPorts } from "../drivers/raw/raw-client.ts"
import type { ConfigureCall, DescribeCall, TopicCall } from "../history/history.ts"
import type { Begun } from "../history/recorder.ts"
import { configKey, FreshReader, setConfig } from "./fresh-reads.ts"
import type { ConfigValues } from "./fresh-reads.ts"
import type { MetadataNames } from "./metadata-names.ts"
import { adminOutcome, isOpen } from "./metadata-outcome.ts"

const thinkMs = 150
const requestMs = 8000
/** How long a broker may try: it answers before the client gives up. */
const brokerMs = 5000
const partitionsMax = 6
const replicationFactorMax = 3

type Deed = "create" | "delete" | "grow" | "configure" | "describe"

/** In percent; what is left is to describe. */
const whenThere: ReadonlyArray<readonly [Deed, number]> = [
  ["delete", 18],
  ["configure", 24],
  ["grow", 14],
  ["create", 6],
]
const whenMissing: ReadonlyArray<readonly [Deed, number]> = [
  ["create", 60],
  ["delete", 8],
  ["configure", 6],
]

interface Asked {
  readonly begun: Begun
  readonly node: number
}

export class MetadataAdmin {
  /** Topic of its own, for `FreshReader`. */
  readonly own: string
  readonly #place: number
  readonly #ports: RawPorts
  readonly #names: MetadataNames
  readonly #values: ConfigValues
  readonly #chance: Prng
  readonly #links: Links
  readonly #reader: FreshReader
  readonly #over = new AbortController()
  /** A process whose operation may still have its effect is not heard of again. */
  #life = 1
  #running: Promise<void> = Promise.resolve()

  constructor(place: number, ports: RawPorts, names: MetadataNames, values: ConfigValues) {
    this.#place = place
    this.#ports = ports
    this.#names = names
    this.#values = values
    this.#chance = stream(ports.seed, `metadata-admin-${place}`)
    this.#links = new Links(ports.connect, ports.connections)
    this.own = ownTopic(ports.runId, place)
    this.#reader = new FreshReader(this.#links, ports.clock, this.own, values)
  }

  start(): void {
    this.#running = this.#run()
  }

  /** What is under way is waited for. */
  async stop(): Promise<void> {
    this.#over.abort()
    await this.#running
  }

  close(): void {
    this.#over.abort()
    this.#links.close()
  }

  /** False: no answer that would count. */
  async describe(topic: string, what: "topic" | "config", node = this.#node()): Promise<boolean> {
    const unread = { exists: false, topicId: "", partitions: -1, value: "" }
    const call: DescribeCall = { f: "describe", topic, fresh: true, ...unread }
    const begun = this.#ports.recorder.begin(this.#process, call)
    const found = await this.#reader.read(node, topic, what)
    const told = { node, connection: found.connection, attempts: 1 }
    if (found._tag === "lost") begun.end({ ...told, outcome: "info", error: found.error })
    else begun.end({ ...told, outcome: "ok" }, { f: "describe", ...found.read })
    this.#ports.tally.saw(1)
    return found._tag === "read"
  }

  get #process(): string {
    return `raw-admin-${this.#place}.${this.#life}`
  }

  async #run(): Promise<void> {
    const { signal } = this.#over
    const { clock } = this.#ports
    while (!signal.aborted) {
      await clock.sleep(1 + this.#chance.below(2 * thinkMs), signal).catch(() => undefined)
      if (!signal.aborted) await this.#act()
    }
  }

  #act(): Promise<unknown> {
    const topic = this.#names.draw(this.#chance)
    const believed = this.#names.believed(topic)
    switch (this.#deed(believed === undefined ? whenMissing : whenThere)) {
      case "create":
        return this.#create(topic)
      case "delete":
        return this.#delete(topic, this.#chance.below(2) === 0 ? believed?.id : undefined)
      case "grow":
        return this.#grow(topic, Math.min(partitionsMax, (believed?.partitions ?? 0) + 1))
      case "configure":
        return this.#configure(topic)
      default:
        return this.describe(topic, this.#chance.below(2) === 0 ? "topic" : "config")
    }
  }

  #deed(table: ReadonlyArray<readonly [Deed, number]>): Deed {
    let place = this.#chance.below(100)
    for (const [deed, percent] of table) {
      if (place < percent) return deed
      place -= percent
    }
    return "describe"
  }

  async #create(name: string): Promise<void> {
    const numPartitions = 1 + this.#chance.below(3)
    const replicationFactor = Math.min(replicationFactorMax, this.#ports.nodes.length)
    const asked = this.#begin("create", name, "", numPartitions)
    const input = {
      topics: [{ name, numPartitions, replicationFactor, assignments: [], configs: [] }],
      timeoutMs: brokerMs,
    }
    const reply = await this.#links.ask(asked.node, createTopics, input, { timeoutMs: requestMs })
    const result = reply._tag === "answer" ? reply.answer.topics[0] : undefined
    this.#end("create", asked, reply, result?.errorCode, result?.topicId ?? "")
  }

  /** By name, or by the id that it had. */
  async #delete(topic: string, id: string | undefined): Promise<void> {
    const asked = this.#begin("delete", topic, id ?? "", -1)
    const named = id === undefined ? { name: topic } : { name: null, topicId: id }
    const input = { topics: [named], timeoutMs: brokerMs }
    const reply = await this.#links.ask(asked.node, deleteTopics, input, { timeoutMs: requestMs })
    const result = reply._tag === "answer" ? reply.answer.responses[0] : undefined
    this.#end("delete", asked, reply, result?.errorCode, id ?? result?.topicId ?? "")
  }

  async #grow(name: string, count: number): Promise<void> {
    const asked = this.#begin("grow", name, "", count)
    const input = { topics: [{ name, count, assignments: null }], timeoutMs: brokerMs }
    const options = { timeoutMs: requestMs }
    const reply = await this.#links.ask(asked.node, createPartitions, input, options)
    const result = reply._tag === "answer" ? reply.answer.results[0] : undefined
    this.#end("grow", asked, reply, result?.errorCode, "")
  }

  async #configure(topic: string): Promise<void> {
    const value = this.#values.next()
    const call: ConfigureCall = { f: "configure", topic, topicId: "", key: configKey, value }
    const node = this.#node()
    const asked = { begun: this.#ports.recorder.begin(this.#process, call), node }
    const input = setConfig(topic, value)
    const options = { timeoutMs: requestMs }
    const reply = await this.#links.ask(node, incrementalAlterConfigs, input, options)
    const result = reply._tag === "answer" ? reply.answer.responses[0] : undefined
    this.#end("configure", asked, reply, result?.errorCode, "")
  }

  #begin(f: TopicCall["f"], topic: string, topicId: string, partitions: number): Asked {
    const call: TopicCall = { f, topic, topicId, partitions }
    return { begun: this.#ports.recorder.begin(this.#process, call), node: this.#node() }
  }

  #end<A extends Api>(
    f: TopicCall["f"] | "configure",
    { begun, node }: Asked,
    reply: Pick<LinkReply<A>, "_tag" | "connection">,
    code: number | undefined,
    topicId: string,
  ): void {
    const told = adminOutcome(reply, node, code)
    const isKnown = told.outcome === "ok" && topicId !== ""
    begun.end(told, isKnown ? { f, topicId } : {})
    if (told.outcome === "ok") this.#ports.tally.wrote(1)
    if (isOpen(told, code)) this.#life++
  }

  #node(): number {
    const { nodes } = this.#ports
    const node = nodes[this.#chance.below(nodes.length)]
    if (node === undefined) throw new Error("there are no brokers")
    return node
  }
}

export const ownTopic = (runId: string, place: number): string => `metadata-${runId}-own-${place}`
