/**
 * Membership of a group in the classic protocol: JoinGroup, SyncGroup, heartbeats, LeaveGroup. The
 * group's leader divides the partitions (`assignors.ts`). With an eager assignor everything is
 * given up before joining again, with a cooperative one only what must change hands.
 */
import { ErrorCode } from "../protocol/error-codes.ts"
import { heartbeat } from "../protocol/messages/heartbeat.ts"
import { joinGroup } from "../protocol/messages/join-group.ts"
import { leaveGroup } from "../protocol/messages/leave-group.ts"
import { syncGroup } from "../protocol/messages/sync-group.ts"
import type { ResponseOf } from "../protocol/schema.ts"
import type { Assignor } from "./assignors.ts"
import type { Client } from "./client.ts"
import { ConnectionLost, KafkaError } from "./client-error.ts"
import type { ClientConnection } from "./connection.ts"
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from "./consumer-protocol.ts"
import { check, findGroupCoordinator } from "./groups.ts"
import type { Membership, MembershipOptions, RebalanceListener } from "./membership.ts"
import type { Committer } from "./offsets.ts"
import { SubscribedTopics } from "./subscribed-topics.ts"
import { partitionName } from "./topic-partition.ts"
import type { TopicPartition } from "./topic-partition.ts"

interface ClassicOptions extends MembershipOptions {
  /** The first that all members know is taken. */
  readonly assignors: ReadonlyArray<Assignor>
}

type Joined = ResponseOf<typeof joinGroup>

const protocolType = "consumer"
const defaults = {
  sessionTimeoutMs: 45_000,
  heartbeatIntervalMs: 3000,
  rebalanceTimeoutMs: 300_000,
}
const backOffMs = 100

export class ClassicMembership implements Membership {
  readonly #client: Client
  readonly #options: ClassicOptions & typeof defaults
  readonly #topics: SubscribedTopics
  readonly #listener: RebalanceListener
  /** Something is to be done by `update`. */
  readonly #onPending: () => void
  #memberId = ""
  #generationId = -1
  #held: ReadonlyArray<TopicPartition> = []
  #rejoin = true
  #fatal: unknown
  #timer: ReturnType<typeof setInterval> | undefined
  #coordinator: number | undefined
  #leads = false
  #leaving = false

  constructor(
    client: Client,
    options: ClassicOptions,
    topics: SubscribedTopics,
    listener: RebalanceListener,
    onPending: () => void,
  ) {
    this.#client = client
    this.#options = { ...defaults, ...options }
    this.#topics = topics
    this.#listener = listener
    this.#onPending = onPending
  }

  pending(): boolean {
    return this.#rejoin || this.#fatal !== undefined
  }

  committer(): Committer | undefined {
    if (this.#generationId < 0) return undefined
    const groupInstanceId = this.#options.groupInstanceId ?? null
    return { memberId: this.#memberId, generationId: this.#generationId, groupInstanceId }
  }

  async update(): Promise<void> {
    if (this.#fatal !== undefined) throw this.#fatal
    while (this.#rejoin && !this.#leaving) {
      this.#stopHeartbeats()
      await this.#giveUp()
      this.#rejoin = false
      try {
        await this.#rebalance()
      } catch (error) {
        this.#rejoin = true
        if (!this.#recover(error)) throw error
        await Bun.sleep(backOffMs)
      }
    }
  }

  async leave(): Promise<void> {
    this.#leaving = true
    this.#stopHeartbeats()
    if (this.#generationId >= 0) await this.#listener.revoked(this.#held)
    this.#held = []
    if (this.#memberId === "" || this.#options.groupInstanceId !== undefined) return
    const { groupId } = this.#options
    const member = { memberId: this.#memberId, reason: "the consumer is being closed" }
    // A JoinGroup may be waiting on the other connection.
    const connection = await this.#connection("leave")
    const version = connection.versionOf(leaveGroup) ?? 0
    const input = version >= 3 ? { groupId, members: [member] } : { groupId, ...member }
    const { memberId } = member
    await connection.request(leaveGroup, version >= 3 ? input : { groupId, memberId })
    this.#forgetMembership()
  }

  get #cooperative(): boolean {
    return this.#options.assignors.every(({ cooperative }) => cooperative)
  }

  async #giveUp(): Promise<void> {
    if (this.#held.length === 0) return
    if (this.#generationId < 0) this.#listener.lost(this.#held)
    else if (this.#cooperative) return
    else await this.#listener.revoked(this.#held)
    this.#held = []
    await this.#listener.assigned([])
  }

  async #rebalance(): Promise<void> {
    const connection = await this.#connection()
    await this.#topics.refresh()
    const joined = await this.#join(connection)
    this.#memberId = joined.memberId
    this.#generationId = joined.generationId
    this.#leads = joined.leader === joined.memberId
    const divides = this.#leads && !joined.skipAssignment
    const synced = await connection.request(syncGroup, {
      groupId: this.#options.groupId,
      generationId: this.#generationId,
      memberId: this.#memberId,
      groupInstanceId: this.#options.groupInstanceId ?? null,
      protocolType,
      protocolName: joined.protocolName,
      assignments: divides ? await this.#divide(joined) : [],
    })
    check(synced.errorCode)
    await this.#take(decodeAssignment(synced.assignment))
    this.#startHeartbeats()
  }

  async #join(connection: ClientConnection): Promise<Joined> {
    const { groupId, sessionTimeoutMs, rebalanceTimeoutMs } = this.#options
    const subscription = {
      topics: this.#topics.names(),
      ownedPartitions: this.#cooperative ? this.#held : [],
      generationId: this.#generationId,
    }
    const metadata = encodeSubscription(subscription)
    const protocols = this.#options.assignors.map(({ name }) => ({ name, metadata }))
    const groupInstanceId = this.#options.groupInstanceId ?? null
    for (;;) {
      const answer = await connection.request(
        joinGroup,
        {
          groupId,
          sessionTimeoutMs,
          rebalanceTimeoutMs,
          groupInstanceId,
          protocolType,
          memberId: this.#memberId,
          protocols,
        },
        { timeoutMs: rebalanceTimeoutMs + 5000 },
      )
      if (answer.errorCode === ErrorCode.MEMBER_ID_REQUIRED) this.#memberId = answer.memberId
      else {
        check(answer.errorCode)
        return answer
      }
    }
  }

  async #divide(joined: Joined) {
    const assignor = this.#options.assignors.find(({ name }) => name === joined.protocolName)
    if (assignor === undefined) throw new Error(`no assignor ${joined.protocolName}`)
    const members = joined.members.map(({ memberId, groupInstanceId, metadata }) => {
      const { topics, ownedPartitions: owned, generationId } = decodeSubscription(metadata)
      return { memberId, groupInstanceId, topics, owned, generationId }
    })
    const wanted = members.flatMap(({ topics }) => topics)
    const assignment = assignor.assign(members, await this.#topics.countPartitions(wanted))
    return [...assignment].map(([memberId, partitions]) => ({
      memberId,
      assignment: encodeAssignment(partitions),
    }))
  }

  async #take(assigned: ReadonlyArray<TopicPartition>): Promise<void> {
    const names = new Set(assigned.map(partitionName))
    const gone = this.#held.filter((one) => !names.has(partitionName(one)))
    if (gone.length > 0) {
      await this.#listener.revoked(gone)
      // Now that they are free, somebody may have them.
      this.#rejoin = true
    }
    this.#held = assigned
    await this.#listener.assigned(assigned)
  }

  #startHeartbeats(): void {
    if (this.#leaving) return
    const send = () => void this.#beat().catch((error: unknown) => this.#failed(error))
    this.#timer = setInterval(send, this.#options.heartbeatIntervalMs)
  }

  #stopHeartbeats(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  async #beat(): Promise<void> {
    const connection = await this.#connection()
    const { errorCode } = await connection.request(heartbeat, {
      groupId: this.#options.groupId,
      generationId: this.#generationId,
      memberId: this.#memberId,
      groupInstanceId: this.#options.groupInstanceId ?? null,
    })
    check(errorCode)
    if (this.#topics.isStale() && (await this.#topicsChanged())) this.#askToRejoin()
  }

  /** What the leader must divide anew, or what this member wants other topics for. */
  async #topicsChanged(): Promise<boolean> {
    const before = this.#topics.names().join()
    const changed = await this.#topics.refresh()
    return changed && (this.#leads || this.#topics.names().join() !== before)
  }

  #failed(error: unknown): void {
    if (this.#timer === undefined) return
    if (error instanceof KafkaError && error.code === ErrorCode.REBALANCE_IN_PROGRESS) {
      this.#askToRejoin()
    } else if (this.#recover(error)) {
      if (this.#generationId < 0) this.#askToRejoin()
    } else {
      this.#fatal = error
      this.#onPending()
    }
  }

  #askToRejoin(): void {
    this.#rejoin = true
    this.#onPending()
  }

  /** Forgets what the error shows to be wrong; false for an error that does not pass. */
  #recover(error: unknown): boolean {
    if (error instanceof ConnectionLost) {
      this.#coordinator = undefined
      return true
    }
    if (!(error instanceof KafkaError)) return false
    switch (error.code) {
      case ErrorCode.REBALANCE_IN_PROGRESS:
      case ErrorCode.COORDINATOR_LOAD_IN_PROGRESS:
        return true
      case ErrorCode.COORDINATOR_NOT_AVAILABLE:
      case ErrorCode.NOT_COORDINATOR:
      case ErrorCode.REQUEST_TIMED_OUT:
        this.#coordinator = undefined
        return true
      case ErrorCode.UNKNOWN_MEMBER_ID:
      case ErrorCode.ILLEGAL_GENERATION:
        this.#forgetMembership()
        return true
      default:
        return false
    }
  }

  #forgetMembership(): void {
    this.#memberId = ""
    this.#generationId = -1
  }

  async #connection(purpose = "group"): Promise<ClientConnection> {
    const { groupId } = this.#options
    this.#coordinator ??= (await findGroupCoordinator(this.#client, groupId)).nodeId
    return this.#client.broker(this.#coordinator, purpose)
  }
}
