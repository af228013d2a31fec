/**
 * Consumers as the coordinator meets them: one of the consumer protocol, one of the classic one.
 * They own what they say they own, revoke (at once or a heartbeat later) before they take, and drop
 * everything when they are fenced.
 */
import type { Prng } from "../../../raft/prng.ts"
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
} from "../../../src/coordinator/consumer/embedded-protocol.ts"
import type { TopicList } from "../../../src/coordinator/consumer/embedded-protocol.ts"
import { ErrorCode } from "../../../src/protocol/error-codes.ts"
import type { ResponseInput } from "../../../src/protocol/schema.ts"
import type { joinGroup } from "../../../src/protocol/messages/join-group.ts"
import { Writer } from "../../../src/protocol/writer.ts"
import { Answer } from "../world.ts"
import type { Beat, Beaten, ConsumerWorld } from "./consumer-world.ts"

/** `topic:partition`. */
export type Place = string

export interface FakeClient {
  readonly name: string
  readonly owned: ReadonlySet<Place>
  lastBeatMs: number
  /** One request, or what follows from the last one's answer. */
  turn(world: ConsumerWorld): void
  leave(world: ConsumerWorld): void
}

const losesAnswer = (prng: Prng): boolean => prng.nextUint32() % 16 === 0

export class ConsumerClient implements FakeClient {
  readonly name: string
  readonly owned = new Set<Place>()
  lastBeatMs: number
  readonly #prng: Prng
  readonly #topics: ReadonlyArray<string>
  readonly #instanceId: string | null
  /** May lose answers and revoke late. */
  isFlaky = true
  epoch = 0
  #mustSayAll = true
  #mustReport = false
  #wanted: ReadonlySet<Place> | undefined

  constructor(name: string, prng: Prng, topics: ReadonlyArray<string>, world: ConsumerWorld) {
    this.name = name
    this.#prng = prng
    this.#topics = topics
    this.#instanceId = null
    this.lastBeatMs = world.nowMs
  }

  turn(world: ConsumerWorld): void {
    this.#settleWanted()
    this.lastBeatMs = world.nowMs
    const isFull = this.#mustSayAll || this.epoch === 0
    const answer = world.beat({
      memberId: this.name,
      memberEpoch: this.epoch,
      instanceId: this.#instanceId,
      ...(isFull ? { rebalanceTimeoutMs: 60_000, subscribedTopicNames: this.#topics } : {}),
      topicPartitions: isFull || this.#mustReport ? this.#report(world) : null,
    } satisfies Beat)
    if (answer.isOpen || (this.isFlaky && losesAnswer(this.#prng))) {
      this.#mustSayAll = true
      return
    }
    this.#hear(world, answer.now)
  }

  leave(world: ConsumerWorld): void {
    this.owned.clear()
    world.beat({ memberId: this.name, memberEpoch: -1 })
  }

  #hear(world: ConsumerWorld, answer: Beaten): void {
    switch (answer.errorCode) {
      case ErrorCode.NONE:
        this.epoch = answer.memberEpoch ?? 0
        this.#mustSayAll = false
        this.#mustReport = false
        if (answer.assignment) this.#assigned(world, answer.assignment.topicPartitions ?? [])
        return
      case ErrorCode.FENCED_MEMBER_EPOCH:
      case ErrorCode.UNKNOWN_MEMBER_ID:
      case ErrorCode.GROUP_ID_NOT_FOUND:
        this.epoch = 0
        this.owned.clear()
        this.#wanted = undefined
        return
      default:
        this.#mustSayAll = true
    }
  }

  #assigned(
    world: ConsumerWorld,
    topics: ReadonlyArray<{
      readonly topicId?: string | undefined
      readonly partitions?: ReadonlyArray<number> | undefined
    }>,
  ): void {
    this.#wanted = new Set(
      topics.flatMap(({ topicId, partitions = [] }) => {
        const topic = world.topics.topicName(topicId ?? "") ?? `gone ${topicId}`
        return partitions.map((partition) => `${topic}:${partition}`)
      }),
    )
    const isLate = this.isFlaky && this.#prng.nextUint32() % 3 === 0
    if (!isLate) this.#settleWanted()
  }

  /** Revokes, then takes. */
  #settleWanted(): void {
    const wanted = this.#wanted
    if (wanted === undefined) return
    const before = [...this.owned].sort().join()
    this.owned.clear()
    for (const place of wanted) this.owned.add(place)
    this.#wanted = undefined
    this.#mustReport ||= before !== [...this.owned].sort().join()
  }

  #report(world: ConsumerWorld) {
    if (this.epoch === 0) return []
    const byTopic = new Map<string, number[]>()
    for (const place of this.owned) {
      const [topic = "", partition] = place.split(":")
      const id = world.topics.topicId(topic)
      if (id !== undefined) byTopic.set(id, [...(byTopic.get(id) ?? []), Number(partition)])
    }
    return [...byTopic].map(([topicId, partitions]) => ({ topicId, partitions }))
  }
}

type Joined = ResponseInput<typeof joinGroup>

/**
 * Eager: gives up everything before it joins a rebalance. Cooperative: joins with what it owns,
 * gives up what it does not get again, and if that was something joins once more.
 */
export class ClassicClient implements FakeClient {
  readonly name: string
  readonly owned = new Set<Place>()
  lastBeatMs: number
  readonly #topics: ReadonlyArray<string>
  readonly #isCooperative: boolean
  memberId = ""
  #generation = -1
  /** In which it got what it owns. */
  #ownedIn = -1
  #joining: Answer<Joined> | undefined
  #syncing: ReturnType<ConsumerWorld["sync"]> | undefined
  #isMember = false
  /** Of the leader: how many partitions there were when it divided them. */
  #divided: number | undefined

  constructor(
    name: string,
    topics: ReadonlyArray<string>,
    world: ConsumerWorld,
    isCooperative = false,
  ) {
    this.name = name
    this.#topics = topics
    this.#isCooperative = isCooperative
    this.lastBeatMs = world.nowMs
  }

  turn(world: ConsumerWorld): void {
    this.lastBeatMs = world.nowMs
    if (this.#joining !== undefined) this.#hearJoin(world, this.#joining)
    else if (this.#syncing !== undefined) this.#hearSync(this.#syncing)
    else if (this.#isMember && !this.#hasGrown(world)) this.#beat(world)
    else this.#join(world)
  }

  /** In the classic protocol new partitions are for the leader of the group to notice. */
  #hasGrown(world: ConsumerWorld): boolean {
    return this.#divided !== undefined && this.#divided !== this.#places(world)
  }

  #places(world: ConsumerWorld): number {
    return this.#topics.reduce((sum, topic) => sum + (world.topics.partitions(topic) ?? 0), 0)
  }

  leave(world: ConsumerWorld): void {
    this.owned.clear()
    const members = [{ memberId: this.memberId }]
    if (this.memberId !== "") world.leave({ groupId: "g", members })
  }

  #join(world: ConsumerWorld): void {
    if (!this.#isCooperative) this.owned.clear()
    const name = this.#isCooperative ? "cooperative-sticky" : "range"
    const metadata = encodeSubscription(this.#topics, this.owned, this.#ownedIn)
    this.#joining = world.join({
      groupId: "g",
      memberId: this.memberId,
      protocols: [{ name, metadata }],
    })
  }

  #hearJoin(world: ConsumerWorld, answer: Answer<Joined>): void {
    if (answer.isOpen) return
    this.#joining = undefined
    const { errorCode = 0, memberId = "", generationId = -1, leader, members = [] } = answer.now
    if (errorCode === ErrorCode.MEMBER_ID_REQUIRED) this.memberId = memberId
    this.#heed(errorCode)
    if (errorCode !== ErrorCode.NONE) return
    this.memberId = memberId
    this.#generation = generationId
    const isLeader = leader === memberId
    const assignments = isLeader ? assignRange(world, members, this.#topics) : []
    this.#divided = isLeader ? this.#places(world) : undefined
    this.#syncing = world.sync({ groupId: "g", memberId, generationId, assignments })
  }

  #hearSync(answer: ReturnType<ConsumerWorld["sync"]>): void {
    if (answer.isOpen) return
    this.#syncing = undefined
    this.#heed(answer.now.errorCode ?? 0)
    if ((answer.now.errorCode ?? 0) !== ErrorCode.NONE) return
    const assignment = decodeAssignment(answer.now.assignment ?? new Uint8Array(0))
    const got = new Set(assignment?.partitions.flatMap(placesOf) ?? [])
    const before = this.owned.size
    for (const place of this.owned) if (!got.has(place)) this.owned.delete(place)
    this.#isMember = this.owned.size === before
    for (const place of got) this.owned.add(place)
    this.#ownedIn = this.#generation
  }

  #beat(world: ConsumerWorld): void {
    const { memberId } = this
    const answer = world.heartbeat({ groupId: "g", memberId, generationId: this.#generation })
    const { errorCode = 0 } = answer.now
    if (errorCode === ErrorCode.NONE) return
    this.#isMember = false
    if (!this.#isCooperative) this.owned.clear()
    this.#heed(errorCode)
  }

  /** Who is no member, or one of another generation, has lost everything. */
  #heed(errorCode: number): void {
    const isLost = errorCode === ErrorCode.UNKNOWN_MEMBER_ID
    if (isLost) this.memberId = ""
    if (isLost || errorCode === ErrorCode.ILLEGAL_GENERATION) this.owned.clear()
  }
}

const placesOf = ({ topic, partitions }: TopicList): Place[] =>
  partitions.map((partition) => `${topic}:${partition}`)

/** Evenly, but for what somebody else still owns: that is given out when it has been given up. */
function assignRange(
  world: ConsumerWorld,
  members: NonNullable<Joined["members"]>,
  topics: ReadonlyArray<string>,
) {
  const owners = ownersOf(members)
  const ids = members.map(({ memberId = "" }) => memberId).sort()
  return ids.map((memberId, at) => {
    const lists = topics.flatMap((topic) => {
      const all = Array.from({ length: world.topics.partitions(topic) ?? 0 }, (_, p) => p)
      const partitions = all.filter(
        (partition) =>
          partition % ids.length === at &&
          (owners.get(`${topic}:${partition}`) ?? memberId) === memberId,
      )
      return partitions.length === 0 ? [] : [{ topic, partitions }]
    })
    return { memberId, assignment: encodeAssignment(3, lists) }
  })
}

/** By what they say; where two say the same, the later generation is right. */
function ownersOf(members: NonNullable<Joined["members"]>): ReadonlyMap<Place, string> {
  const claims = members.map(({ memberId = "", metadata = new Uint8Array(0) }) => ({
    memberId,
    places: decodeSubscription(metadata)?.owned.flatMap(placesOf) ?? [],
    generation: Buffer.from(metadata).readInt32BE(metadata.length - 6),
  }))
  claims.sort((a, b) => a.generation - b.generation)
  return new Map(claims.flatMap(({ memberId, places }) => places.map((p) => [p, memberId])))
}

/** Version 3: topics, no user data, what is owned since which generation, no rack. */
export function encodeSubscription(
  topics: ReadonlyArray<string>,
  owned: ReadonlySet<Place> = new Set(),
  generation = -1,
): Uint8Array {
  const byTopic = new Map<string, number[]>()
  for (const place of owned) {
    const [topic = "", partition] = place.split(":")
    byTopic.set(topic, [...(byTopic.get(topic) ?? []), Number(partition)])
  }
  const writer = new Writer()
  writer.int16(3)
  writer.arrayLength(topics.length)
  for (const topic of topics) writer.string(topic)
  writer.blob(null)
  writer.arrayLength(byTopic.size)
  for (const [topic, partitions] of byTopic) {
    writer.string(topic)
    writer.arrayLength(partitions.length)
    for (const partition of partitions) writer.int32(partition)
  }
  writer.int32(generation)
  writer.string(null)
  return writer.concat()
}
