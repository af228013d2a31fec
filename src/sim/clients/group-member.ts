/**
 * A member of a classic consumer group: it joins, takes what the leader gives it, reads on from
 * what the group has committed, and commits what it has read. Now and then it crashes, leaves, or
 * stands still for longer than its session and goes on as if nothing had been.
 */
import { ErrorCode, errorName } from "../../protocol/error-codes.ts"
import { heartbeat } from "../../protocol/messages/heartbeat.ts"
import { joinGroup } from "../../protocol/messages/join-group.ts"
import { leaveGroup } from "../../protocol/messages/leave-group.ts"
import { syncGroup } from "../../protocol/messages/sync-group.ts"
import type { ResponseOf } from "../../protocol/schema.ts"
import { partitionKey } from "../../chaos/history/history.ts"
import type { AssignCall, GroupCall, JoinCall } from "../../chaos/history/history.ts"
import { Client } from "./client.ts"
import type { ClientPorts } from "./client.ts"
import { GroupLink, isNotHere } from "./group-link.ts"
import type { GroupReply } from "./group-link.ts"
import { decodeAssignment, encodeAssignment, encodeSubscription } from "./group-protocol.ts"
import { GroupReader } from "./group-reader.ts"
import type { KnownTopic } from "./topic-table.ts"

export interface MemberShape {
  readonly group: string
  /** Which of the lasting topics it reads. */
  readonly topic: number
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly heartbeatMs: number
  readonly thinkMs: number
  /** Of 1,000 thoughts so many end a life, and how. */
  readonly crashPerMille: number
  readonly leavePerMille: number
  readonly stallPerMille: number
}

const requestTimeoutMs = 5000
const protocolType = "consumer"
const protocolName = "range"

export class GroupMember extends Client {
  readonly #shape: MemberShape
  readonly #link: GroupLink
  readonly #reader: GroupReader
  /** Answers to an earlier one are nobody's. */
  #life = 0
  #memberId = ""
  #generation = -1
  #stalledUntilMs = 0

  constructor(name: string, seed: number, ports: ClientPorts, shape: MemberShape) {
    super(name, seed, ports)
    this.#shape = shape
    this.#link = new GroupLink(this, shape.group)
    this.#reader = new GroupReader(this, this.#link, this.prng.nextUint32(), [6, 8, 9, 10])
  }

  /** Joins may wait for others, and others may have stopped: they are not waited for. */
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
    this.#memberId = ""
    this.#generation = -1
    this.#reader.revoke()
    this.#join()
    this.#think()
  }

  #end(): void {
    this.#life++
    this.#generation = -1
    this.#reader.revoke()
    const { sessionTimeoutMs } = this.#shape
    this.after(this.prng.below(2 * sessionTimeoutMs), () => this.#begin())
  }

  // ---- joining

  #join(): void {
    this.#generation = -1
    this.#reader.revoke()
    const topic = this.#topic()
    if (topic === undefined || !this.ports.mayBegin()) {
      return this.#later(10 * this.#shape.thinkMs, () => this.#join())
    }
    const life = this.#life
    const { group: groupId, sessionTimeoutMs, rebalanceTimeoutMs } = this.#shape
    const memberId = this.#memberId
    const call: JoinCall = { f: "join", group: groupId, member: memberId, generation: -1 }
    const id = this.ports.history.invoke(this.name, call)
    const metadata = encodeSubscription(topic.name)
    const protocols = [{ name: protocolName, metadata }]
    const timeouts = { sessionTimeoutMs, rebalanceTimeoutMs }
    const input = { groupId, ...timeouts, memberId, protocolType, protocols }
    const timeoutMs = rebalanceTimeoutMs + requestTimeoutMs
    this.#link.ask(joinGroup, this.pick([3, 5, 7, 9]), input, timeoutMs, (reply) => {
      const { answer } = reply
      const code = answer?.errorCode ?? -1
      const member = answer?.memberId ?? memberId
      const joined = { f: "join" as const, member, generation: answer?.generationId ?? -1 }
      this.#complete(id, reply, code, code === ErrorCode.NONE ? joined : {})
      if (life !== this.#life) return
      if (answer !== undefined && code === ErrorCode.NONE) return this.#joined(answer, topic)
      if (code === ErrorCode.MEMBER_ID_REQUIRED) {
        this.#memberId = member
        return this.#join()
      }
      this.#refused(code)
    })
  }

  #complete(
    id: number,
    { node, connection }: Pick<GroupReply<typeof heartbeat>, "node" | "connection">,
    code: number,
    result: Partial<GroupCall>,
  ): void {
    const outcome = code === ErrorCode.NONE ? "ok" : code === -1 ? "info" : "fail"
    const error = code === -1 ? "LOST" : code === ErrorCode.NONE ? "" : errorName(code)
    this.ports.history.complete(id, { outcome, node, connection, attempts: 1, error }, result)
  }

  #joined(answer: ResponseOf<typeof joinGroup>, topic: KnownTopic): void {
    this.#memberId = answer.memberId
    const generation = answer.generationId
    const life = this.#life
    const { group: groupId } = this.#shape
    const { memberId } = answer
    const call: AssignCall = {
      f: "assign",
      protocol: "classic",
      group: groupId,
      member: memberId,
      generation,
      partitions: [],
    }
    const id = this.ports.history.invoke(this.name, call)
    const leads = answer.leader === memberId
    const assignments = leads ? shareOut(answer.members, topic) : []
    const input = { groupId, generationId: generation, memberId, assignments }
    const timeoutMs = this.#shape.rebalanceTimeoutMs + requestTimeoutMs
    this.#link.ask(syncGroup, this.pick([3, 4, 5]), withNames(input), timeoutMs, (reply) => {
      const code = reply.answer?.errorCode ?? -1
      const mine = code === 0 ? decodeAssignment(reply.answer?.assignment ?? new Uint8Array(0)) : []
      const partitions = mine.map((partition) => partitionKey(topic.name, topic.id, partition))
      this.#complete(id, reply, code, { f: "assign", partitions })
      if (life !== this.#life) return
      if (code !== ErrorCode.NONE) return this.#refused(code)
      this.#generation = generation
      const refs = mine.map((partition) => ({ topic, partition }))
      this.#reader.assign(refs, { member: memberId, generation })
      this.#beat()
    })
  }

  #refused(code: number): void {
    if (code === -1 || isNotHere(code)) this.#link.forget()
    if (code === ErrorCode.UNKNOWN_MEMBER_ID || code === ErrorCode.FENCED_INSTANCE_ID) {
      this.#memberId = ""
    }
    this.#generation = -1
    this.#reader.revoke()
    this.#later(1 + this.prng.below(100), () => this.#join())
  }

  // ---- being a member

  get #isStalled(): boolean {
    return this.nowMs < this.#stalledUntilMs
  }

  #beat(): void {
    const generation = this.#generation
    this.#later(this.#shape.heartbeatMs, () => {
      if (generation !== this.#generation || generation === -1) return
      if (this.#isStalled || !this.ports.mayBegin()) return this.#beat()
      const { group: groupId } = this.#shape
      const input = { groupId, generationId: generation, memberId: this.#memberId }
      const life = this.#life
      this.#link.ask(heartbeat, this.pick([3, 4]), input, requestTimeoutMs, ({ answer }) => {
        if (life !== this.#life || generation !== this.#generation) return
        this.#heard(answer?.errorCode ?? -1)
      })
    })
  }

  #heard(code: number): void {
    if (code === ErrorCode.NONE) return this.#beat()
    if (code !== -1 && !isNotHere(code)) return this.#refused(code)
    this.#link.forget()
    this.#beat()
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
      if (life !== this.#life) return
      const isOver = code !== ErrorCode.NONE && code !== -1 && !isNotHere(code)
      if (isOver && this.#generation !== -1) this.#refused(code)
    })
    again()
  }

  #leave(): void {
    const { group: groupId } = this.#shape
    const members = [{ memberId: this.#memberId }]
    if (this.#memberId !== "") {
      this.#link.ask(leaveGroup, 4, { groupId, members }, requestTimeoutMs, () => undefined)
    }
    this.#end()
  }
}

const withNames = <T>(input: T) => ({ ...input, protocolType, protocolName })

/** By the leader: partition after partition to member after member, in the order of their ids. */
function shareOut(members: ReadonlyArray<{ readonly memberId: string }>, topic: KnownTopic) {
  const ids = members.map(({ memberId }) => memberId).toSorted()
  return ids.map((memberId, place) => {
    const mine: Array<number> = []
    for (let at = place; at < topic.partitions; at += ids.length) mine.push(at)
    return { memberId, assignment: encodeAssignment(topic.name, mine) }
  })
}
