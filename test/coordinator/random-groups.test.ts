/**
 * Members of two groups that join, sync, commit, fall silent and leave at random, with failovers,
 * failed appends and answers that come late. What must hold whatever happens:
 *
 * 1. every request is answered at most once, and none is left open in a quiet world;
 * 2. a generation has one assignment: whoever is told it twice is told the same, and no partition
 *    is told to two members;
 * 3. an acknowledged offset is read back until a later one is written; one that failed may still
 *    turn up, nothing else may;
 * 4. a member commits under the generation that is stored last, or not at all;
 * 5. every replica has the same bytes, and so has one that reads the whole log;
 * 6. when the world is quiet, members that keep at it become a stable group.
 */
import { expect, test } from "bun:test"
import * as fc from "fast-check"
import { decodeRecord } from "../../src/coordinator/records/codec.ts"
import { ErrorCode } from "../../src/protocol/error-codes.ts"
import type { joinGroup } from "../../src/protocol/messages/join-group.ts"
import type { offsetCommit } from "../../src/protocol/messages/offset-commit.ts"
import type { syncGroup } from "../../src/protocol/messages/sync-group.ts"
import type { ResponseInput } from "../../src/protocol/schema.ts"
import { World } from "./world.ts"
import type { Answer } from "./world.ts"

const { NONE } = ErrorCode
const partitionCount = 3

type Joining = Answer<ResponseInput<typeof joinGroup>>
type Syncing = Answer<ResponseInput<typeof syncGroup>>
type Committing = Answer<ResponseInput<typeof offsetCommit>>

/** A consumer that does the next thing its protocol asks for when it is its turn. */
class Client {
  readonly groupId: string
  readonly instanceId: string | null
  memberId = ""
  generationId = -1
  joining: Joining | undefined
  syncing: Syncing | undefined
  owned: Uint8Array | undefined
  readonly #run: Run

  constructor(run: Run, groupId: string, instanceId: string | null) {
    this.#run = run
    this.groupId = groupId
    this.instanceId = instanceId
  }

  get #world(): World {
    return this.#run.world
  }

  get isStable(): boolean {
    return this.owned !== undefined
  }

  step(): void {
    if (this.joining !== undefined) this.#joined()
    else if (this.syncing !== undefined) this.#synced()
    else if (this.owned === undefined) this.#join()
    else this.#heartbeat()
  }

  /** It forgets everything, as a process that is started anew. */
  crash(): void {
    this.memberId = ""
    this.#restart()
  }

  leave(): void {
    const { groupId, memberId, instanceId } = this
    const members = [{ memberId, groupInstanceId: instanceId }]
    if (memberId !== "") this.#run.opened(this.#world.leave({ groupId, members }))
    this.crash()
  }

  commit(partition: number, offset: number): void {
    const { groupId, memberId, instanceId, generationId } = this
    if (this.owned === undefined) return
    const who = { memberId, groupInstanceId: instanceId, generationIdOrMemberEpoch: generationId }
    const answer = this.#world.commitOffset(groupId, partition, offset, who)
    this.#run.wrote({ groupId, partition, offset, generationId, answer })
  }

  #restart(): void {
    this.generationId = -1
    this.joining = undefined
    this.syncing = undefined
    this.owned = undefined
  }

  #join(): void {
    const { groupId, memberId, instanceId: groupInstanceId } = this
    const timeouts = { sessionTimeoutMs: 6_000, rebalanceTimeoutMs: 8_000 }
    this.joining = this.#world.join({ groupId, memberId, groupInstanceId, ...timeouts })
    this.#run.opened(this.joining)
  }

  #joined(): void {
    if (this.joining?.isOpen !== false) return
    const { now } = this.joining
    this.joining = undefined
    const errorCode = now.errorCode ?? NONE
    if (errorCode === ErrorCode.MEMBER_ID_REQUIRED) this.memberId = now.memberId ?? ""
    if (errorCode !== NONE) return this.#failed(errorCode)
    this.memberId = now.memberId ?? ""
    this.generationId = now.generationId ?? -1
    const isLeader = now.leader === this.memberId && now.skipAssignment !== true
    const ids = (isLeader ? (now.members ?? []) : []).map((member) => member.memberId ?? "")
    this.#sync(this.#assign(ids))
  }

  /** Round robin, marked with a number so that no two assignments are alike. */
  #assign(ids: ReadonlyArray<string>) {
    const mark = this.#run.nextMark()
    return ids.map((memberId, i) => {
      const own = Array.from({ length: partitionCount }, (_, p) => p)
      const partitions = own.filter((p) => p % ids.length === i)
      return { memberId, assignment: Buffer.from([mark >> 8, mark & 0xff, ...partitions]) }
    })
  }

  #sync(assignments: ReadonlyArray<{ memberId: string; assignment: Uint8Array }>): void {
    const { groupId, memberId, instanceId: groupInstanceId, generationId } = this
    const who = { groupId, memberId, groupInstanceId, generationId }
    this.syncing = this.#world.sync({ ...who, assignments })
    this.#run.opened(this.syncing)
  }

  #synced(): void {
    if (this.syncing?.isOpen !== false) return
    const { now } = this.syncing
    this.syncing = undefined
    if (now.errorCode !== NONE) return this.#failed(now.errorCode ?? NONE)
    this.owned = now.assignment ?? new Uint8Array(0)
    this.#run.assigned(this, this.owned)
  }

  #heartbeat(): void {
    const { groupId, memberId, instanceId: groupInstanceId, generationId } = this
    const answer = this.#world.heartbeat({ groupId, memberId, groupInstanceId, generationId })
    this.#run.opened(answer)
    if (answer.response !== undefined && answer.now.errorCode !== NONE) {
      this.#failed(answer.now.errorCode ?? NONE)
    }
  }

  #failed(errorCode: number): void {
    const isGone: ReadonlyArray<number> = [
      ErrorCode.UNKNOWN_MEMBER_ID,
      ErrorCode.FENCED_INSTANCE_ID,
    ]
    if (isGone.includes(errorCode)) this.memberId = ""
    this.#restart()
  }
}

interface Write {
  readonly groupId: string
  readonly partition: number
  readonly offset: number
  readonly generationId: number
  readonly answer: Committing
}

class Run {
  readonly world = new World({ groupInitialRebalanceDelayMs: 1_000 })
  readonly clients: ReadonlyArray<Client>
  readonly #opened: Array<{ readonly count: number }> = []
  readonly #writes: Array<Write> = []
  /** Group and generation → what each member was told. */
  readonly #told = new Map<string, Map<string, string>>()
  /** Group and partition → index into the writes of the newest that was seen. */
  readonly #seen = new Map<string, number>()
  #marks = 0

  constructor() {
    this.world.autoCommit = false
    this.world.addReplica()
    this.clients = [
      new Client(this, "g", null),
      new Client(this, "g", null),
      new Client(this, "g", "i"),
      new Client(this, "g", "j"),
      new Client(this, "h", null),
      new Client(this, "h", "i"),
    ]
  }

  nextMark(): number {
    return ++this.#marks
  }

  opened(answer: { readonly count: number }): void {
    this.#opened.push(answer)
  }

  wrote(write: Write): void {
    this.opened(write.answer)
    this.#writes.push(write)
  }

  assigned({ groupId, generationId, memberId, instanceId }: Client, bytes: Uint8Array): void {
    const key = `${groupId} ${generationId}`
    const told = this.#told.get(key) ?? new Map<string, string>()
    this.#told.set(key, told)
    // A static member's place goes on under its new id.
    const who = instanceId ?? memberId
    const text = Buffer.from(bytes).toString("hex")
    expect(told.get(who) ?? text).toBe(text)
    told.set(who, text)
    const partitions = [...told.values()].flatMap((one) => [...Buffer.from(one, "hex").subarray(2)])
    expect(new Set(partitions).size).toBe(partitions.length)
  }

  /** 3: what is read was written, and no earlier than what is known to be there. */
  readOffsets(): void {
    for (const groupId of ["g", "h"]) {
      for (let partition = 0; partition < partitionCount; partition++) {
        this.#readOffset(groupId, partition)
      }
    }
  }

  #readOffset(groupId: string, partition: number): void {
    const key = `${groupId} ${partition}`
    const read = this.world.fetched(groupId, "t", partition)
    const offset = read?.committedOffset ?? -1
    expect(read?.errorCode).toBe(NONE)
    const of = this.#writes.filter((one) => one.groupId === groupId && one.partition === partition)
    const acknowledged = of.findLastIndex(({ answer }) => errorOf(answer) === NONE)
    const found = of.findIndex((one) => one.offset === offset)
    // An unknown one lands no later than where it stands in the log: in order of the writes.
    expect(found).toBeGreaterThanOrEqual(Math.max(acknowledged, this.#seen.get(key) ?? -1))
    this.#seen.set(key, found)
  }

  check(): void {
    for (const { count } of this.#opened) expect(count).toBeLessThanOrEqual(1)
    const states = this.world.replicas.map(({ coordinator }) => hex(coordinator.encode()))
    expect(new Set(states).size).toBe(1)
  }

  /** 4: in the log each offset stands behind the generation that it was committed under. */
  checkLog(): void {
    const generations = new Map<string, number>()
    const acknowledged = this.#writes.filter(({ answer }) => errorOf(answer) === NONE)
    const byOffset = new Map(acknowledged.map((one) => [one.offset, one]))
    for (const record of this.world.log.flatMap((batch) => batch.records)) {
      const decoded = decodeRecord(record)
      if (decoded._tag === "GroupMetadata") {
        generations.set(decoded.key.group, decoded.value?.generation ?? 0)
      } else if (decoded._tag === "OffsetCommit") {
        const write = byOffset.get(decoded.value?.offset ?? -1)
        if (write !== undefined)
          expect(write.generationId).toBe(generations.get(write.groupId) ?? 0)
      }
    }
  }

  quiet(): void {
    const { world } = this
    world.autoCommit = true
    world.settle()
    for (let i = 0; i < 300; i++) {
      world.pass(500)
      for (const client of this.clients) client.step()
    }
    for (const { count } of this.#opened) expect(count).toBe(1)
    for (const client of this.clients) expect(client.isStable).toBe(true)
    for (const groupId of ["g", "h"]) {
      const { groupState } = world.coordinator.describeGroup(groupId, world.origin())
      expect(groupState).toBe("Stable")
      const of = this.clients.filter((client) => client.groupId === groupId)
      const owned = of.flatMap((client) => Array.from(client.owned?.slice(2) ?? []))
      expect(owned.toSorted((a, b) => a - b)).toEqual([0, 1, 2])
      expect(new Set(of.map(({ generationId }) => generationId)).size).toBe(1)
    }
  }
}

const errorOf = ({ response }: Committing): number | undefined =>
  response?.topics?.[0]?.partitions?.[0]?.errorCode

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

const client = fc.nat(5)
const action = fc.oneof(
  { weight: 12, arbitrary: fc.record({ _tag: fc.constant("step" as const), client }) },
  { weight: 8, arbitrary: fc.record({ _tag: fc.constant("commitLog" as const) }) },
  { weight: 4, arbitrary: fc.record({ _tag: fc.constant("pass" as const), ms: fc.nat(4_000) }) },
  {
    weight: 4,
    arbitrary: fc.record({ _tag: fc.constant("write" as const), client, partition: fc.nat(2) }),
  },
  { weight: 1, arbitrary: fc.record({ _tag: fc.constant("failAppend" as const) }) },
  { weight: 1, arbitrary: fc.record({ _tag: fc.constant("failOver" as const), to: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ _tag: fc.constant("crash" as const), client }) },
  { weight: 1, arbitrary: fc.record({ _tag: fc.constant("leave" as const), client }) },
)

type Action = typeof action extends fc.Arbitrary<infer A> ? A : never

const act = (run: Run, one: Action, i: number): void => {
  const { world, clients } = run
  switch (one._tag) {
    case "step":
      return clients[one.client]?.step()
    case "commitLog":
      return world.pending > 0 ? world.commitOne() : undefined
    case "pass":
      return world.pass(one.ms, 1_000)
    case "write":
      // Offsets tell the writes apart.
      return clients[one.client]?.commit(one.partition, i + 1)
    case "failAppend":
      return world.pending > 0 ? world.commitOne(ErrorCode.COORDINATOR_NOT_AVAILABLE) : undefined
    case "failOver": {
      const replica = world.replicas[one.to]
      return replica === undefined ? undefined : world.elect(replica)
    }
    case "crash":
      return clients[one.client]?.crash()
    case "leave":
      return clients[one.client]?.leave()
  }
}

test("random groups", () => {
  fc.assert(
    fc.property(fc.array(action, { minLength: 40, maxLength: 250, size: "max" }), (actions) => {
      const run = new Run()
      for (const [i, one] of actions.entries()) {
        act(run, one, i)
        run.readOffsets()
      }
      run.check()
      run.quiet()
      run.readOffsets()
      run.check()
      run.checkLog()
      const reader = run.world.addReplica().coordinator
      expect(hex(reader.encode())).toBe(hex(run.world.coordinator.encode()))
    }),
    { numRuns: 60 },
  )
}, 60_000)
