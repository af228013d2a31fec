/**
 * A member of a group that speaks the protocol itself, so that joins, generations and refusals are
 * known exactly. It lives many lives: each ends by a crash (its connections break, nobody is told)
 * or by leaving, some seconds later it comes back under another name.
 */
import type { Prng } from "../../../../raft/prng.ts"
import type { ClientControl } from "../../workload.ts"
import type { Recorder } from "../../history/recorder.ts"
import { Gate } from "../gate.ts"
import type { PartitionRef, Topic } from "../partition.ts"
import { partitionsOf } from "../partition.ts"
import { CoordinatorLink } from "./coordinator-link.ts"
import { GroupReader } from "./group-reader.ts"
import type { GroupPorts } from "./group-ports.ts"
import { Links } from "../raw/links.ts"
import { RawClient } from "../raw/raw-client.ts"

export interface MemberShape {
  readonly group: string
  readonly topics: ReadonlyArray<Topic>
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly heartbeatMs: number
  readonly commitEveryMs: number
  /** On average, before it crashes or leaves; 0: it stays. */
  readonly lifeMs: number
  /** Of 100 lives so many end by a crash. */
  readonly crashPercent: number
}

/** How a life goes in one of the protocols. */
export interface GroupProtocol {
  /** Highest version of OffsetCommit that members of it use, topic names or ids. */
  readonly commitVersionMax: number
  /** Joins and works until `life.signal` aborts, then resolves. */
  live(life: Life): Promise<void>
  /** Says good-bye, if the life is that of a member. */
  leave(life: Life): Promise<void>
}

export class Life {
  /** In the history. */
  readonly process: string
  readonly shape: MemberShape
  readonly ports: GroupPorts
  readonly chance: Prng
  readonly signal: AbortSignal
  readonly gate: Gate
  readonly coordinator: CoordinatorLink
  readonly reader: GroupReader
  /** "" before the coordinator or the member has given one. */
  memberId = ""
  /** −1 or 0: outside the group. */
  generation = -1
  #isClosed = false
  readonly #links: Links
  readonly #client: RawClient
  readonly #refs: ReadonlyMap<string, PartitionRef>

  constructor(
    process: string,
    shape: MemberShape,
    ports: GroupPorts,
    chance: Prng,
    gate: Gate,
    signal: AbortSignal,
    commitVersionMax: number,
  ) {
    this.process = process
    this.shape = shape
    this.ports = ports
    this.chance = chance
    this.gate = gate
    this.signal = signal
    // A JoinGroup may stay unanswered for long: nothing is to wait behind it.
    this.#links = new Links(ports.connect, ports.connections)
    this.#client = new RawClient(process, ports, gate)
    const first = chance.below(ports.nodes.length)
    this.coordinator = new CoordinatorLink(this.#links, ports.nodes, shape.group, first, gate)
    const caller = { process, ports, link: this.coordinator }
    this.reader = new GroupReader(caller, this.#client, commitVersionMax)
    this.#refs = new Map(
      shape.topics.flatMap((topic) =>
        partitionsOf(topic).flatMap((ref) => [
          [`${topic.name}/${ref.partition}`, ref] as const,
          [`${topic.id}/${ref.partition}`, ref] as const,
        ]),
      ),
    )
  }

  get isOver(): boolean {
    return this.signal.aborted
  }

  /** Undefined for a partition that no topic of the workload has. */
  refOf(topicNameOrId: string, partition: number): PartitionRef | undefined {
    return this.#refs.get(`${topicNameOrId}/${partition}`)
  }

  /** Up to the end of the life, and not while it stands still. */
  async rest(ms: number): Promise<void> {
    if (!this.isOver) await this.ports.clock.sleep(ms, this.signal).catch(() => undefined)
    await this.gate.opened()
  }

  /** Its connections are broken: nobody will hear of what it does now. */
  readonly isCrashed = (): boolean => this.#isClosed

  close(): void {
    this.#isClosed = true
    this.#links.close()
    this.#client.dispose()
  }
}

const leaveTimeoutMs = 3000

/** Whoever wrote it. */
export interface Member extends ClientControl {
  start(): void
  /** From here on it neither crashes nor leaves by itself. */
  settle(): void
  /** Begins another life. */
  renew(): void
  /** Leaves its group, as far as somebody takes note, and ends. */
  stop(): Promise<void>
  /** Ends at once. */
  dispose(): Promise<void>
}

export class RawMember implements Member {
  readonly name: string
  readonly role = "member"
  readonly pid = undefined
  readonly #shape: MemberShape
  readonly #ports: GroupPorts
  readonly #protocol: GroupProtocol
  readonly #chance: Prng
  readonly #gate = new Gate()
  readonly #over = new AbortController()
  #operations = 0
  #isSettled = false
  #isLeaving = true
  #life: AbortController | undefined
  #current: Life | undefined
  #running: Promise<void> = Promise.resolve()

  /** `name`: of the member within its group. */
  constructor(
    name: string,
    shape: MemberShape,
    ports: GroupPorts,
    protocol: GroupProtocol,
    chance: Prng,
  ) {
    this.name = `${shape.group}.${name}`
    this.#shape = shape
    const recorder: Recorder = {
      begin: (process, call, atMs) => {
        this.#operations++
        return ports.recorder.begin(process, call, atMs)
      },
    }
    this.#ports = { ...ports, recorder }
    this.#protocol = protocol
    this.#chance = chance
  }

  get operations(): number {
    return this.#operations
  }

  start(): void {
    this.#running = this.#run()
  }

  pause(): void {
    this.#gate.pause()
  }

  resume(): void {
    this.#gate.resume()
  }

  settle(): void {
    this.#isSettled = true
  }

  /** Its connections break, and it comes back. */
  renew(): void {
    this.#life?.abort()
  }

  /** Leaves its group. */
  async stop(): Promise<void> {
    this.#over.abort()
    this.#life?.abort()
    this.#gate.resume()
    await this.#running
  }

  dispose(): Promise<void> {
    this.#isLeaving = false
    const ended = this.stop()
    this.#current?.close()
    return ended
  }

  async #run(): Promise<void> {
    const { signal } = this.#over
    const { clock, log } = this.#ports
    for (let number = 1; !signal.aborted; number++) {
      await this.#gate.opened()
      await this.#live(number).catch((error: unknown) => log(`${this.name}: ${String(error)}`))
      const pauseMs = 200 + this.#chance.below(this.#shape.sessionTimeoutMs)
      await clock.sleep(pauseMs, signal).catch(() => undefined)
    }
  }

  async #live(number: number): Promise<void> {
    const controller = new AbortController()
    this.#life = controller
    const { signal } = controller
    const process = `${this.name}.${number}`
    const life = new Life(
      process,
      this.#shape,
      this.#ports,
      this.#chance,
      this.#gate,
      signal,
      this.#protocol.commitVersionMax,
    )
    this.#current = life
    const fate = this.#schedule(controller, life)
    try {
      await this.#protocol.live(life)
      if (!this.#isLeaving || (fate.crashes && !this.#over.signal.aborted)) return
      const late = this.#ports.clock.sleep(leaveTimeoutMs)
      await Promise.race([this.#protocol.leave(life), late])
    } finally {
      this.#current = undefined
      clearTimeout(fate.timer)
      life.close()
    }
  }

  /** A crash breaks the connections at once: what is under way then, nobody knows. */
  #schedule(controller: AbortController, life: Life) {
    const { lifeMs, crashPercent } = this.#shape
    const crashes = this.#chance.below(100) < crashPercent
    if (lifeMs === 0) return { crashes, timer: undefined }
    const ms = lifeMs / 2 + this.#chance.below(lifeMs)
    const timer = setTimeout(() => {
      if (this.#isSettled || !this.#gate.isOpen) return
      controller.abort()
      if (crashes) life.close()
    }, ms)
    return { crashes, timer }
  }
}
