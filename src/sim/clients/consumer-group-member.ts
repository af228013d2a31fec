/**
 * A member of a group of the new protocol (KIP-848): one heartbeat says who it is and what it owns,
 * the answer what it is to own. It reads and commits as members of classic groups do, and ends its
 * lives as they do.
 */
import { ErrorCode } from "../../protocol/error-codes.ts"
import { consumerGroupHeartbeat } from "../../protocol/messages/consumer-group-heartbeat.ts"
import type { ResponseOf } from "../../protocol/schema.ts"
import { partitionKey } from "../../chaos/history/history.ts"
import { Client } from "./client.ts"
import type { ClientPorts } from "./client.ts"
import { GroupLink, isNotHere } from "./group-link.ts"
import type { GroupReply } from "./group-link.ts"
import type { MemberShape } from "./group-member.ts"
import { GroupReader } from "./group-reader.ts"
import type { KnownTopic } from "./topic-table.ts"

const requestTimeoutMs = 5000
const leaving = -1

export class ConsumerGroupMember extends Client {
  readonly #shape: MemberShape
  readonly #link: GroupLink
  readonly #reader: GroupReader
  /** Answers to an earlier one are nobody's. */
  #life = 0
  #memberId = ""
  /** 0: is to join. */
  #epoch = 0
  #owned: ReadonlyArray<number> = []
  #stalledUntilMs = 0

  constructor(name: string, seed: number, ports: ClientPorts, shape: MemberShape) {
    super(name, seed, ports)
    this.#shape = shape
    this.#link = new GroupLink(this, shape.group)
    this.#reader = new GroupReader(this, this.#link, this.prng.nextUint32(), [9, 10])
  }

  get outstanding(): number {
    return this.#reader.outstanding
  }

  start(): void {
    this.after(this.prng.below(10 * this.#shape.thinkMs + 1), () => this.#begin())
  }

  #topic(): KnownTopic | undefined {
    const lasting = this.ports.topics.all.filter(({ isLasting }) => isLasting)
    return lasting[this.#shape.topic % Math.max(1, lasting.length)]
  }

  /** In this life alone. */
  #later(ms: number, action: () => void): void {
    const life = this.#life
    this.after(ms, () => {
      if (life === this.#life) action()
    })
  }

  #begin(): void {
    this.#life++
    this.#memberId = `${this.name}-${this.#life}`
    this.#abandon()
    this.#beat()
    this.#think()
  }

  #abandon(): void {
    this.#epoch = 0
    this.#owned = []
    this.#reader.revoke()
  }

  #end(): void {
    this.#life++
    this.#abandon()
    this.after(this.prng.below(2 * this.#shape.sessionTimeoutMs), () => this.#begin())
  }

  get #isStalled(): boolean {
    return this.nowMs < this.#stalledUntilMs
  }

  #beat(): void {
    const topic = this.#topic()
    const again = () => this.#later(this.#shape.heartbeatMs, () => this.#beat())
    if (topic === undefined || this.#isStalled || !this.ports.mayBegin()) return again()
    const { group, rebalanceTimeoutMs } = this.#shape
    const memberEpoch = this.#epoch
    const joins = memberEpoch === 0
    const input = {
      groupId: group,
      memberId: this.#memberId,
      memberEpoch,
      rebalanceTimeoutMs: joins ? rebalanceTimeoutMs : -1,
      subscribedTopicNames: joins ? [topic.name] : null,
      topicPartitions:
        this.#owned.length === 0 ? [] : [{ topicId: topic.id, partitions: [...this.#owned] }],
    }
    const life = this.#life
    this.#link.ask(consumerGroupHeartbeat, 1, input, requestTimeoutMs, (reply) => {
      const { answer } = reply
      const code = answer?.errorCode ?? -1
      if (answer !== undefined && code === ErrorCode.NONE)
        this.#record(reply, answer, input.memberId, topic)
      if (life !== this.#life) return
      if (answer !== undefined && code === ErrorCode.NONE) this.#assigned(answer, topic)
      else this.#refused(code)
      again()
    })
  }

  /**
   * What it is to own, where the answer says so: heartbeats alone would fill the history. A late
   * answer is that of the life which asked.
   */
  #record(
    { node, connection }: GroupReply<typeof consumerGroupHeartbeat>,
    { assignment, memberEpoch }: ResponseOf<typeof consumerGroupHeartbeat>,
    member: string,
    topic: KnownTopic,
  ): void {
    if (assignment === null) return
    const all = assignment.topicPartitions.flatMap(({ partitions }) => partitions)
    const id = this.ports.history.invoke(this.name, {
      f: "assign",
      protocol: "consumer",
      group: this.#shape.group,
      member,
      generation: memberEpoch,
      partitions: all.map((partition) => partitionKey(topic.name, topic.id, partition)),
    })
    this.ports.history.complete(id, { outcome: "ok", node, connection, attempts: 1 })
  }

  #assigned(answer: ResponseOf<typeof consumerGroupHeartbeat>, topic: KnownTopic): void {
    const { memberEpoch, assignment } = answer
    this.#epoch = memberEpoch
    const as = { member: this.#memberId, generation: memberEpoch }
    if (assignment === null) return this.#reader.renew(as)
    this.#owned = assignment.topicPartitions.flatMap(({ partitions }) => partitions)
    this.#reader.revoke()
    this.#reader.assign(
      this.#owned.map((partition) => ({ topic, partition })),
      as,
    )
  }

  #refused(code: number): void {
    if (code === -1 || isNotHere(code)) return this.#link.forget()
    if (code === ErrorCode.FENCED_MEMBER_EPOCH || code === ErrorCode.UNKNOWN_MEMBER_ID) {
      this.#abandon()
    }
  }

  #think(): void {
    const { thinkMs, crashPerMille, leavePerMille, stallPerMille, sessionTimeoutMs } = this.#shape
    const again = () => this.#later(1 + this.prng.below(2 * thinkMs), () => this.#think())
    if (!this.ports.mayBegin() || this.#isStalled) return again()
    const fate = this.prng.below(1000)
    if (fate < crashPerMille) return this.#end()
    if (fate < crashPerMille + leavePerMille) return this.#leave()
    if (fate < crashPerMille + leavePerMille + stallPerMille) {
      this.#stalledUntilMs = this.nowMs + sessionTimeoutMs + this.prng.below(2 * sessionTimeoutMs)
    }
    const life = this.#life
    this.#reader.work((code) => {
      if (life === this.#life) this.#refused(code)
    })
    again()
  }

  #leave(): void {
    const { group: groupId } = this.#shape
    const input = { groupId, memberId: this.#memberId, memberEpoch: leaving }
    if (this.#epoch > 0) {
      this.#link.ask(consumerGroupHeartbeat, 1, input, requestTimeoutMs, () => undefined)
    }
    this.#end()
  }
}
