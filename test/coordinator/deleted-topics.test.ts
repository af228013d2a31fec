/**
 * Topics that are deleted and made again under their names, seen late and differently by the
 * brokers that coordinate in turn. Whatever a coordinator knows of the metadata:
 *
 * 1. an acknowledged offset of a topic that still is there is never answered as "none", and never
 *    deleted;
 * 2. no offset of a deleted topic is answered for the topic that has its name now, by a coordinator
 *    that has heard of that one;
 * 3. in the end nothing is left of deleted topics.
 */
import { expect, test } from "bun:test"
import * as fc from "fast-check"
import { GroupCoordinator } from "../../src/coordinator/group-coordinator.ts"
import type { CoordinatorRecord, TopicsView } from "../../src/coordinator/ports.ts"
import { defaultGroupSettings } from "../../src/coordinator/settings.ts"
import { ErrorCode } from "../../src/protocol/error-codes.ts"
import { offsetCommit } from "../../src/protocol/messages/offset-commit.ts"
import { asReceived } from "./as-received.ts"

const { NONE, COORDINATOR_LOAD_IN_PROGRESS } = ErrorCode

/** Name → id, at each version of the metadata. */
class Metadata {
  readonly versions: Array<ReadonlyMap<string, string>> = [new Map()]
  #ids = 0

  get newest(): number {
    return this.versions.length - 1
  }

  create(name: string): void {
    const id = (++this.#ids).toString(16).padStart(32, "0")
    this.#add(new Map(this.now).set(name, id))
  }

  delete(name: string): void {
    this.#add(new Map([...this.now].filter(([one]) => one !== name)))
  }

  /** Something that has to do with no topic. */
  other(): void {
    this.#add(this.now)
  }

  get now(): ReadonlyMap<string, string> {
    return this.versions.at(-1) ?? new Map()
  }

  #add(image: ReadonlyMap<string, string>): void {
    this.versions.push(image)
  }
}

class Broker implements TopicsView {
  version = 0
  readonly coordinator: GroupCoordinator
  readonly #metadata: Metadata

  constructor(metadata: Metadata, append: Append) {
    this.#metadata = metadata
    this.coordinator = new GroupCoordinator({
      topics: this,
      settings: defaultGroupSettings,
      groupConfig: () => undefined,
      append,
      nextUuid: () => "A".repeat(22),
      log: () => undefined,
      wallMs: () => 0,
    })
  }

  get #image(): ReadonlyMap<string, string> {
    return this.#metadata.versions[this.version] ?? new Map()
  }

  topicId(name: string) {
    return this.#image.get(name)
  }

  topicName(id: string) {
    return [...this.#image].find(([, one]) => one === id)?.[0]
  }

  partitions(name: string) {
    return this.#image.has(name) ? 1 : undefined
  }

  names() {
    return this.#image.keys()
  }

  /** Hears of some of what it has not heard of. */
  hear(versions: number): void {
    const before = this.version
    this.version = Math.min(before + versions, this.#metadata.newest)
    if (this.version > before) this.coordinator.topicsChanged(0)
  }
}

type Append = (records: ReadonlyArray<CoordinatorRecord>, done: (error: ErrorCode) => void) => void

class Run {
  readonly metadata = new Metadata()
  readonly brokers: ReadonlyArray<Broker>
  leader: Broker
  #appends: Array<{ records: ReadonlyArray<CoordinatorRecord>; done: (error: ErrorCode) => void }> =
    []
  #offset = 0
  /** Topic id → the offset acknowledged last. */
  readonly #acknowledged = new Map<string, number>()
  /** Topic id → all that was asked for. */
  readonly #asked = new Map<string, Array<number>>()

  constructor() {
    const append: Append = (records, done) => this.#appends.push({ records, done })
    this.brokers = [0, 1, 2].map(() => new Broker(this.metadata, append))
    this.leader = this.brokers[0]!
    this.leader.coordinator.elected(1, 0)
  }

  settle(): void {
    for (let next = this.#appends.shift(); next !== undefined; next = this.#appends.shift()) {
      const { records, done } = next
      const committed = records.map((one) => ({ ...one, offset: this.#offset++, timestamp: 0 }))
      for (const { coordinator } of this.brokers) coordinator.apply(committed, 0)
      done(NONE)
    }
  }

  lead(broker: number): void {
    for (const { coordinator } of this.brokers) coordinator.resigned()
    this.#appends = []
    this.leader = this.brokers[broker]!
    this.leader.coordinator.elected(1, 0)
    this.settle()
  }

  commit(name: string, offset: number): void {
    const id = this.leader.topicId(name)
    const partitions = [{ partitionIndex: 0, committedOffset: offset }]
    const request = asReceived(offsetCommit, 9, { groupId: "g", topics: [{ name, partitions }] })
    this.leader.coordinator.offsetCommit(request, origin, (response) => {
      const errorCode = response.topics?.[0]?.partitions?.[0]?.errorCode
      if (errorCode === NONE && id !== undefined) this.#acknowledged.set(id, offset)
    })
    if (id !== undefined) this.#asked.set(id, [...(this.#asked.get(id) ?? []), offset])
    this.settle()
  }

  read(name: string): void {
    const topics = [{ name, topicId: "0".repeat(32), partitionIndexes: [0] }]
    const asked = { groupId: "g", memberId: null, memberEpoch: -1, topics }
    const { errorCode, topics: found } = this.leader.coordinator.fetchOffsets(asked, origin)
    if (errorCode === COORDINATOR_LOAD_IN_PROGRESS) return
    expect(errorCode).toBe(NONE)
    const offset = found?.[0]?.partitions?.[0]?.committedOffset ?? -1
    // 1, whatever the coordinator takes the name for.
    const current = this.#acknowledged.get(this.metadata.now.get(name) ?? "")
    if (current !== undefined) expect(offset).not.toBe(-1)
    const id = this.leader.topicId(name)
    if (id === undefined) return
    if (offset !== -1) expect(this.#asked.get(id)).toContain(offset)
    // Of a topic that is gone, as others know, tombstones may have come already.
    if (this.metadata.now.get(name) !== id) return
    expect(offset).toBe(this.#acknowledged.get(id) ?? -1)
  }

  end(): void {
    for (const broker of this.brokers) broker.hear(this.metadata.newest)
    this.settle()
    for (const [i] of this.brokers.entries()) {
      this.lead(i)
      for (const name of ["t", "u"]) this.read(name)
      const asked = { groupId: "g", memberId: null, memberEpoch: -1, topics: null }
      const { topics } = this.leader.coordinator.fetchOffsets(asked, origin)
      for (const { name = "" } of topics ?? []) expect(this.metadata.now.has(name)).toBe(true)
    }
  }
}

const origin = { nowMs: 0, apiVersion: 9, clientId: "c", clientHost: "/127.0.0.1" }

const name = fc.constantFrom("t", "u")
const broker = fc.nat(2)
const action = fc.oneof(
  { weight: 4, arbitrary: fc.record({ _tag: fc.constant("commit" as const), name }) },
  { weight: 2, arbitrary: fc.record({ _tag: fc.constant("create" as const), name }) },
  { weight: 1, arbitrary: fc.record({ _tag: fc.constant("delete" as const), name }) },
  { weight: 1, arbitrary: fc.record({ _tag: fc.constant("other" as const) }) },
  { weight: 2, arbitrary: fc.record({ _tag: fc.constant("lead" as const), broker }) },
  {
    weight: 4,
    arbitrary: fc.record({ _tag: fc.constant("hear" as const), broker, versions: fc.nat(4) }),
  },
)

test("offsets of topics that come and go under coordinators that know of it sooner or later", () => {
  const actions = fc.array(action, { minLength: 10, maxLength: 80, size: "max" })
  fc.assert(
    fc.property(actions, (all) => {
      const run = new Run()
      const { metadata } = run
      for (const [i, one] of all.entries()) {
        if (one._tag === "commit") run.commit(one.name, i)
        if (one._tag === "create" && !metadata.now.has(one.name)) metadata.create(one.name)
        if (one._tag === "delete") metadata.delete(one.name)
        if (one._tag === "other") metadata.other()
        if (one._tag === "lead") run.lead(one.broker)
        if (one._tag === "hear") run.brokers[one.broker]?.hear(one.versions)
        for (const each of ["t", "u"]) run.read(each)
        run.settle()
        for (const each of ["t", "u"]) run.read(each)
      }
      run.end()
    }),
    { numRuns: 500 },
  )
})
