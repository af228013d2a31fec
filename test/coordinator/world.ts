/**
 * Coordinators of one partition over a log that is an array: appended batches are committed when a
 * test says so, and applied to every replica in order. No clock but the test's.
 */
import { Prng } from "../../raft/prng.ts"
import { GroupCoordinator } from "../../src/coordinator/group-coordinator.ts"
import type {
  CoordinatorHost,
  CoordinatorRecord,
  RequestOrigin,
  TopicsView,
} from "../../src/coordinator/ports.ts"
import { defaultGroupSettings } from "../../src/coordinator/settings.ts"
import type { GroupSettings } from "../../src/coordinator/settings.ts"
import { ErrorCode } from "../../src/protocol/error-codes.ts"
import { heartbeat } from "../../src/protocol/messages/heartbeat.ts"
import { joinGroup } from "../../src/protocol/messages/join-group.ts"
import { leaveGroup } from "../../src/protocol/messages/leave-group.ts"
import { offsetCommit } from "../../src/protocol/messages/offset-commit.ts"
import { offsetDelete } from "../../src/protocol/messages/offset-delete.ts"
import { syncGroup } from "../../src/protocol/messages/sync-group.ts"
import type { Api, RequestInput, RequestOf, ResponseInput } from "../../src/protocol/schema.ts"
import { asReceived } from "./as-received.ts"

export interface Batch {
  readonly records: ReadonlyArray<CoordinatorRecord>
  readonly appendMs: number
}

interface Append extends Batch {
  readonly by: Replica
  readonly done: (error: ErrorCode) => void
}

export class FakeTopics implements TopicsView {
  version = 1
  readonly #topics = new Map<string, { readonly id: string; readonly partitions: number }>()
  #ids = 0

  /** Gives it a new id, whether or not the name was used before. */
  create(name: string, partitions = 3): string {
    this.version++
    const id = (++this.#ids).toString(16).padStart(32, "0")
    this.#topics.set(name, { id, partitions })
    return id
  }

  put(name: string, id: string, partitions: number): void {
    this.version++
    this.#topics.set(name, { id, partitions })
  }

  /** More partitions under the same id. */
  grow(name: string, partitions: number): void {
    this.version++
    const id = this.topicId(name)
    if (id !== undefined) this.#topics.set(name, { id, partitions })
  }

  /** As if it had been there all the time. */
  restore(name: string, id: string, partitions = 3): void {
    this.version += 2
    this.#topics.set(name, { id, partitions })
  }

  delete(name: string): void {
    this.version++
    this.#topics.delete(name)
  }

  topicId(name: string) {
    return this.#topics.get(name)?.id
  }

  topicName(id: string) {
    return [...this.#topics].find(([, topic]) => topic.id === id)?.[0]
  }

  partitions(name: string) {
    return this.#topics.get(name)?.partitions
  }

  names() {
    return this.#topics.keys()
  }
}

/** An answer that may still be missing. */
export class Answer<R> {
  response: R | undefined
  count = 0

  readonly set = (response: R): void => {
    this.response = response
    this.count++
  }

  get now(): R {
    if (this.response === undefined) throw new Error("there is no answer yet")
    return this.response
  }

  get isOpen(): boolean {
    return this.response === undefined
  }
}

export interface Replica {
  readonly coordinator: GroupCoordinator
  applied: number
}

type Origin = Partial<RequestOrigin>

export class World {
  nowMs = 1_000_000
  /** By how much the broker's wall clock differs from the time that has passed. */
  wallAheadMs = 0
  readonly log: Array<Batch> = []
  readonly topics = new FakeTopics()
  readonly lines: Array<string> = []
  /** Configs of groups' own, by group id. */
  readonly groupConfigs = new Map<string, ReadonlyMap<string, string>>()
  readonly replicas: Array<Replica> = []
  /** What coordinators go by that are made from now on. */
  settings: GroupSettings
  leader: Replica
  /** Batches are committed as soon as they are appended (and `done` is called later). */
  autoCommit = true
  #appends: Array<Append> = []
  #term = 0
  readonly #prng = new Prng(7)

  constructor(settings: Partial<GroupSettings> = {}) {
    this.settings = { ...defaultGroupSettings, groupInitialRebalanceDelayMs: 0, ...settings }
    this.topics.create("t")
    this.leader = this.addReplica()
    this.elect(this.leader)
  }

  addReplica(): Replica {
    const replica: Replica = {
      coordinator: new GroupCoordinator(this.#host(() => replica)),
      applied: 0,
    }
    this.replicas.push(replica)
    this.#apply(replica)
    return replica
  }

  #host(self: () => Replica): CoordinatorHost {
    return {
      topics: this.topics,
      settings: this.settings,
      groupConfig: (groupId) => this.groupConfigs.get(groupId),
      append: (records, done) => {
        this.#appends.push({ records, appendMs: this.wallMs, done, by: self() })
      },
      nextUuid: () => {
        let hex = ""
        for (let i = 0; i < 4; i++) hex += this.#prng.nextUint32().toString(16).padStart(8, "0")
        return Buffer.from(hex, "hex").toString("base64url")
      },
      log: (level, line) => this.lines.push(`${level} ${line}`),
      wallMs: () => this.wallMs,
    }
  }

  get wallMs(): number {
    return this.nowMs + this.wallAheadMs
  }

  get coordinator(): GroupCoordinator {
    return this.leader.coordinator
  }

  /** Appended and not committed. */
  get pending(): number {
    return this.#appends.length
  }

  /** The next appended batch, or the given error in its place. */
  commitOne(error: ErrorCode = ErrorCode.NONE): void {
    const append = this.#appends.shift()
    if (append === undefined) throw new Error("nothing was appended")
    if (error === ErrorCode.NONE) {
      this.log.push({ records: append.records, appendMs: append.appendMs })
      for (const replica of this.replicas) this.#apply(replica)
    }
    append.done(error)
  }

  settle(): void {
    while (this.autoCommit && this.#appends.length > 0) this.commitOne()
  }

  /** A batch that nobody here proposed. */
  write(...records: ReadonlyArray<CoordinatorRecord>): void {
    this.log.push({ records, appendMs: this.wallMs })
    for (const replica of this.replicas) this.#apply(replica)
  }

  #apply(replica: Replica): void {
    for (; replica.applied < this.log.length; replica.applied++) {
      const batch = this.log[replica.applied]
      if (batch === undefined) return
      const base = replica.applied * 1000
      const { records, appendMs } = batch
      const lent = records.map(({ key, value }) => {
        return { key: Buffer.from(key), value: value === null ? null : Buffer.from(value) }
      })
      const committed = lent.map((one, i) => ({ ...one, offset: base + i, timestamp: appendMs }))
      replica.coordinator.apply(committed, appendMs)
      // What is kept must be a copy: the memory goes back to the log.
      for (const { key, value } of lent) {
        key.fill(0xee)
        value?.fill(0xee)
      }
    }
  }

  elect(replica: Replica): void {
    for (const other of this.replicas) other.coordinator.resigned()
    const lost = this.#appends
    this.#appends = []
    for (const { done } of lost) done(ErrorCode.NOT_COORDINATOR)
    this.leader = replica
    replica.coordinator.elected(++this.#term, this.nowMs)
    this.settle()
  }

  /** Another broker takes over, with what was committed and nothing else. */
  failOver(): void {
    this.elect(this.addReplica())
  }

  pass(ms: number, stepMs = 100): void {
    const end = this.nowMs + ms
    while (this.nowMs < end) {
      this.nowMs = Math.min(this.nowMs + stepMs, end)
      this.coordinator.tick(this.nowMs)
      this.settle()
    }
  }

  origin(origin: Origin = {}): RequestOrigin {
    const { nowMs } = this
    return { nowMs, apiVersion: 9, clientId: "c", clientHost: "/127.0.0.1", ...origin }
  }

  #ask<A extends Api>(
    api: A,
    input: RequestInput<A>,
    origin: RequestOrigin,
    ask: (request: RequestOf<A>, reply: (response: ResponseInput<A>) => void) => void,
  ): Answer<ResponseInput<A>> {
    const answer = new Answer<ResponseInput<A>>()
    ask(asReceived(api, origin.apiVersion, input), answer.set)
    this.settle()
    return answer
  }

  join(input: RequestInput<typeof joinGroup>, rest: Origin = {}) {
    const full = {
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 60_000,
      protocolType: "consumer",
      protocols: [{ name: "range", metadata: subscription("t") }],
      ...input,
    }
    const origin = this.origin(rest)
    return this.#ask(joinGroup, full, origin, (request, reply) =>
      this.coordinator.joinGroup(request, origin, reply),
    )
  }

  sync(input: RequestInput<typeof syncGroup>, rest: Origin = {}) {
    const origin = this.origin({ apiVersion: 5, ...rest })
    return this.#ask(syncGroup, input, origin, (request, reply) =>
      this.coordinator.syncGroup(request, origin, reply),
    )
  }

  heartbeat(input: RequestInput<typeof heartbeat>) {
    const origin = this.origin({ apiVersion: 4 })
    return this.#ask(heartbeat, input, origin, (request, reply) =>
      this.coordinator.heartbeat(request, origin, reply),
    )
  }

  leave(input: RequestInput<typeof leaveGroup>, rest: Origin = {}) {
    const origin = this.origin({ apiVersion: 5, ...rest })
    return this.#ask(leaveGroup, input, origin, (request, reply) =>
      this.coordinator.leaveGroup(request, origin, reply),
    )
  }

  commit(input: RequestInput<typeof offsetCommit>, rest: Origin = {}) {
    const origin = this.origin(rest)
    return this.#ask(offsetCommit, input, origin, (request, reply) =>
      this.coordinator.offsetCommit(request, origin, reply),
    )
  }

  deleteOffsets(input: RequestInput<typeof offsetDelete>) {
    const origin = this.origin({ apiVersion: 0 })
    return this.#ask(offsetDelete, input, origin, (request, reply) =>
      this.coordinator.offsetDelete(request, origin, reply),
    )
  }

  deleteGroup(groupId: string): Answer<ErrorCode> {
    const answer = new Answer<ErrorCode>()
    this.coordinator.deleteGroup(groupId, this.nowMs, answer.set)
    this.settle()
    return answer
  }

  commitOffset(groupId: string, partition: number, offset: number, rest: CommitRest = {}) {
    const { topic = "t", ...who } = rest
    const partitions = [{ partitionIndex: partition, committedOffset: offset }]
    return this.commit({ groupId, ...who, topics: [{ name: topic, partitions }] })
  }

  fetched(groupId: string, topic = "t", partition = 0) {
    const topics = [{ name: topic, topicId: "0".repeat(32), partitionIndexes: [partition] }]
    const asked = { groupId, memberId: null, memberEpoch: -1, topics }
    const { topics: found } = this.coordinator.fetchOffsets(asked, this.origin({ apiVersion: 8 }))
    return found?.[0]?.partitions?.[0]
  }

  /** Join, and sync what the leader would: a member of a group of its own. */
  soleMember(groupId: string, rest: RequestInput<typeof joinGroup> = {}) {
    const joined = this.join({ groupId, ...rest }, { apiVersion: 3 }).now
    const memberId = joined.memberId ?? ""
    const generationId = joined.generationId ?? -1
    const assignments = [{ memberId, assignment: bytes("all") }]
    const synced = this.sync({ groupId, memberId, generationId, assignments }).now
    return { memberId, generationId, synced }
  }

  /** Instance "i" of group "g", stable in generation 1. */
  soleStatic() {
    const { memberId = "" } = this.join({ groupId: "g", groupInstanceId: "i" }).now
    const assignments = [{ memberId, assignment: bytes("all") }]
    this.sync({ groupId: "g", memberId, groupInstanceId: "i", generationId: 1, assignments })
    return { memberId }
  }
}

interface CommitRest extends Omit<RequestInput<typeof offsetCommit>, "topics" | "groupId"> {
  readonly topic?: string
}

export const bytes = (text: string): Uint8Array => Buffer.from(text)

/** A consumer's, version 1: topics, no user data, nothing owned. */
export const subscription = (...topics: ReadonlyArray<string>): Uint8Array => {
  const names = topics.map((topic) => {
    const length = Buffer.alloc(2)
    length.writeInt16BE(topic.length)
    return Buffer.concat([length, Buffer.from(topic)])
  })
  const head = Buffer.alloc(6)
  head.writeInt16BE(1)
  head.writeInt32BE(topics.length, 2)
  const tail = Buffer.from("ffffffff00000000", "hex")
  return Buffer.concat([head, ...names, tail])
}
