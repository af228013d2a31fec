/**
 * Group 0 on this broker: the Raft group whose committed records make the image. Applying is all it
 * does with them; now and then an image takes the place of the log that led to it.
 */
import type { Configuration, MemberId, SoftState, Term } from "../../raft/types.ts"
import type { EntryMeta, Wal } from "../../storage/wal.ts"
import { applyRecords, emptyImage } from "../cluster/image.ts"
import type { MetadataImage } from "../cluster/image.ts"
import { nodeOf } from "../cluster/members.ts"
import { decodeRecords, encodeRecords } from "../cluster/records.ts"
import { decodeSnapshot, encodeSnapshot } from "../cluster/snapshot.ts"
import { CheckpointPlan } from "../partition/checkpoint-plan.ts"
import type { MetadataRecord } from "../cluster/records.ts"
import type { Outbox } from "../partition/ports.ts"
import type { ProposalWaiter } from "../partition/proposals.ts"
import { RaftGroup } from "../partition/raft-group.ts"
import type { StateMachine } from "../partition/raft-group.ts"
import type { RaftConfig } from "../../raft/index.ts"
import { imageDiff } from "./image-diff.ts"

export const metadataGroupId = 0

/** Of records since the last snapshot; whichever bound comes first. */
const snapshotBytes = 16 << 20
/** So many entries stay behind a snapshot, for members that are only a little behind. */
const keptEntriesMax = 1000

export interface AppliedRecords {
  readonly records: ReadonlyArray<MetadataRecord>
  readonly index: number
  /** What they change was committed above this index. */
  readonly after: number
}

export interface MetadataGroupOptions {
  readonly clusterId: string
  readonly raft: RaftConfig
  readonly written: "durable" | "handedOver"
  readonly wal: Wal
  readonly outbox: Outbox
  readonly onDirty: (group: RaftGroup) => void
  /** Leader or term changed. */
  readonly onRole: () => void
  /** A snapshot is taken after so many applied entries. */
  readonly snapshotEntries: number
}

export class MetadataGroup implements StateMachine {
  readonly raftGroup: RaftGroup
  #image: MetadataImage
  readonly #onRole: () => void
  #applied: AppliedRecords[] = []
  readonly #plan: CheckpointPlan
  readonly #keptEntries: number
  /** The next snapshot, until enough entries stand behind it. */
  #marked: { readonly image: MetadataImage; readonly index: number } | null = null

  constructor(options: MetadataGroupOptions) {
    const { snapshotEntries } = options
    this.#plan = new CheckpointPlan({ entries: snapshotEntries, bytes: snapshotBytes })
    this.#keptEntries = Math.min(keptEntriesMax, Math.floor(snapshotEntries / 10))
    this.#image = emptyImage(options.clusterId)
    this.#onRole = options.onRole
    this.raftGroup = new RaftGroup({
      group: metadataGroupId,
      raft: options.raft,
      written: options.written,
      wal: options.wal,
      outbox: options.outbox,
      machine: this,
      onDirty: options.onDirty,
    })
  }

  get image(): MetadataImage {
    return this.#image
  }

  /**
   * May decide: leads, and has committed in its term, so that its image holds every earlier
   * decision.
   */
  get decides(): boolean {
    const { node } = this.raftGroup
    return (
      node.role === "leader" &&
      node.committedInTerm &&
      this.raftGroup.appliedIndex >= node.noopIndex
    )
  }

  get leads(): boolean {
    return this.raftGroup.node.role === "leader"
  }

  get term(): Term {
    return this.raftGroup.node.term
  }

  /** −1: none known to this member. */
  get leaderNode(): number {
    const { leaderId } = this.raftGroup.node
    return leaderId === null ? -1 : nodeOf(leaderId)
  }

  get configuration(): Configuration {
    return this.raftGroup.node.configuration
  }

  isVoter(member: MemberId): boolean {
    const { voters, votersOutgoing } = this.configuration
    return voters.includes(member) || votersOutgoing.includes(member)
  }

  apply(meta: EntryMeta, payload: () => Uint8Array): void {
    this.#plan.applied(meta)
    if (meta.type === "data") {
      const records = decodeRecords(payload())
      this.#image = applyRecords(this.#image, records, meta.index)
      this.#applied.push({ records, index: meta.index, after: meta.index - 1 })
    }
    if (this.#marked === null && this.#plan.due) {
      this.#marked = { image: this.#image, index: meta.index }
    }
  }

  /** The whole image, from a snapshot: what it changed is told as records. */
  restore(state: Uint8Array, index: number): void {
    const before = this.#image
    this.#image = decodeSnapshot(state)
    const records = imageDiff(before, this.#image)
    this.#applied.push({ records, index, after: before.index })
    this.#plan.written(state.length)
    this.#marked = null
  }

  progressed(): void {
    const marked = this.#marked
    if (marked === null || this.raftGroup.appliedIndex < marked.index + this.#keptEntries) return
    this.#marked = null
    const state = encodeSnapshot(marked.image)
    this.#plan.written(state.length)
    this.raftGroup.cut(marked.index, state)
  }

  roleChanged(_soft: SoftState, _term: Term): void {
    this.#onRole()
  }

  /** What was applied since the last call, in order. */
  takeApplied(): ReadonlyArray<AppliedRecords> {
    const applied = this.#applied
    if (applied.length > 0) this.#applied = []
    return applied
  }

  /** Tells whether this broker led at a moment after the call: a majority is asked (§8). */
  confirmLeads(done: (leads: boolean) => void): void {
    this.raftGroup.readIndex((outcome) => done(outcome === "ready"))
  }

  propose(records: ReadonlyArray<MetadataRecord>, wallMs: number, waiter: ProposalWaiter): boolean {
    const payload = encodeRecords(records)
    return this.raftGroup.proposePayload(payload, wallMs, waiter)._tag === "proposed"
  }
}
