/**
 * One member's log of one group, as the checks saw it being written: a second book beside the disk,
 * with a hash chain, so that two logs are compared at an index and not entry by entry.
 */
import type {
  EntryEnvelope,
  HardState,
  LogCut,
  LogIndex,
  MemberId,
  Term,
} from "../../../raft/types.ts"
import { emptyHardState, noCut } from "../../../raft/types.ts"
import type { CommitNumber, GroupId, GroupLog, GroupWrite } from "../../../storage/wal.ts"

/** Equal for equal logs up to an entry; different but for one pair in 2³² otherwise. */
export function chained(before: number, crc: number, index: LogIndex, term: Term): number {
  let hash = Math.imul(before ^ crc, 0x9e3779b1)
  hash = Math.imul(hash ^ (hash >>> 15) ^ index, 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13) ^ term, 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

interface Unsynced {
  readonly commit: CommitNumber
  /** Lowest index it wrote or took away; Infinity: none. */
  readonly from: LogIndex
  readonly hardState: HardState | undefined
}

export interface Acknowledged {
  readonly term: Term
  readonly index: LogIndex
}

export class GroupCopy {
  readonly group: GroupId
  readonly member: MemberId
  cut: LogCut = noCut
  /** Undefined: not known, as of a snapshot whose log nobody was seen to write. */
  #baseChain: number | undefined = 0
  #entries: Array<EntryEnvelope> = []
  #chains: Array<number> = []
  #unsynced: Array<Unsynced> = []
  durableHardState: HardState = emptyHardState
  /** A witness by the configuration that its node has, or as what its broker runs it. */
  isNamedWitness = false
  /** Entries that came without their payload: whoever sent them knew it for a witness. */
  #isStripped = false
  /** Highest that left this disk as a copy that counts. */
  acknowledged: Acknowledged = { term: 0, index: 0 }
  readonly votes = new Map<Term, MemberId>()
  /** A fault took or changed what was durable. */
  isDamaged = false

  constructor(group: GroupId, member: MemberId) {
    this.group = group
    this.member = member
  }

  get lastIndex(): LogIndex {
    return this.cut.index + this.#entries.length
  }

  /** Holds entries without payloads, so its checksums are its own. */
  get isWitness(): boolean {
    return this.isNamedWitness || this.#isStripped
  }

  entry(index: LogIndex): EntryEnvelope | undefined {
    return this.#entries[index - this.cut.index - 1]
  }

  term(index: LogIndex): Term | undefined {
    return index === this.cut.index ? this.cut.term : this.entry(index)?.term
  }

  chain(index: LogIndex): number | undefined {
    return index === this.cut.index ? this.#baseChain : this.#chains[index - this.cut.index - 1]
  }

  /** Entries below it are as durable as they will be. */
  get unsyncedFrom(): LogIndex {
    let from = Infinity
    for (const unsynced of this.#unsynced) from = Math.min(from, unsynced.from)
    return from
  }

  /** `chainAtCut`: of the committed log, for a snapshot that replaces this log. */
  write(write: GroupWrite, commit: CommitNumber, chainAtCut: number | undefined): void {
    let from = Infinity
    if (write.cut !== undefined) {
      // Cutting its own prefix takes nothing from what lies behind it.
      if (!this.#cutTo(write.cut.cut, chainAtCut)) from = write.cut.cut.index
    }
    const first = write.entries[0]?.index
    if (first !== undefined) {
      from = Math.min(from, first)
      this.#truncate(first)
      for (const entry of write.entries) this.#push(entry)
    }
    if (from === Infinity && write.hardState === undefined) return
    this.#unsynced.push({ commit, from, hardState: write.hardState })
  }

  /** False: a snapshot replaced the log. */
  #cutTo(cut: LogCut, chainAtCut: number | undefined): boolean {
    const isOwn = this.term(cut.index) === cut.term
    const chain = isOwn ? this.chain(cut.index) : chainAtCut
    const gone = isOwn ? cut.index - this.cut.index : this.#entries.length
    this.#entries.splice(0, gone)
    this.#chains.splice(0, gone)
    this.cut = cut
    this.#baseChain = chain
    return isOwn
  }

  #truncate(first: LogIndex): void {
    const left = Math.max(0, first - this.cut.index - 1)
    if (left >= this.#entries.length) return
    this.#entries.length = left
    this.#chains.length = left
  }

  #push(entry: EntryEnvelope): void {
    if (entry.type === "noop" && entry.lastOffset >= entry.firstOffset) this.#isStripped = true
    const before = this.chain(entry.index - 1) ?? 0
    this.#entries.push(entry)
    this.#chains.push(chained(before, entry.entryCrc, entry.index, entry.term))
  }

  durable(through: CommitNumber): void {
    let taken = 0
    for (const { commit, hardState } of this.#unsynced) {
      if (commit > through) break
      if (hardState !== undefined) this.durableHardState = hardState
      taken++
    }
    if (taken > 0) this.#unsynced.splice(0, taken)
  }

  get isSynced(): boolean {
    return this.#unsynced.length === 0
  }

  /** The process is gone: what was not durable counts no more. */
  stopped(): void {
    this.#truncate(this.unsyncedFrom)
    this.#unsynced = []
  }

  /** Reads the log anew, all of it durable: what a start found, or what was cut off. */
  read(log: GroupLog, chainAtCut: number | undefined): void {
    this.cut = log.cut
    this.#isStripped = false
    this.#baseChain = log.cut.index === 0 ? 0 : chainAtCut
    this.#entries = []
    this.#chains = []
    this.#unsynced = []
    this.durableHardState = log.hardState
    for (let lo = log.firstIndex; lo <= log.lastIndex;) {
      const metas = log.metas(lo, log.lastIndex + 1, 1000)
      if (metas.length === 0) return
      for (const meta of metas) this.#push(meta)
      lo += metas.length
    }
  }
}
