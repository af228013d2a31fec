/**
 * Valid histories as real clients leave them behind, from a seed: one partition, producers of every
 * make, consumers that tell much and little, a group, retention, dumps of three replicas.
 */
import type { Prng } from "../../../raft/prng.ts"
import { stream } from "../../../raft/prng.ts"
import type {
  Append,
  Call,
  Mutable,
  Operation,
  Poll,
  SeenRecord,
  Told,
} from "../../../src/chaos/history/history.ts"
import { ordered } from "../../../src/chaos/history/time-order.ts"

export const partition = "t#0123abcd/0"

export type Changed = Array<Mutable<Operation>>

interface Maker {
  readonly process: string
  readonly acks: -1 | 1
  /** 0: not idempotent, and duplicates out of sight. */
  readonly producer: number
  readonly tellsOffset: boolean
  sequence: number
}

class Cluster {
  readonly operations: Changed = []
  readonly #chance: Prng
  /** Committed: what is in it stays. */
  readonly log: Array<SeenRecord> = []
  readonly #makers: ReadonlyArray<Maker> = [
    { process: "raw-producer-0.0", acks: -1, producer: 7, tellsOffset: true, sequence: 0 },
    { process: "raw-producer-1.0", acks: -1, producer: 8, tellsOffset: true, sequence: 0 },
    { process: "confluent-producer-0.0", acks: -1, producer: -2, tellsOffset: false, sequence: 0 },
    { process: "kafkajs-producer-0.0", acks: -1, producer: 0, tellsOffset: true, sequence: 0 },
    { process: "platformatic-producer-0.0", acks: 1, producer: 0, tellsOffset: true, sequence: 0 },
  ]
  readonly #reached = new Map<string, number>()
  #nowMs = 1000
  #epoch = 1
  #values = 0
  #commits = 0
  #committed: readonly [offset: number, tag: string] = [-1, ""]

  constructor(seed: number) {
    this.#chance = stream(seed, "history")
  }

  run(steps: number): void {
    for (let i = 0; i < steps; i++) {
      this.#nowMs += 1 + this.#chance.below(8)
      const kind = this.#chance.below(20)
      if (kind < 9) this.#append()
      else if (kind < 12) this.#rawRead()
      else if (kind < 14) this.#foreignRead()
      else if (kind < 17) this.#groupRead()
      else if (kind < 18) this.#latest()
      else if (kind === 18) this.#committedRead()
      else this.#epoch++
    }
    this.#nowMs += 100
    while ((this.#reached.get("kcat-consumer-0.0") ?? 0) < this.log.length) this.#foreignRead()
    this.#drain()
  }

  #add(process: string, call: Call, told: Partial<Told> = {}): void {
    const invokedMs = this.#nowMs - this.#chance.below(4) - 1
    const returnedMs = this.#nowMs + this.#chance.below(4) + 1
    this.operations.push({
      id: this.operations.length,
      process,
      invoked: -1,
      returned: Infinity,
      invokedMs,
      returnedMs,
      outcome: "ok",
      node: this.#chance.below(3),
      connection: this.#epoch,
      attempts: 1,
      error: "",
      ...call,
      ...told,
    })
  }

  #append(): void {
    const maker = this.#makers[this.#chance.below(this.#makers.length)]
    if (maker === undefined) return
    const values = Array.from(
      { length: maker.producer > 0 ? 1 + this.#chance.below(2) : 1 },
      () => `v${this.#values++}`,
    )
    const fate = this.#chance.below(10)
    const baseSequence = maker.sequence
    const call: Append = {
      f: "append",
      partition,
      values,
      acks: maker.acks,
      producer: maker.producer === 0 ? null : { id: maker.producer, epoch: 0, baseSequence },
      ...(maker.producer === 0 && { duplicates: "allowed" as const }),
      timestampMs: this.#nowMs,
      offset: -1,
    }
    if (fate === 0) {
      this.#add(maker.process, call, { outcome: "fail", error: "NOT_LEADER_OR_FOLLOWER" })
      return
    }
    maker.sequence += values.length
    // Acknowledged by a leader alone that dies right then.
    const isLost = maker.acks === 1 && fate === 1
    const offset = this.log.length
    if (fate !== 2 && !isLost) this.#write(values)
    if (fate > 4 && maker.producer === 0 && !isLost && this.#chance.below(3) === 0)
      this.#write(values)
    if (fate === 2 || fate === 3) this.#add(maker.process, call, { outcome: "info", error: "late" })
    else this.#add(maker.process, { ...call, offset: maker.tellsOffset ? offset : -1 })
  }

  #write(values: ReadonlyArray<string>): void {
    for (const value of values) this.log.push([this.log.length, value, this.#epoch])
  }

  #poll(process: string, from: number, told: Partial<Poll>, epochs: boolean): void {
    // One process does one thing after the other.
    this.#nowMs += 10
    const count = 1 + this.#chance.below(4)
    const records = this.log
      .slice(from, from + count)
      .map(([offset, value, epoch]): SeenRecord => [offset, value, epochs ? epoch : -1])
    const answer = { f: "poll", partition, records, highWatermark: -1, logStartOffset: -1 } as const
    this.#add(process, { ...answer, from: -1, ...told })
    this.#reached.set(process, from + records.length)
  }

  #rawRead(): void {
    const process = "raw-consumer-0.0"
    const isJump = this.#chance.below(4) === 0
    const from = isJump
      ? this.#chance.below(this.log.length + 1)
      : (this.#reached.get(process) ?? 0)
    const told = { from, highWatermark: this.log.length, logStartOffset: 0 }
    this.#poll(process, from, told, true)
  }

  #foreignRead(): void {
    const process = "kcat-consumer-0.0"
    this.#poll(process, this.#reached.get(process) ?? 0, {}, false)
  }

  /** Two members, each going on where the group has committed. */
  #groupRead(): void {
    const process = `kafkajs-member-${this.#chance.below(2)}`
    const from = Math.max(0, this.#committed[0])
    this.#poll(process, from, { group: "g" }, false)
    const offset = this.#reached.get(process) ?? 0
    this.#nowMs += 10
    const tag = `tag${this.#commits++}`
    const call = { f: "commit", group: "g", partition, offset, tag } as const
    this.#add(process, { ...call, member: process, generation: -1 })
    this.#committed = [offset, tag]
    this.#nowMs += 10
  }

  #committedRead(): void {
    const [offset, tag] = this.#committed
    this.#nowMs += 10
    this.#add("harness", { f: "committed", group: "g", partition, offset, tag })
    this.#nowMs += 10
  }

  #latest(): void {
    const offset = this.log.length
    this.#add("raw-admin", { f: "list", partition, at: -1, offset, timestampMs: -1, epoch: -1 })
  }

  #drain(): void {
    const cut = this.#chance.below(1 + Math.floor(this.log.length / 4))
    for (const node of [0, 1, 2]) {
      const logStartOffset = node === 0 ? cut : Math.max(0, cut - this.#chance.below(3))
      const records = this.log.slice(logStartOffset)
      const { length: highWatermark } = this.log
      const call = { f: "drain", partition, records, highWatermark, logStartOffset } as const
      this.#nowMs += 10
      this.#add(`harness-drain-${node}`, call, { node })
    }
  }
}

export function realHistory(seed: number): Changed {
  const cluster = new Cluster(seed)
  cluster.run(120)
  return cluster.operations
}

/** With the order that their times make. */
export const told = (operations: Changed): ReadonlyArray<Operation> => ordered(operations)
