/**
 * The written states of a group's machine: where it begins at a start (checkpoint or cut), what is
 * written of it (checkpoints by plan, cuts on demand), what is offered to members that lag behind
 * the log's begin.
 */
import type { RaftNode } from "../../raft/index.ts"
import type { EntryId, LogIndex, MemberId, Snapshot } from "../../raft/types.ts"
import { CorruptEntry } from "../../storage/wal.ts"
import type { Checkpoint, CompactedTo, EntryMeta, GroupId, GroupLog } from "../../storage/wal.ts"
import { CheckpointPlan } from "./checkpoint-plan.ts"
import type { CheckpointLimits } from "./checkpoint-plan.ts"
import { cutAt } from "./log-cut.ts"
import type { Outbox } from "./ports.ts"
import type { StateMachine } from "./state-machine.ts"

export interface StatesOptions {
  readonly group: GroupId
  readonly machine: StateMachine
  readonly outbox: Outbox
  readonly checkpoints?: CheckpointLimits
}

export class States {
  /** Where the log ended when it was opened: what lies behind came from leaders since. */
  heldIndex: LogIndex
  readonly #log: GroupLog
  readonly #options: StatesOptions
  readonly #plan: CheckpointPlan | undefined
  #cutWanted: Snapshot | null = null
  #compacted: CompactedTo | null = null
  #needed: ReadonlyArray<MemberId> = []

  constructor(log: GroupLog, options: StatesOptions) {
    this.#log = log
    this.heldIndex = log.lastIndex
    this.#options = options
    const { checkpoints } = options
    this.#plan = checkpoints === undefined ? undefined : new CheckpointPlan(checkpoints)
  }

  /** Brings the machine to the newest state that was written down, and says where that is. */
  restored(): EntryId {
    const { machine } = this.#options
    const { cut } = this.#log
    const checkpoint = this.#log.checkpoint()
    if (checkpoint !== undefined && checkpoint.index >= cut.index) {
      machine.restore?.(checkpoint.state, checkpoint.index)
      return checkpoint
    }
    const snapshot = this.#log.snapshot()
    if (snapshot !== undefined) machine.restore?.(snapshot.state, cut.index)
    return cut
  }

  applied(meta: EntryMeta): void {
    this.#plan?.applied(meta)
  }

  /**
   * With the next commit everything up to `index` leaves the log. False: it has left already, or is
   * not there.
   */
  cut(index: LogIndex, state: Uint8Array): boolean {
    const log = this.#log
    if (index <= log.cut.index || index > log.lastIndex) return false
    this.#cutWanted = { cut: cutAt(log, index), state }
    return true
  }

  takeCut(): Snapshot | null {
    const wanted = this.#cutWanted
    this.#cutWanted = null
    return wanted !== null && wanted.cut.index > this.#log.cut.index ? wanted : null
  }

  /** With the next commit: so far the log's entries are compacted on this disk. */
  compacted(to: CompactedTo): void {
    this.#compacted = to
  }

  takeCompacted(): CompactedTo | null {
    const to = this.#compacted
    this.#compacted = null
    return to
  }

  get checkpointDue(): boolean {
    return this.#plan?.due === true
  }

  /** Null when the machine has none, or what was applied is not in the log behind the `cut`. */
  takeCheckpoint({ index, term }: EntryId, cut: Snapshot | null): Checkpoint | null {
    const { machine } = this.#options
    if (this.#plan === undefined || machine.encode === undefined) return null
    if (index > this.#log.lastIndex || index <= (cut ?? this.#log).cut.index) return null
    const state = machine.encode()
    if (state === undefined) return null
    this.#plan.written(state.length)
    return { index, term, state }
  }

  needed(members: ReadonlyArray<MemberId>): void {
    if (members.length > 0) this.#needed = members
  }

  offer(node: RaftNode): void {
    const members = this.#needed
    if (members.length === 0) return
    this.#needed = []
    if (node.role !== "leader") return
    const snapshot = this.#read()
    if (snapshot === undefined) return
    for (const member of members) node.offerSnapshot(member, snapshot)
  }

  #read(): Snapshot | undefined {
    try {
      return this.#log.snapshot()
    } catch (error) {
      if (!(error instanceof CorruptEntry)) throw error
      const { outbox } = this.#options
      outbox.log("error", `${error.message}: members that lag cannot be brought up from here`)
      return undefined
    }
  }

  /** The log is no longer what it was when these were asked for. */
  forget(): void {
    this.heldIndex = this.#log.lastIndex
    this.#cutWanted = null
    this.#compacted = null
    this.#needed = []
  }
}
