/**
 * Random histories: clients that retry until they are answered, a network that loses, repeats and
 * reorders, disks that lose what was not fsynced, leaders that change. What must hold is checked
 * all along, and again after the end, when everything is healed.
 */
import { expect } from "bun:test"
import { checkInvariants } from "../../raft/index.ts"
import type { LogIndex } from "../../raft/types.ts"
import type { GroupLog } from "../../storage/wal.ts"
import { ErrorCode } from "../../src/protocol/error-codes.ts"
import type { AppendReply, Partition } from "../../src/partition/partition.ts"
import { TestCluster } from "./cluster.ts"
import type { ClusterOptions, Produced } from "./cluster.ts"
import { consume, derivedState } from "./log-dump.ts"

export type Action =
  | { readonly _tag: "produce"; readonly client: number; readonly acks: -1 | 1 }
  | { readonly _tag: "turn"; readonly node: number }
  | { readonly _tag: "flush"; readonly node: number; readonly count: number }
  | { readonly _tag: "deliver"; readonly at: number; readonly how: "once" | "twice" | "lost" }
  | { readonly _tag: "settle" }
  | { readonly _tag: "tick"; readonly count: number }
  | { readonly _tag: "campaign"; readonly node: number }
  | { readonly _tag: "transfer"; readonly to: number }
  | { readonly _tag: "cut"; readonly from: number; readonly to: number }
  | { readonly _tag: "heal" }
  | { readonly _tag: "crash"; readonly node: number; readonly keep: number }
  | { readonly _tag: "restart" }
  | { readonly _tag: "suspect"; readonly by: number; readonly node: number }
  | { readonly _tag: "consume"; readonly node: number }
  /** Takes all but the last `behind` applied entries off a log. */
  | { readonly _tag: "cutLog"; readonly node: number; readonly behind: number }
  /** An entry rots; never on two disks at a time. */
  | { readonly _tag: "damage"; readonly node: number; readonly at: number }

/** An attempt to write `value`; an idempotent client repeats its oldest unanswered one. */
interface Attempt extends Produced {
  readonly value: string
  readonly acks: -1 | 1
  readonly client: number
}

/** Idempotent when its number is even. */
interface Client {
  readonly id: number
  sequence: number
  attempt: Attempt | undefined
}

const definite = new Set<number>([
  ErrorCode.NOT_LEADER_OR_FOLLOWER,
  ErrorCode.NOT_ENOUGH_REPLICAS,
  ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
])

export class History {
  readonly cluster: TestCluster
  readonly #clients: ReadonlyArray<Client>
  readonly #attempts: Array<Attempt> = []
  readonly #acked: Array<{ readonly attempt: Attempt; readonly reply: AppendReply }> = []
  /** What some consumer saw at an offset: nobody may ever see something else there. */
  readonly #seen = new Map<number, string>()
  readonly #watermarks = new Map<string, number>()
  readonly #served = new Map<number, number>()
  #values = 0

  constructor(options: ClusterOptions) {
    this.cluster = new TestCluster(options)
    this.#clients = [0, 1, 2, 3].map((id) => ({ id, sequence: 0, attempt: undefined }))
  }

  get acknowledged(): number {
    return this.#acked.length
  }

  run(actions: ReadonlyArray<Action>): void {
    this.cluster.elect(0)
    for (const action of actions) {
      this.#act(action)
      this.#check()
    }
    this.#finish()
  }

  #act(action: Action): void {
    const { cluster } = this
    const { nodes } = cluster
    switch (action._tag) {
      case "produce":
        return this.#produce(this.#clients[action.client]!, action.acks)
      case "turn":
        if (nodes[action.node]!.up) nodes[action.node]!.turn.run()
        return
      case "flush":
        if (nodes[action.node]!.up) nodes[action.node]!.wal.flush(action.count)
        return
      case "deliver":
        return this.#deliver(action)
      case "settle":
        return cluster.settle()
      case "tick":
        return cluster.tick(action.count)
      case "campaign":
        if (nodes[action.node]!.up) cluster.at(action.node).raftGroup.campaign("assigned")
        return
      case "transfer":
        cluster.leaderOf()?.raftGroup.transferLeadership(cluster.members[action.to]!)
        return
      case "cut":
        return cluster.cut(action.from, action.to)
      case "heal":
        return cluster.heal()
      case "crash":
        if (nodes[action.node]!.up) nodes[action.node]!.crash(action.keep)
        return
      case "restart":
        for (const node of nodes) if (!node.up) node.restart()
        return
      case "suspect":
        if (nodes[action.by]!.up) cluster.at(action.by).setSuspected(new Set([action.node]))
        return
      case "consume":
        if (nodes[action.node]!.up) this.#consume(cluster.at(action.node))
        return
      case "cutLog":
        if (nodes[action.node]!.up && !this.#isHurt()) {
          this.#cutLog(cluster.at(action.node), action.behind)
        }
        return
      case "damage":
        return this.#damage(action.node, action.at)
    }
  }

  #cutLog(partition: Partition, behind: number): void {
    this.#consume(partition)
    partition.cutTo(partition.raftGroup.appliedIndex - behind)
  }

  #damage(node: number, at: number): void {
    if (this.#isHurt()) return
    const { wal } = this.cluster.nodes[node]!
    const { firstIndex, lastIndex } = wal.log(1)
    const count = lastIndex - firstIndex + 1
    if (count > 0) wal.damage(1, firstIndex + (at % count))
  }

  /** Some disk has not been given back what it lost. */
  #isHurt(): boolean {
    return this.cluster.nodes.some(({ wal }) => {
      const log = wal.log(1)
      return log.hardState.standing !== "trusted" || damagedIndex(log) > 0
    })
  }

  /** As the scrub of a disk does in time: everything that is damaged is found. */
  #scrub(): void {
    for (const { id, wal } of this.cluster.nodes) {
      const index = damagedIndex(wal.log(1))
      if (index > 0) this.cluster.at(id).raftGroup.damaged(index, "scrubbed")
    }
  }

  #deliver({ at, how }: Extract<Action, { _tag: "deliver" }>): void {
    const { transit } = this.cluster
    if (transit.length === 0) return
    const index = at % transit.length
    if (how === "twice") transit.push(transit[index]!)
    if (how === "lost") transit.splice(index, 1)
    else this.cluster.deliver(index)
  }

  /**
   * acks=1 may lose what it acknowledged, and then every later sequence is a gap: idempotence asks
   * for all.
   */
  #produce(client: Client, asked: -1 | 1): void {
    const acks = client.id % 2 === 0 ? -1 : asked
    const leader = this.cluster.leaderOf() ?? this.cluster.nodes.find(({ up }) => up)
    if (leader === undefined) return
    const partition = "partitions" in leader ? leader.partitions.get(1)! : leader
    const { attempt } = client
    if (attempt !== undefined && !this.#mayGoOn(client, attempt)) return
    const value = client.attempt?.value ?? `${client.id}-${this.#values++}`
    const idempotent = client.id % 2 === 0
    const produced = this.cluster.produce(partition, {
      records: [{ value }, { value: `${value}+` }],
      acks,
      ...(idempotent ? { producerId: client.id, baseSequence: client.sequence } : {}),
    })
    client.attempt = { ...produced, value, acks, client: client.id }
    this.#attempts.push(client.attempt)
  }

  /** An answered attempt is counted; an idempotent client keeps a failed one to repeat it. */
  #mayGoOn(client: Client, attempt: Attempt): boolean {
    const reply = attempt.replies[0]
    if (reply === undefined) return false
    if (reply.errorCode === ErrorCode.NONE) {
      this.#acked.push({ attempt, reply })
      client.sequence += 2
      client.attempt = undefined
    } else if (client.id % 2 === 1) client.attempt = undefined
    return true
  }

  #consume(partition: Partition): void {
    for (const { offset, value } of consume(partition)) {
      const before = this.#seen.get(offset)
      if (before !== undefined) expect({ offset, value }).toEqual({ offset, value: before })
      this.#seen.set(offset, value)
    }
  }

  #check(): void {
    for (const node of this.cluster.nodes) {
      for (const partition of node.up ? node.partitions.values() : []) {
        checkInvariants(partition.raftGroup.node)
        const key = `${node.id}/${node.incarnation}`
        const { highWatermark, logEndOffset, readyToServe } = partition
        expect(highWatermark).toBeGreaterThanOrEqual(this.#watermarks.get(key) ?? 0)
        const { standing } = partition.raftGroup.node
        if (standing === "trusted") expect(highWatermark).toBeLessThanOrEqual(logEndOffset)
        this.#watermarks.set(key, highWatermark)
        if (readyToServe) this.#checkServed(partition)
      }
    }
    for (const { replies } of this.#attempts) expect(replies.length).toBeLessThanOrEqual(1)
  }

  /**
   * A leader that serves knows all that leaders of earlier epochs ever served; a deposed one may be
   * behind.
   */
  #checkServed({ leaderEpoch, highWatermark }: Partition): void {
    for (const [epoch, served] of this.#served) {
      if (epoch < leaderEpoch) expect(highWatermark).toBeGreaterThanOrEqual(served)
    }
    this.#served.set(leaderEpoch, Math.max(highWatermark, this.#served.get(leaderEpoch) ?? 0))
  }

  #finish(): void {
    const { cluster } = this
    cluster.heal()
    for (const node of cluster.nodes) if (!node.up) node.restart()
    for (const { id } of cluster.nodes) cluster.at(id).setSuspected(new Set())
    for (let i = 0; i < 10 && (i === 0 || this.#isHurt()); i++) {
      this.#scrub()
      cluster.tick(60)
    }
    expect(this.#isHurt()).toBe(false)
    const leader = cluster.leaderOf()!
    this.#retryAll(leader)
    cluster.tick(8)
    for (const { replies } of this.#attempts) expect(replies.length).toBe(1)
    this.#consume(leader)
    const values = Array.from({ length: leader.highWatermark }, (_, at) => this.#seen.get(at)!)
    this.#checkLog(values)
    this.#checkReplicas(leader)
    this.#checkRestart(leader)
  }

  #retryAll(leader: Partition): void {
    for (const client of this.#clients) {
      for (let i = 0; i < 10; i++) {
        const { attempt } = client
        if (attempt === undefined) break
        if (!this.#mayGoOn(client, attempt) || client.attempt === undefined) break
        this.#produce(client, -1)
        this.cluster.settle()
        const reply = client.attempt.replies[0]
        expect({ of: client.id, code: reply?.errorCode }).toEqual({ of: client.id, code: 0 })
      }
    }
    expect(leader.isLeader).toBe(true)
  }

  /** Acknowledged: there, at the offset that was told, once if idempotent. Refused: not there. */
  #checkLog(values: ReadonlyArray<string>): void {
    for (const { attempt, reply } of this.#acked) {
      if (attempt.acks === 1) continue
      expect(values.slice(reply.baseOffset, reply.baseOffset + 2)).toEqual([
        attempt.value,
        `${attempt.value}+`,
      ])
    }
    const count = new Map<string, number>()
    for (const value of values) count.set(value, (count.get(value) ?? 0) + 1)
    for (const [value, times] of count) expect({ value, times }).toEqual({ value, times: 1 })
    this.#checkRefused(new Set(values))
  }

  #checkRefused(values: ReadonlySet<string>): void {
    const tries = new Map<string, Array<Attempt>>()
    for (const attempt of this.#attempts) {
      const before = tries.get(attempt.value)
      if (before === undefined) tries.set(attempt.value, [attempt])
      else before.push(attempt)
    }
    for (const [value, attempts] of tries) {
      const refused = attempts.every(({ replies }) => definite.has(replies[0]!.errorCode))
      if (refused) expect(values.has(value)).toBe(false)
    }
  }

  #checkReplicas(leader: Partition): void {
    for (const { id } of this.cluster.nodes) {
      const replica = this.cluster.at(id)
      expect(replica.encode()).toEqual(leader.encode())
      const from = Math.max(replica.logStartOffset, leader.logStartOffset)
      expect(consume(replica, from)).toEqual(consume(leader, from))
      expect(replica.backlogBytes).toBe(0)
      expect(this.cluster.nodes[id]!.backlog.bytes).toBe(0)
    }
  }

  /** What was computed along the way is what the log alone says. */
  #checkRestart(leader: Partition): void {
    const before = derivedState(leader)
    const { logStartOffset } = leader
    for (const node of this.cluster.nodes) node.crash()
    for (const node of this.cluster.nodes) node.restart()
    this.cluster.tick(60)
    const next = this.cluster.leaderOf()!
    const after = derivedState(next)
    // The new leader's no-op begins an epoch at the end of the log; all else is as it was.
    const epochsOf = (state: typeof before) =>
      (state.epochs as ReadonlyArray<{ startOffset: number }>).filter(
        ({ startOffset }) => startOffset < before.highWatermark,
      )
    const { maxTimestamp, ...state } = { ...before, epochs: epochsOf(before) }
    expect({ ...after, epochs: epochsOf(after) }).toMatchObject(state)
    if (next.logStartOffset === logStartOffset) expect(after.maxTimestamp).toEqual(maxTimestamp)
  }
}

/** 0 = none. */
function damagedIndex(log: GroupLog): LogIndex {
  for (let index = log.firstIndex; index <= log.lastIndex; index++) {
    try {
      log.entries(index, index + 1, 0)
    } catch {
      return index
    }
  }
  return 0
}
