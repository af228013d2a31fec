/**
 * What is done about a damaged entry (VERIFICATION D0, D4). It ends a member's trust in its own
 * log: as soon as somebody else leads, everything from that entry on is forgotten and the group
 * begins anew as a recovering member, which the leader fills up. A leader hands over first; a group
 * that nobody else holds goes on with what can be read.
 */
import type { RaftNode } from "../../raft/index.ts"
import type { LogIndex, MemberId } from "../../raft/types.ts"
import { CorruptEntry } from "../../storage/wal.ts"
import type { GroupLog } from "../../storage/wal.ts"

type Log = (level: "warn" | "error", line: string) => void

/** A leader with a damaged entry offers the leadership once in so many ticks. */
const offerTicks = 40

/** Some other voter keeps whole entries. */
export function othersHold(node: RaftNode): boolean {
  const { voters, votersOutgoing, witnesses } = node.configuration
  const others = [...voters, ...votersOutgoing].filter((member) => member !== node.id)
  return others.some((member) => !witnesses.includes(member))
}

export class Damage {
  readonly #log: GroupLog
  readonly #say: Log
  /** The lowest damaged entry; 0 = none. */
  #from: LogIndex = 0
  #broken = false
  #ticksToOffer = 0

  constructor(log: GroupLog, say: Log) {
    this.#log = log
    this.#say = say
  }

  get any(): boolean {
    return this.#from > 0
  }

  /** The node threw in the middle of something: it must not be asked any more. */
  get broken(): boolean {
    return this.#broken
  }

  /** True when it is news. */
  found(index: LogIndex, what: string, node: RaftNode): boolean {
    if (this.any && this.#from <= index) return false
    this.#from = index
    const end = othersHold(node) ? "" : "; nobody else holds it: it is lost"
    this.#say("error", `entry ${index} is damaged: ${what}${end}`)
    return true
  }

  /** Of something that can be done without; undefined: it met damage. */
  meeting<T>(node: RaftNode, read: () => T): T | undefined {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof CorruptEntry)) throw error
      this.found(error.index, error.message, node)
      return undefined
    }
  }

  nodeBroke(index: LogIndex, what: string, node: RaftNode): void {
    this.found(index, what, node)
    this.#broken = true
  }

  /**
   * Once per turn while there is damage: from where on the log is to be forgotten now; 0 = not yet,
   * or not at all.
   */
  forgetFrom(node: RaftNode): LogIndex {
    if (!this.any) return 0
    const { cut, lastIndex } = this.#log
    const gone = this.#from <= cut.index || this.#from > lastIndex
    if (!this.#broken) {
      if (gone) this.#from = 0
      if (gone || !othersHold(node)) return 0
      if (node.role === "leader") this.#offerLeadership(node)
      if (node.role === "leader" || node.leaderId === null) return 0
    }
    const from = Math.max(this.#from, cut.index + 1)
    this.#from = 0
    this.#broken = false
    this.#say("warn", `forgets its entries from ${from} on and waits for the leader's copies`)
    return from
  }

  #offerLeadership(node: RaftNode): void {
    if (this.#ticksToOffer-- > 0) return
    this.#ticksToOffer = offerTicks
    const { voters, witnesses } = node.configuration
    const match = (member: MemberId) => node.progress(member)?.matchIndex ?? 0
    const [target] = voters
      .filter((member) => member !== node.id && !witnesses.includes(member))
      .sort((a, b) => match(b) - match(a))
    if (target !== undefined) node.transferLeadership(target)
  }
}
