/** A node on its disk, driven by hand: take a Ready, sync its commits, crash, restart. */
import type {
  Configuration,
  Entry,
  HardState,
  LogIndex,
  MemberId,
  Message,
  PersistToken,
  Proposal,
  RaftConfig,
  Ready,
  Snapshot,
  Term,
} from "../../../raft/index.ts"
import { RaftNode, checkInvariants, emptyHardState, sealEntry } from "../../../raft/index.ts"
import { Disk } from "./disk.ts"
import { Machine } from "./machine.ts"

export const defaults = {
  electionTicks: 12,
  heartbeatTicks: 4,
  quiesceTicks: 0,
  commitNoticeTicks: 0,
  appendBytesMax: 1 << 20,
  inflightMessagesMax: 64,
  inflightBytesMax: 1 << 22,
  snapshotChunkBytes: 16,
  snapshotBytesMax: 1 << 10,
}
export type Settings = typeof defaults
export const settingNames = [
  "electionTicks",
  "heartbeatTicks",
  "quiesceTicks",
  "commitNoticeTicks",
  "appendBytesMax",
  "inflightMessagesMax",
  "inflightBytesMax",
  "snapshotChunkBytes",
  "snapshotBytesMax",
] as const satisfies ReadonlyArray<keyof Settings>

export const configurationOf = (parts: Partial<Configuration>): Configuration => ({
  voters: [],
  votersOutgoing: [],
  learners: [],
  learnersNext: [],
  witnesses: [],
  ...parts,
})

/** By name: w1, w2 … */
export const isWitness = (id: MemberId): boolean => id.startsWith("w")

interface Unsynced {
  readonly token: PersistToken
  readonly afterPersist: ReadonlyArray<Message>
}

export class Member {
  readonly config: RaftConfig
  readonly disk = new Disk()
  node: RaftNode
  readonly machine = new Machine()
  /** Null: a commit of the host alone. */
  readonly #unsynced: Array<Unsynced | null> = []
  up = true
  constructor(
    id: MemberId,
    bootstrap: Configuration,
    seed: number,
    settings: Partial<Settings> = {},
  ) {
    this.config = { ...defaults, ...settings, id, bootstrap, seed, keepsPayloads: !isWitness(id) }
    this.node = this.#open()
  }

  get id(): MemberId {
    return this.config.id
  }
  state(): HardState {
    const { term, votedFor, acceptedTerm, standing, log } = this.node.state
    return { term, votedFor, acceptedTerm, standing, commitIndex: log.commitIndex }
  }
  get unsyncedCount(): number {
    return this.#unsynced.length
  }

  #open(): RaftNode {
    const { cut, state } = this.disk
    if (!this.isWitness) this.machine.restore({ cut, state })
    return new RaftNode(this.config, this.disk.hardState, this.disk)
  }

  /** One Ready: its commit is taken over, not synced. */
  take(): Ready {
    const ready = this.node.ready()
    if (ready.token !== null) {
      this.disk.take(ready)
      this.#unsynced.push({ token: ready.token, afterPersist: ready.afterPersist })
    }
    this.#apply(ready)
    if (ready.committed.hi > ready.committed.lo) this.node.applied(ready.committed.hi - 1)
    checkInvariants(this.node)
    return ready
  }

  /** A witness has no machine: it could not read what it has. */
  get isWitness(): boolean {
    return isWitness(this.id)
  }

  #apply({ snapshot, committed }: Ready): void {
    if (this.isWitness) return
    if (snapshot !== null) this.machine.restore(snapshot)
    for (const entry of this.disk.entries(committed.lo, committed.hi, Number.MAX_VALUE)) {
      this.machine.apply(entry)
    }
  }

  /** The host forgets everything up to `index`, which it has applied. */
  cut(index: LogIndex): void {
    const snapshot = { cut: this.disk.cutAt(index), state: this.machine.stateAt(index) }
    this.disk.write({ snapshot, entries: [], hardState: null })
    this.#unsynced.push(null)
  }

  /** What a host gives to who needs it: the stored snapshot, or one of what is applied now. */
  snapshot(fresh: boolean): Snapshot {
    const { machine, disk } = this
    if (!fresh || machine.index === disk.cut.index) return { cut: disk.cut, state: disk.state }
    return { cut: disk.cutAt(machine.index), state: machine.stateAt(machine.index) }
  }

  /** The oldest commit becomes durable; returns what was waiting for it. */
  sync(): ReadonlyArray<Message> {
    const oldest = this.#unsynced.shift()
    if (oldest === undefined) return []
    this.disk.sync()
    if (oldest === null) return []
    const released = this.node.persisted(oldest.token) ? oldest.afterPersist : []
    checkInvariants(this.node)
    return released
  }

  step(message: Message): void {
    this.node.step(message)
    checkInvariants(this.node)
  }

  crash(): void {
    this.up = false
    this.#unsynced.length = 0
    this.disk.crash()
  }

  /** It was opened unclean, and only its peers can tell what it has lost. */
  get unasked(): boolean {
    return this.disk.lost.length > 0 && this.disk.durable.hardState.standing === "trusted"
  }

  /**
   * While down. "recovering": what was lost is known. "amnesiac": term and vote are lost, too.
   * "unknown": nobody has noticed, and peers are asked before it votes.
   */
  damage(index: LogIndex, as: "recovering" | "amnesiac" | "unknown"): void {
    const { commitIndex } = this.disk.hardState
    const hardState = {
      recovering: { standing: "recovering" },
      amnesiac: { standing: "amnesiac", term: this.lastTermBelow(index), votedFor: null },
      unknown: { commitIndex: Math.min(commitIndex, index - 1) },
    } as const
    const accepted = { acceptedTerm: this.lastTermBelow(index) }
    this.disk.damage(index, { ...accepted, ...hardState[as] })
  }

  private lastTermBelow(index: LogIndex): Term {
    const { disk } = this
    return disk.term(Math.min(index - 1, disk.lastIndex)) ?? disk.cut.term
  }

  restart(): void {
    this.up = true
    this.node = this.#open()
    this.node.holdVotes = this.unasked
  }

  /** Begins with a log whose entry i + 1 has terms[i], all durable. */
  seedLog(terms: ReadonlyArray<number>, hardState: Partial<HardState> = {}, payload = ""): void {
    const entries = terms.map((term, i) => dataEntry(term, i + 1, i, payload))
    const term = Math.max(0, ...terms)
    const whole = { ...emptyHardState, term, acceptedTerm: term, ...hardState }
    this.disk.write({ snapshot: null, entries, hardState: whole })
    this.disk.sync()
    this.node = this.#open()
  }
}

const text = new TextEncoder()

export const dataEntry = (term: number, index: number, offset: number, payload = ""): Entry =>
  sealEntry("data", term, index, 0, proposalAt(offset, payload))

export const proposalAt = (offset: number, payload = ""): Proposal => ({
  appendMs: 0,
  firstOffset: offset,
  lastOffset: offset,
  maxTimestamp: 0,
  producerId: -1,
  producerEpoch: -1,
  baseSequence: -1,
  payload: text.encode(payload),
})

export const propose = (node: RaftNode, payload = "") =>
  node.propose(proposalAt(node.lastOffset + 1, payload))
