/**
 * Membership of a group in the new protocol (KIP-848): one heartbeat request joins, stays, takes
 * and gives up; the broker divides the partitions. What is to be given up is named by its absence
 * from the assignment, and is the group's once a heartbeat has acknowledged that it is gone.
 */
import { ErrorCode } from "../protocol/error-codes.ts"
import { consumerGroupHeartbeat } from "../protocol/messages/consumer-group-heartbeat.ts"
import type { RequestInput, ResponseOf } from "../protocol/schema.ts"
import type { Client } from "./client.ts"
import { ConnectionLost, KafkaError } from "./client-error.ts"
import type { ClientConnection } from "./connection.ts"
import { check, findGroupCoordinator } from "./groups.ts"
import type { Membership, MembershipOptions, RebalanceListener, Subscribed } from "./membership.ts"
import type { Committer } from "./offsets.ts"
import { partitionName } from "./topic-partition.ts"
import type { TopicPartition } from "./topic-partition.ts"

interface ConsumerOptions extends MembershipOptions, Subscribed {
  /** Undefined: the broker's choice. */
  readonly serverAssignor?: string
}

interface Held extends TopicPartition {
  readonly topicId: string
}

type Answer = ResponseOf<typeof consumerGroupHeartbeat>
type Assigned = NonNullable<Answer["assignment"]>

const rebalanceTimeoutMs = 300_000
const joinEpoch = 0
const leaveEpoch = -1
const leaveForAWhileEpoch = -2
const backOffMs = 100

export class ConsumerMembership implements Membership {
  readonly #client: Client
  readonly #options: ConsumerOptions
  readonly #listener: RebalanceListener
  readonly #onPending: () => void
  readonly #memberId = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("base64url")
  #epoch = joinEpoch
  #held: ReadonlyArray<Held> = []
  /** Told by the broker and not yet followed. */
  #target: Assigned | undefined
  /** The next heartbeat says everything, not only that we live. */
  #full = true
  #due = true
  #fatal: unknown
  #timer: ReturnType<typeof setTimeout> | undefined
  #coordinator: number | undefined
  #leaving = false

  constructor(
    client: Client,
    options: ConsumerOptions,
    listener: RebalanceListener,
    onPending: () => void,
  ) {
    this.#client = client
    this.#options = options
    this.#listener = listener
    this.#onPending = onPending
  }

  pending(): boolean {
    return this.#due || this.#target !== undefined || this.#fatal !== undefined
  }

  committer(): Committer | undefined {
    if (this.#epoch <= 0) return undefined
    const groupInstanceId = this.#options.groupInstanceId ?? null
    return { memberId: this.#memberId, generationId: this.#epoch, groupInstanceId }
  }

  async update(): Promise<void> {
    while (this.pending() && !this.#leaving) {
      if (this.#fatal !== undefined) throw this.#fatal
      if (this.#target !== undefined) await this.#follow(this.#target)
      if (this.#due) await this.#beat()
    }
  }

  async leave(): Promise<void> {
    this.#leaving = true
    clearTimeout(this.#timer)
    if (this.#epoch <= 0) return
    await this.#listener.revoked(this.#held)
    const stays = this.#options.groupInstanceId !== undefined
    this.#epoch = stays ? leaveForAWhileEpoch : leaveEpoch
    const connection = await this.#connection()
    const { groupId, groupInstanceId } = this.#options
    const memberId = this.#memberId
    const instanceId = groupInstanceId ?? null
    const input = { groupId, memberId, memberEpoch: this.#epoch, instanceId }
    await connection.request(consumerGroupHeartbeat, input)
  }

  async #beat(): Promise<void> {
    this.#due = false
    clearTimeout(this.#timer)
    try {
      const connection = await this.#connection()
      const full = this.#full
      const answer = await connection.request(consumerGroupHeartbeat, this.#heartbeat(full))
      check(answer.errorCode, answer.errorMessage)
      if (full) this.#full = false
      this.#epoch = answer.memberEpoch
      if (answer.assignment !== null) this.#target = answer.assignment
      this.#beatIn(answer.heartbeatIntervalMs)
    } catch (error) {
      if (!this.#recover(error)) throw error
      this.#beatIn(backOffMs)
    }
  }

  #heartbeat(full: boolean): RequestInput<typeof consumerGroupHeartbeat> {
    const { groupId, groupInstanceId, pattern, topics, serverAssignor } = this.#options
    const always = {
      groupId,
      memberId: this.#memberId,
      memberEpoch: this.#epoch,
      instanceId: groupInstanceId ?? null,
    }
    if (!full) return always
    return {
      ...always,
      rackId: this.#options.rackId ?? null,
      rebalanceTimeoutMs: this.#options.rebalanceTimeoutMs ?? rebalanceTimeoutMs,
      subscribedTopicNames: pattern === undefined ? topics : null,
      ...(pattern === undefined ? {} : { subscribedTopicRegex: pattern }),
      serverAssignor: serverAssignor ?? null,
      topicPartitions: byTopicId(this.#held),
    }
  }

  #beatIn(ms: number): void {
    if (this.#leaving) return
    this.#timer = setTimeout(() => {
      this.#due = true
      this.#onPending()
    }, ms)
  }

  async #follow(target: Assigned): Promise<void> {
    const names = await this.#topicNames(target)
    const wanted = target.topicPartitions.flatMap(({ topicId, partitions }) => {
      const topic = names.get(topicId)
      if (topic === undefined) return []
      return partitions.map((partition) => ({ topic, partition, topicId }))
    })
    const kept = new Set(wanted.map(partitionName))
    const gone = this.#held.filter((one) => !kept.has(partitionName(one)))
    if (gone.length > 0) await this.#listener.revoked(gone)
    this.#held = wanted
    await this.#listener.assigned(wanted)
    if (this.#target === target) this.#target = undefined
    this.#full = true
    this.#due = true
  }

  async #topicNames(target: Assigned): Promise<ReadonlyMap<string, string>> {
    const known = new Map(this.#held.map(({ topicId, topic }) => [topicId, topic]))
    if (target.topicPartitions.every(({ topicId }) => known.has(topicId))) return known
    const { pattern, topics } = this.#options
    const answer = await this.#client.metadata(pattern === undefined ? topics : null)
    return new Map(answer.topics.map(({ topicId, name }) => [topicId, name ?? ""]))
  }

  /** False for an error that does not pass. */
  #recover(error: unknown): boolean {
    if (error instanceof ConnectionLost) {
      this.#coordinator = undefined
      this.#full = true
      return true
    }
    if (!(error instanceof KafkaError)) return false
    switch (error.code) {
      case ErrorCode.COORDINATOR_LOAD_IN_PROGRESS:
        return true
      case ErrorCode.COORDINATOR_NOT_AVAILABLE:
      case ErrorCode.NOT_COORDINATOR:
      case ErrorCode.REQUEST_TIMED_OUT:
        this.#coordinator = undefined
        this.#full = true
        return true
      case ErrorCode.FENCED_MEMBER_EPOCH:
      case ErrorCode.UNKNOWN_MEMBER_ID:
        this.#listener.lost(this.#held)
        this.#held = []
        this.#epoch = joinEpoch
        this.#full = true
        return true
      case ErrorCode.UNRELEASED_INSTANCE_ID:
      default:
        return false
    }
  }

  async #connection(): Promise<ClientConnection> {
    const { groupId } = this.#options
    this.#coordinator ??= (await findGroupCoordinator(this.#client, groupId)).nodeId
    return this.#client.broker(this.#coordinator, "group")
  }
}

function byTopicId(held: ReadonlyArray<Held>) {
  const topics = new Map<string, number[]>()
  for (const { topicId, partition } of held) {
    topics.set(topicId, [...(topics.get(topicId) ?? []), partition])
  }
  return [...topics].map(([topicId, partitions]) => ({ topicId, partitions }))
}
