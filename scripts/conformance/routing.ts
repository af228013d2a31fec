/**
 * Which broker a question goes to. It was recorded at one that led a partition or coordinated a
 * group, or at one that on purpose did not; here it goes to the broker that stands in the same
 * relation to the leader or the coordinator of now.
 */
import { createTopics } from "../../src/protocol/messages/create-topics.ts"
import { findCoordinator } from "../../src/protocol/messages/find-coordinator.ts"
import { metadata } from "../../src/protocol/messages/metadata.ts"
import { coordinatedBy, ledBy, type Coordinated, type PartitionOf } from "./addressees.ts"
import type { Exchange } from "./exchange.ts"
import type { Respondent } from "./respondent.ts"
import { fieldOf, objectsIn, textIn, type Plain } from "./values.ts"

interface Leadership {
  readonly leader: number
  readonly epoch: number
}

const nameOf = ({ type, key }: Coordinated) => `${type} ${key}`

const tries = 100

/** One that names no group or transaction was asked where the one before it was. */
const asksCoordinators = new Set([8, 9, 11, 12, 13, 14, 42, 47, 66])

export class Routing {
  private readonly respondent: Respondent
  private readonly recordedCoordinators = new Map<string, number>()
  /** Of the topics that were placed by hand: the first replica leads. */
  private readonly recordedLeaders = new Map<string, number>()
  /** Recorded topic id → name. */
  private readonly topicNames = new Map<string, string>()
  private readonly coordinators = new Map<string, number>()
  private lastCoordinator = 0

  constructor(respondent: Respondent) {
    this.respondent = respondent
  }

  /** Takes note of what an exchange says about Kafka's cluster. */
  observe({ key }: Exchange, request: Plain, answer: Plain): void {
    if (key === findCoordinator.key) this.observeCoordinators(request, answer)
    if (key === createTopics.key) this.observeTopics(request, answer)
  }

  private observeCoordinators(request: Plain, answer: Plain): void {
    const type = fieldOf(request, "keyType") === 1 ? 1 : 0
    const one = { key: fieldOf(request, "key"), nodeId: fieldOf(answer, "nodeId") }
    for (const found of [one, ...objectsIn(fieldOf(answer, "coordinators"))]) {
      const { key, nodeId } = found
      if (typeof key !== "string" || typeof nodeId !== "number" || nodeId < 0) continue
      this.recordedCoordinators.set(nameOf({ type, key }), nodeId)
    }
  }

  private observeTopics(request: Plain, answer: Plain): void {
    for (const topic of objectsIn(fieldOf(request, "topics"))) {
      const placed = objectsIn(topic["assignments"])[0]?.["brokerIds"]
      const first: Plain = Array.isArray(placed) ? placed[0] : undefined
      if (typeof first === "number") this.recordedLeaders.set(textIn(topic, "name"), first)
    }
    for (const topic of objectsIn(fieldOf(answer, "topics"))) {
      this.topicNames.set(textIn(topic, "topicId"), textIn(topic, "name"))
    }
  }

  /** What is known about coordinators may be out of date. */
  forget(): void {
    this.coordinators.clear()
  }

  /** `request`: with the recorded ids. */
  async brokerFor({ key, node }: Exchange, request: Plain): Promise<number> {
    const coordinated = coordinatedBy(key, request)
    if (coordinated !== undefined) {
      const recorded = this.recordedCoordinators.get(nameOf(coordinated)) ?? node
      return this.shifted(node, recorded, await this.coordinator(coordinated))
    }
    const partition = ledBy(key, request)
    if (partition === undefined) return asksCoordinators.has(key) ? this.lastCoordinator : node
    const recorded = this.recordedLeaders.get(this.topicOf(partition))
    const leadership = recorded === undefined ? undefined : await this.leadership(partition)
    if (recorded === undefined || leadership === undefined) return node
    return this.shifted(node, recorded, leadership.leader)
  }

  /** Of the partition that a request names first; undefined when there is none. */
  async epochFor({ key }: Exchange, request: Plain): Promise<number | undefined> {
    const partition = ledBy(key, request)
    return partition === undefined ? undefined : (await this.leadership(partition))?.epoch
  }

  /** True unless Kafka coordinated that group at another broker than the one asked. */
  isListedAt({ node }: Exchange, groupId: string): boolean {
    const recorded = this.recordedCoordinators.get(nameOf({ type: 0, key: groupId }))
    return recorded === undefined || recorded === node
  }

  private topicOf({ name, topicId }: PartitionOf): string {
    return name === "" ? (this.topicNames.get(topicId) ?? "") : name
  }

  private shifted(node: number, from: number, to: number): number {
    const { brokers } = this.respondent
    return (node - from + to + brokers) % brokers
  }

  private async coordinator(wanted: Coordinated): Promise<number> {
    const known = this.coordinators.get(nameOf(wanted))
    if (known !== undefined) return known
    const body = { keyType: wanted.type, coordinatorKeys: [wanted.key] }
    for (let i = 0; i < tries; i++) {
      const answer = await this.respondent.ask(0, findCoordinator, 4, body)
      const found = objectsIn(fieldOf(answer, "coordinators"))[0]
      if (found?.["errorCode"] === 0) {
        this.lastCoordinator = Number(found["nodeId"])
        this.coordinators.set(nameOf(wanted), this.lastCoordinator)
        return this.lastCoordinator
      }
      // Not available yet is worth waiting for; anything else will not change.
      if (found?.["errorCode"] !== 15 || wanted.type === 1) break
      await this.respondent.rest(100)
    }
    return this.lastCoordinator
  }

  private async leadership(partition: PartitionOf): Promise<Leadership | undefined> {
    const name = this.topicOf(partition)
    if (name === "") return undefined
    const body = { topics: [{ name }], allowAutoTopicCreation: false }
    const answer = await this.respondent.ask(0, metadata, 12, body)
    const found = objectsIn(objectsIn(fieldOf(answer, "topics"))[0]?.["partitions"]).find(
      (one) => one["partitionIndex"] === partition.partition,
    )
    if (found?.["errorCode"] !== 0) return undefined
    return { leader: Number(found["leaderId"]), epoch: Number(found["leaderEpoch"]) }
  }
}
