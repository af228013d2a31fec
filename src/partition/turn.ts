/**
 * The turn over all groups of a node: collect the Ready of every dirty group (its messages leave at
 * once) → one commit for all of them → apply. Whatever arrives while that commit is fsynced forms
 * the next one; nobody waits on purpose.
 *
 * The rim calls `run` once per turn of its event loop and `durable` when the log says so; both
 * return quickly: what is left over stays dirty, `run` says so, and the rim calls again.
 */
import type { CommitNumber, GroupWrite, Wal } from "../../storage/wal.ts"
import type { RaftGroup } from "./raft-group.ts"

export interface TurnLimits {
  /** A commit is closed once it has this many payload bytes. */
  readonly commitBytesMax: number
  /** Entries applied per `run`: a long log read at start must not stall the loop. */
  readonly applyMax: number
  /** Answers given in a turn may make groups dirty again: so often `run` starts over. */
  readonly roundsMax: number
}

const defaultLimits: TurnLimits = {
  commitBytesMax: 8 << 20,
  applyMax: 65_536,
  roundsMax: 8,
}

interface InFlight {
  readonly commit: CommitNumber
  readonly groups: ReadonlyArray<RaftGroup>
}

export class TurnRunner {
  readonly #wal: Wal
  readonly #limits: TurnLimits
  #dirty: Array<RaftGroup> = []
  #inFlight: Array<InFlight> = []
  #running = false

  constructor(wal: Wal, limits: Partial<TurnLimits> = {}) {
    this.#wal = wal
    this.#limits = { ...defaultLimits, ...limits }
  }

  /** Groups say so themselves, through their `onDirty`. */
  markDirty(group: RaftGroup): void {
    this.#dirty.push(group)
  }

  /** Work is left for another `run`. */
  get dirty(): boolean {
    return this.#dirty.length > 0
  }

  get commitsInFlight(): number {
    return this.#inFlight.length
  }

  /** True when work is left (bounded per call). Not to be called by a waiter or a state machine. */
  run(): boolean {
    if (this.#running) throw new Error("a turn inside a turn")
    this.#running = true
    try {
      let applyLeft = this.#limits.applyMax
      for (let round = 0; round < this.#limits.roundsMax && this.dirty && applyLeft > 0; round++) {
        const groups = this.#dirty
        this.#dirty = []
        this.#commit(groups)
        for (const group of groups) applyLeft -= group.advance(Math.max(applyLeft, 0))
      }
    } finally {
      this.#running = false
    }
    return this.dirty
  }

  /** Releases what waited for the commits up to this one; the next `run` goes on from there. */
  durable(through: CommitNumber): void {
    let done = 0
    for (const { commit, groups } of this.#inFlight) {
      if (commit > through) break
      for (const group of groups) group.durable(commit)
      done++
    }
    this.#inFlight.splice(0, done)
  }

  #commit(groups: ReadonlyArray<RaftGroup>): void {
    let writes: Array<GroupWrite> = []
    let writers: Array<RaftGroup> = []
    let bytes = 0
    for (const group of groups) {
      const write = group.collect()
      if (write === null) continue
      writes.push(write)
      writers.push(group)
      for (const entry of write.entries) bytes += entry.payload.length
      if (bytes < this.#limits.commitBytesMax) continue
      this.#hand(writes, writers)
      writes = []
      writers = []
      bytes = 0
    }
    if (writes.length > 0) this.#hand(writes, writers)
  }

  #hand(writes: ReadonlyArray<GroupWrite>, groups: ReadonlyArray<RaftGroup>): void {
    const commit = this.#wal.commit(writes)
    this.#inFlight.push({ commit, groups })
    for (const group of groups) group.taken(commit)
  }
}
