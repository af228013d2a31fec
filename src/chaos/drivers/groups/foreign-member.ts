/**
 * A member that others wrote: a process that is asked to poll and to commit, recorded from outside.
 * What begins is written before the process is asked, what ends after it has answered; its
 * generation is known only where it tells it. It repeats requests out of sight, so what was refused
 * may have been done all the same: then the outcome is unknown.
 */
import type { Prng } from "../../../../raft/prng.ts"
import { nameOf } from "../../history/values.ts"
import { Gate } from "../gate.ts"
import type { PartitionRef, Topic } from "../partition.ts"
import { partitionsOf } from "../partition.ts"
import { toldOf } from "./group-ports.ts"
import type { GroupPorts } from "./group-ports.ts"
import { MemberProcess } from "./member-process.ts"
import type { Member } from "./raw-member.ts"
import type { PollAnswer, TellOwned } from "./member-process.ts"

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
/** No client of these keeps one waiting so long: it hangs, and is ended. */
const answerMs = 90_000
const leaveMs = 5000
const respawnMs = 1000
/** One that ended sooner than this has not got far: the next is begun later, and later. */
const shortMs = 3000
const respawnMsMax = 15_000

export class ForeignMember implements Member {
  readonly name: string
  readonly role = "member"
  readonly #shape: ForeignShape
  readonly #ports: GroupPorts
  readonly #chance: Prng
  readonly #over = new AbortController()
  #child: MemberProcess | undefined
  readonly #gate = new Gate()
  #isSettled = false
  /** The present process is killed on purpose. */
  #isKilled = false
  #operations = 0
  /** Of lives before this one. */
  #lived = 0
  #watched = -1
  #running: Promise<void> = Promise.resolve()

  constructor(name: string, shape: ForeignShape, ports: GroupPorts, chance: Prng) {
    this.name = `${shape.group}.${name}`
    this.#shape = shape
    this.#ports = ports
    this.#chance = chance
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  get operations(): number {
    return this.#operations
  }

  start(): void {
    this.#running = this.#run()
  }

  pause(): void {
    this.#gate.pause()
    this.#child?.signal("SIGSTOP")
  }

  resume(): void {
    this.#gate.resume()
    this.#child?.signal("SIGCONT")
  }

  settle(): void {
    this.#isSettled = true
  }

  /** Goes on as a new process: clients of others get stuck in ways of their own. */
  renew(): void {
    this.#isKilled = true
    this.#child?.kill()
  }

  /** Leaves its group, if it is not too slow for that. */
  async stop(): Promise<void> {
    this.#over.abort()
    this.resume()
    await this.#running
  }

  /** At once. */
  async dispose(): Promise<void> {
    this.#over.abort()
    this.#gate.resume()
    this.renew()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#over
    const { clock, log } = this.#ports
    let pauseMs = respawnMs
    for (let number = 1; !signal.aborted; number++) {
      await this.#gate.opened()
      const beganMs = clock.nowMs()
      try {
        await this.#live(number)
      } catch (error) {
        log(`${this.name}: ${String(error)}`)
      }
      const isShort = clock.nowMs() - beganMs < shortMs
      pauseMs = isShort ? Math.min(respawnMsMax, 2 * pauseMs) : respawnMs
      await clock.sleep(pauseMs, signal).catch(() => undefined)
    }
  }

  async #live(number: number): Promise<void> {
    const { lifeMs, crashPercent, command } = this.#shape
    const child = new MemberProcess(command)
    this.#child = child
    this.#isKilled = false
    const life = new ForeignLife(
      `${this.name}.${number}`,
      this.#shape,
      this.#ports,
      child,
      this.#gate,
    )
    const over = new AbortController()
    const crashes = this.#chance.below(100) < crashPercent
    const end = (): void => {
      if (this.#isSettled || !this.#gate.isOpen) return
      over.abort()
      // Whatever it is doing just then.
      if (crashes) this.renew()
    }
    const fate = lifeMs === 0 ? undefined : setTimeout(end, lifeMs / 2 + this.#chance.below(lifeMs))
    const watch = setInterval(() => this.#watch(life), answerMs)
    try {
      while (!this.#over.signal.aborted && !child.hasExited && !over.signal.aborted) {
        await life.step()
        this.#operations = life.operations + this.#lived
      }
      if (!child.hasExited && !this.#isKilled) {
        life.release()
        await child.leave(leaveMs)
      } else if (!this.#isKilled) this.#ports.log(`${this.name} ended by itself: ${child.tail}`)
    } finally {
      clearTimeout(fate)
      clearInterval(watch)
      this.#lived += life.operations
      child.kill()
      await child.exited
      this.#child = undefined
    }
  }

  /** A process that answers nothing hangs. */
  #watch(life: ForeignLife): void {
    if (life.operations === this.#watched && this.#gate.isOpen) this.renew()
    this.#watched = life.operations
  }
}

const nameIn = (base64: string | null): string =>
  nameOf(base64 === null ? null : Buffer.from(base64, "base64"))

/** One process of a member. */
class ForeignLife {
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
