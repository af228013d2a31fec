/**
 * One process of a member that others wrote, recorded from outside: what begins is written before
 * it is asked, what ends after it has answered. It repeats requests out of sight, so what it was
 * refused may have been done all the same: then the outcome is unknown.
 */
import { nameOf } from "../../history/values.ts"
import type { Gate } from "../gate.ts"
import type { PartitionRef, Topic } from "../partition.ts"
import { partitionsOf } from "../partition.ts"
import { toldOf } from "./group-ports.ts"
import type { GroupPorts } from "./group-ports.ts"
import type { MemberProcess, PollAnswer, TellOwned } from "./member-process.ts"

export interface ForeignShape {
  readonly group: string
  readonly topics: ReadonlyArray<Topic>
  readonly protocol: "classic" | "consumer"
  /** Starts the process. */
  readonly command: ReadonlyArray<string>
  /** Commits carry no tag of their own: the client cannot set metadata. */
  readonly isUntagged: boolean
  readonly commitEveryMs: number
  /** On average; 0: it stays. */
  readonly lifeMs: number
  readonly crashPercent: number
}

const pollWaitMs = 200

const nameIn = (base64: string | null): string =>
  nameOf(base64 === null ? null : Buffer.from(base64, "base64"))

/** One process of a member. */
export class ForeignLife {
  operations = 0
  readonly #process: string
  readonly #shape: ForeignShape
  readonly #ports: GroupPorts
  readonly #child: MemberProcess
  /** Closed while the process stands still. */
  readonly #gate: Gate
  readonly #refs: ReadonlyMap<string, PartitionRef>
  /** Read and not committed: the next offset of each. */
  readonly #read = new Map<string, { readonly ref: PartitionRef; readonly offset: number }>()
  #owned: TellOwned = { member: "", generation: -1, partitions: [] }
  #committedMs: number
  #commits = 0

  constructor(
    process: string,
    shape: ForeignShape,
    ports: GroupPorts,
    child: MemberProcess,
    gate: Gate,
  ) {
    this.#gate = gate
    this.#process = process
    this.#shape = shape
    this.#ports = ports
    this.#child = child
    this.#committedMs = ports.clock.nowMs()
    this.#refs = new Map(
      shape.topics.flatMap((topic) =>
        partitionsOf(topic).map((ref) => [`${topic.name}/${ref.partition}`, ref] as const),
      ),
    )
  }

  async step(): Promise<void> {
    const { clock } = this.#ports
    const askedMs = clock.nowMs()
    const answer = await this.#child.poll(pollWaitMs)
    await this.#gate.opened()
    this.operations++
    if (answer === undefined) return
    if (answer.owned !== undefined) this.#owns(answer.owned, askedMs)
    this.#note(answer, askedMs)
    if (answer.error !== undefined && answer.error !== "") await clock.sleep(100)
    if (clock.nowMs() - this.#committedMs < this.#shape.commitEveryMs) return
    this.#committedMs = clock.nowMs()
    await this.#gate.opened()
    await this.#commit()
  }

  /** Before it leaves. */
  release(): void {
    const { group } = this.#shape
    const { member, partitions } = this.#owned
    const keys = partitions.flatMap(([topic, partition]) => this.#key(topic, partition))
    if (keys.length === 0) return
    const call = { f: "release" as const, group, member, partitions: keys }
    this.#ports.recorder.begin(this.#process, call).end(toldOf("ok", -1, -1))
  }

  #key(topic: string, partition: number): ReadonlyArray<string> {
    const ref = this.#refs.get(`${topic}/${partition}`)
    return ref === undefined ? [] : [ref.key]
  }

  #owns(owned: TellOwned, askedMs: number): void {
    const { group, protocol } = this.#shape
    this.#owned = owned
    const { member, generation } = owned
    const partitions = owned.partitions.flatMap(([topic, partition]) => this.#key(topic, partition))
    const kept = new Set(partitions)
    for (const key of this.#read.keys()) if (!kept.has(key)) this.#read.delete(key)
    const call = { f: "assign" as const, protocol, group, member, generation, partitions }
    this.#ports.recorder.begin(this.#process, call, askedMs).end(toldOf("ok", -1, -1))
  }

  #note({ records = [] }: PollAnswer, askedMs: number): void {
    const { recorder, tally } = this.#ports
    const { group } = this.#shape
    for (const [topic, partition, given] of records) {
      const ref = this.#refs.get(`${topic}/${partition}`)
      const last = given.at(-1)
      if (ref === undefined || last === undefined) continue
      const seen = given.map(([offset, value]) => [offset, nameIn(value), -1] as const)
      const unknown = { from: -1, highWatermark: -1, logStartOffset: -1 }
      const call = { f: "poll" as const, partition: ref.key, group, ...unknown, records: [] }
      const operation = recorder.begin(this.#process, call, askedMs)
      operation.end(toldOf("ok", -1, -1), { f: "poll", records: seen })
      this.#read.set(ref.key, { ref, offset: last[0] + 1 })
      tally.saw(given.length)
    }
  }

  async #commit(): Promise<void> {
    const { recorder } = this.#ports
    const { group, isUntagged } = this.#shape
    const { member } = this.#owned
    const positions = [...this.#read.values()]
    if (positions.length === 0) return
    this.#read.clear()
    const begun = positions.map(({ ref, offset }) => {
      const tag = isUntagged ? "" : `${this.#process}.${this.#commits++}`
      const call = { group, partition: ref.key, offset, tag, member, generation: -1 }
      const operation = recorder.begin(this.#process, { f: "commit", ...call })
      return { ref, offset, tag, operation }
    })
    this.operations += begun.length
    const offsets = begun.map(
      ({ ref, offset, tag }) => [ref.topic.name, ref.partition, offset, tag] as const,
    )
    const answer = await this.#child.commit(offsets)
    const isDone = answer !== undefined && (answer.error ?? "") === ""
    const error = answer === undefined ? "CRASHED" : (answer.error ?? "").slice(0, 100)
    const told = isDone ? toldOf("ok", -1, -1) : toldOf("info", -1, -1, error)
    const as = { member: answer?.member ?? member, generation: answer?.generation ?? -1 }
    for (const { operation } of begun) operation.end(told, isDone ? { f: "commit", ...as } : {})
    // It may read on without having committed: what it has read is committed with the next.
  }
}
