/**
 * A consumer: of partitions that it is told, or as a member of a group, in the classic protocol or
 * the new one (KIP-848). What `poll` has given counts as read: it is committed every few seconds
 * unless automatic commits are off, before partitions go to somebody else, and at the end.
 */
import { ErrorCode } from "../protocol/error-codes.ts"
import { range } from "./assignors.ts"
import type { Assignor } from "./assignors.ts"
import { ClassicMembership } from "./classic-membership.ts"
import type { Client } from "./client.ts"
import { ConnectionLost, KafkaError } from "./client-error.ts"
import { ConsumerMembership } from "./consumer-membership.ts"
import type { ConsumedRecord } from "./fetched-records.ts"
import { Fetcher } from "./fetcher.ts"
import type { FetcherOptions } from "./fetcher.ts"
import type { Membership, MembershipOptions, Subscribed } from "./membership.ts"
import { commitOffsets, committedOffsets } from "./offsets.ts"
import type { Committer } from "./offsets.ts"
import { SubscribedTopics } from "./subscribed-topics.ts"
import { partitionName } from "./topic-partition.ts"
import type { TopicPartition } from "./topic-partition.ts"

export interface GroupOptions extends MembershipOptions {
  /** "classic" unless said otherwise. */
  readonly protocol?: "classic" | "consumer"
  readonly assignors?: ReadonlyArray<Assignor>
  readonly serverAssignor?: string
  readonly autoCommit?: boolean
  readonly autoCommitIntervalMs?: number
  /** After that the topics of the subscription are looked at again; classic protocol alone. */
  readonly metadataMaxAgeMs?: number
}

interface OffsetToCommit extends TopicPartition {
  readonly offset: number
  readonly leaderEpoch: number
}

const autoCommitIntervalMs = 5000
const closeTimeoutMs = 5000

export class Consumer {
  readonly #client: Client
  readonly #fetcher: Fetcher
  #group: GroupOptions | undefined
  #membership: Membership | undefined
  #updating: Promise<void> | undefined
  /** Of the membership, for the next `poll`. */
  #failure: unknown
  #committedMs = performance.now()
  /** What was committed last, so that nothing is committed twice. */
  readonly #committed = new Map<string, number>()

  constructor(client: Client, options: FetcherOptions) {
    this.#client = client.fork()
    this.#fetcher = new Fetcher(this.#client, options)
  }

  /** Reads these, without a group. `offset`: one of `offsetNames` where negative. */
  assign(partitions: ReadonlyArray<TopicPartition & { readonly offset: number }>): void {
    this.#fetcher.assign(partitions.map(({ topic, partition }) => ({ topic, partition })))
    for (const one of partitions) this.#fetcher.seek(one, one.offset)
  }

  /** Joins the group at the next `poll`. */
  subscribe(subscribed: Subscribed, group: GroupOptions): void {
    this.#group = group
    const listener = {
      revoked: (gone: ReadonlyArray<TopicPartition>) => this.#revoked(gone),
      lost: () => this.#fetcher.assign([]),
      assigned: (held: ReadonlyArray<TopicPartition>) => this.#assigned(held),
    }
    const onPending = () => this.#fetcher.wakeUp()
    if (group.protocol === "consumer") {
      const options = { ...group, ...subscribed }
      this.#membership = new ConsumerMembership(this.#client, options, listener, onPending)
      return
    }
    const topics = new SubscribedTopics(this.#client, subscribed, group.metadataMaxAgeMs)
    const options = { ...group, assignors: group.assignors ?? [range] }
    this.#membership = new ClassicMembership(this.#client, options, topics, listener, onPending)
  }

  get assignment(): ReadonlyArray<TopicPartition> {
    return this.#fetcher.assignment
  }

  /** In whose name `commitOffsets` may commit for this consumer; undefined outside the group. */
  get committer(): Committer | undefined {
    return this.#membership?.committer()
  }

  seek(partition: TopicPartition, offset: number): void {
    this.#fetcher.seek(partition, offset)
  }

  /** The offset of the next record that `poll` will give; undefined until it is known. */
  position(partition: TopicPartition): number | undefined {
    return this.#fetcher.position(partition)
  }

  /** Some records, oldest first; none when the time is over or `wakeUp` was called. */
  async poll(timeoutMs: number, max?: number): Promise<ReadonlyArray<ConsumedRecord>> {
    const deadlineMs = performance.now() + timeoutMs
    for (;;) {
      await this.#updateMembership(deadlineMs)
      await this.#commitNowAndThen()
      const leftMs = Math.max(0, deadlineMs - performance.now())
      const records = await this.#fetcher.poll(leftMs, max)
      const again = this.#membership?.pending() === true && performance.now() < deadlineMs
      if (records.length > 0 || !again) return records
    }
  }

  /** Lets a waiting `poll` return at once. */
  wakeUp(): void {
    this.#fetcher.wakeUp()
  }

  /** Commits what `poll` has given. Rejects with `KafkaError`. */
  commit(): Promise<void> {
    return this.#commit(this.#uncommitted(this.assignment))
  }

  /** Commits, leaves the group. The client that was given stays open. */
  async close(): Promise<void> {
    try {
      await this.#membership?.leave()
    } catch (error) {
      // Nobody to say good-bye to: the session will end by itself.
      if (!(error instanceof ConnectionLost || error instanceof KafkaError)) throw error
    }
    this.#fetcher.assign([])
    this.#client.close()
  }

  /**
   * Lets the membership do what is pending. What is held is read meanwhile; only a consumer that
   * holds nothing waits for it.
   */
  async #updateMembership(deadlineMs: number): Promise<void> {
    const membership = this.#membership
    if (this.#failure !== undefined) throw this.#failure
    if (membership === undefined) return
    if (membership.pending()) {
      this.#updating ??= membership
        .update()
        .catch((error: unknown) => {
          this.#failure = error
          this.#fetcher.wakeUp()
        })
        .finally(() => {
          this.#updating = undefined
        })
    }
    if (this.#updating !== undefined && this.assignment.length === 0) {
      const late = Promise.withResolvers<void>()
      const timer = setTimeout(late.resolve, Math.max(0, deadlineMs - performance.now()))
      await Promise.race([this.#updating, late.promise]).finally(() => clearTimeout(timer))
      if (this.#failure !== undefined) throw this.#failure
    }
  }

  async #commitNowAndThen(): Promise<void> {
    if (this.#group === undefined || this.#group.autoCommit === false) return
    const everyMs = this.#group.autoCommitIntervalMs ?? autoCommitIntervalMs
    if (performance.now() - this.#committedMs < everyMs) return
    this.#committedMs = performance.now()
    await this.commit().catch(ignorePassing)
  }

  /** Where `poll` stands in those, unless that is committed already. */
  #uncommitted(partitions: ReadonlyArray<TopicPartition>): ReadonlyArray<OffsetToCommit> {
    return partitions.flatMap(({ topic, partition }) => {
      const offset = this.#fetcher.position({ topic, partition })
      const name = partitionName({ topic, partition })
      if (offset === undefined || this.#committed.get(name) === offset) return []
      const leaderEpoch = this.#fetcher.positionEpoch({ topic, partition })
      return [{ topic, partition, offset, leaderEpoch }]
    })
  }

  async #commit(offsets: ReadonlyArray<OffsetToCommit>): Promise<void> {
    const committer = this.#membership?.committer()
    const groupId = this.#group?.groupId
    if (groupId === undefined || committer === undefined || offsets.length === 0) return
    await commitOffsets(this.#client, groupId, offsets, committer, closeTimeoutMs)
    for (const one of offsets) this.#committed.set(partitionName(one), one.offset)
  }

  /** Nothing of them is given any more once it is known how far they were read. */
  async #revoked(partitions: ReadonlyArray<TopicPartition>): Promise<void> {
    const gone = new Set(partitions.map(partitionName))
    const offsets = this.#uncommitted(partitions)
    this.#fetcher.assign(this.assignment.filter((one) => !gone.has(partitionName(one))))
    if (this.#group?.autoCommit !== false) await this.#commit(offsets).catch(ignorePassing)
    for (const name of gone) this.#committed.delete(name)
  }

  async #assigned(partitions: ReadonlyArray<TopicPartition>): Promise<void> {
    const held = new Set(this.assignment.map(partitionName))
    const fresh = partitions.filter((one) => !held.has(partitionName(one)))
    const groupId = this.#group?.groupId ?? ""
    const known = fresh.length === 0 ? [] : await committedOffsets(this.#client, groupId, fresh)
    const offsets = new Map(known.map((one) => [partitionName(one), one.offset]))
    for (const [name, offset] of offsets) this.#committed.set(name, offset)
    this.#fetcher.assign(
      partitions.map(({ topic, partition }) => {
        const offset = offsets.get(partitionName({ topic, partition }))
        return { topic, partition, ...(offset === undefined ? {} : { offset }) }
      }),
    )
  }
}

/** The group has moved on: whoever has the partition now reads again what was not committed. */
function ignorePassing(error: unknown): void {
  const moved: ReadonlyArray<number> = [
    ErrorCode.REBALANCE_IN_PROGRESS,
    ErrorCode.ILLEGAL_GENERATION,
    ErrorCode.UNKNOWN_MEMBER_ID,
    ErrorCode.STALE_MEMBER_EPOCH,
    ErrorCode.FENCED_MEMBER_EPOCH,
  ]
  if (error instanceof ConnectionLost) return
  if (error instanceof KafkaError && (moved.includes(error.code) || isPassing(error.code))) return
  throw error
}

const isPassing = (code: number): boolean =>
  code === ErrorCode.COORDINATOR_NOT_AVAILABLE ||
  code === ErrorCode.COORDINATOR_LOAD_IN_PROGRESS ||
  code === ErrorCode.NOT_COORDINATOR ||
  code === ErrorCode.REQUEST_TIMED_OUT
