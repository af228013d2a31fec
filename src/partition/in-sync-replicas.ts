/**
 * Which replicas count as in sync, as the leader of a term sees it. Reported to clients and used
 * for min.insync.replicas; never for commit, which is Raft's alone.
 *
 * - out at once when its node is suspected (not heard from), or speaks from another disk;
 * - out when it has not been caught up for replica.lag.time.max.ms: "caught up at t" means that it
 *   now holds all that the leader's log held at t;
 * - in again when it holds everything committed, this term's no-op included, and its node is not
 *   suspected;
 * - at the start of a term: the last reported set less the suspected nodes (nobody has answered
 *   yet).
 *
 * Witnesses and learners are never in it. The leader always is.
 */
import type { Configuration, LogIndex, MemberId } from "../../raft/types.ts"

/** The leader's log as far as the ISR depends on it. */
export interface LeaderView {
  readonly configuration: Configuration
  readonly lastIndex: LogIndex
  readonly commitIndex: LogIndex
  readonly noopIndex: LogIndex
  matchIndex(member: MemberId): LogIndex
}

interface Replica {
  readonly member: MemberId
  readonly node: number
  inSync: boolean
  /** −1 until the first tick of the term. */
  caughtUpMs: number
  /** The leader's log end at markMs; when the replica reaches it, it was caught up at markMs. */
  markIndex: LogIndex
  markMs: number
}

export class InSyncReplicas {
  readonly #self: MemberId
  readonly #nodeOf: (member: MemberId) => number
  #replicas: Array<Replica> = []
  #configuration: Configuration | null = null
  #suspected: ReadonlySet<number> = new Set()
  #heardAs: ReadonlyMap<number, MemberId> = new Map()
  #reported: ReadonlySet<number> | null = null
  /** The order in which nodes are listed: the replicas', preferred leader first. */
  readonly #order: ReadonlyArray<number>
  #nodes: ReadonlyArray<number>
  /**
   * Log end that every replica in the set holds: until it moves there is no lag to compute. −1 =
   * not settled.
   */
  #settledIndex: LogIndex = -1

  /** Until this node has led, all `members` are said to be in sync. */
  constructor(
    self: MemberId,
    members: ReadonlyArray<MemberId>,
    nodeOf: (member: MemberId) => number,
  ) {
    this.#self = self
    this.#nodeOf = nodeOf
    this.#order = members.map(nodeOf)
    this.#nodes = this.#order
  }

  /** Node ids, the leader's among them. The same array until it changes. */
  get nodes(): ReadonlyArray<number> {
    return this.#nodes
  }

  /** Data replicas of the configuration, the leader included. */
  get replicaCount(): number {
    return this.#replicas.length + 1
  }

  /** What the leader of an earlier term last reported: where this node begins if elected. */
  setReported(nodes: ReadonlyArray<number>): void {
    this.#reported = new Set(nodes)
  }

  /** `heardAs`: the member that a node speaks as; what it held on another disk is gone. */
  setSuspected(nodes: ReadonlySet<number>, heardAs: ReadonlyMap<number, MemberId>): void {
    this.#suspected = nodes
    this.#heardAs = heardAs
  }

  /** A term as leader begins. */
  begin(view: LeaderView): void {
    this.#replicas = []
    this.#adopt(view.configuration, (node) => this.#reported?.has(node) ?? true)
    this.#settledIndex = -1
    this.#publish()
  }

  /** After acknowledgements, commits, suspicions, a new configuration; true: the set changed. */
  refresh(view: LeaderView): boolean {
    if (view.configuration !== this.#configuration) this.#adopt(view.configuration, () => false)
    let changed = false
    for (const replica of this.#replicas) {
      const inSync = this.#belongs(replica, view)
      if (inSync === replica.inSync) continue
      replica.inSync = inSync
      replica.caughtUpMs = -1
      changed = true
    }
    if (changed) this.#settledIndex = -1
    return changed && this.#publish()
  }

  /** Lag in time; cheap for a group in which nothing happens. True when the set changed. */
  tick(view: LeaderView, nowMs: number, lagTimeMaxMs: number): boolean {
    // A new configuration is an entry: it moves the log end too.
    if (this.#settledIndex === view.lastIndex) return false
    if (view.configuration !== this.#configuration) this.#adopt(view.configuration, () => false)
    const wasSettled = this.#settledIndex >= 0
    let settled = true
    let changed = false
    for (const replica of this.#replicas) {
      if (!replica.inSync) continue
      const match = view.matchIndex(replica.member)
      // Settled until some moment since the last tick: caught up then, at worst one tick too
      // generous.
      if (wasSettled) replica.caughtUpMs = nowMs
      observe(replica, match, view.lastIndex, nowMs)
      if (nowMs - replica.caughtUpMs > lagTimeMaxMs) {
        replica.inSync = false
        changed = true
      }
      settled &&= match >= view.lastIndex
    }
    this.#settledIndex = settled ? view.lastIndex : -1
    return changed && this.#publish()
  }

  /** The greatest index that `count` in-sync replicas hold durably; −1 when fewer are in sync. */
  heldIndex(view: LeaderView, count: number): LogIndex {
    const held = [view.matchIndex(this.#self)]
    for (const replica of this.#replicas) {
      if (replica.inSync) held.push(view.matchIndex(replica.member))
    }
    held.sort((a, b) => b - a)
    return held[count - 1] ?? -1
  }

  #belongs(replica: Replica, view: LeaderView): boolean {
    if (this.#absent(replica.member, replica.node)) return false
    if (replica.inSync) return true
    const match = view.matchIndex(replica.member)
    return match >= view.commitIndex && match >= view.noopIndex
  }

  #absent(member: MemberId, node: number): boolean {
    return this.#suspected.has(node) || (this.#heardAs.get(node) ?? member) !== member
  }

  #adopt(configuration: Configuration, startsInSync: (node: number) => boolean): void {
    const before = new Map(this.#replicas.map((replica) => [replica.member, replica]))
    const members = configuration.voters.filter(
      (member) => member !== this.#self && !configuration.witnesses.includes(member),
    )
    this.#replicas = members.map((member) => {
      const node = this.#nodeOf(member)
      const inSync = startsInSync(node) && !this.#absent(member, node)
      return (
        before.get(member) ?? { member, node, inSync, caughtUpMs: -1, markIndex: 0, markMs: -1 }
      )
    })
    for (const replica of this.#replicas) replica.caughtUpMs = -1
    this.#configuration = configuration
    this.#settledIndex = -1
  }

  #publish(): true {
    const nodes = new Set([this.#nodeOf(this.#self)])
    for (const replica of this.#replicas) if (replica.inSync) nodes.add(replica.node)
    const listed = this.#order.filter((node) => nodes.delete(node))
    this.#nodes = [...listed, ...nodes]
    return true
  }
}

function observe(replica: Replica, match: LogIndex, lastIndex: LogIndex, nowMs: number): void {
  if (match >= lastIndex || replica.caughtUpMs < 0) replica.caughtUpMs = nowMs
  if (match < replica.markIndex) return
  if (replica.markMs > replica.caughtUpMs) replica.caughtUpMs = replica.markMs
  replica.markIndex = lastIndex
  replica.markMs = nowMs
}
