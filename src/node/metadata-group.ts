/**
 * Group 0 on this broker: the Raft group whose committed records make the image. Applying is all it
 * does with them.
 */
import type { Configuration, MemberId, SoftState, Term } from "../../raft/types.ts"
import type { EntryMeta, Wal } from "../../storage/wal.ts"
import { applyRecords, emptyImage } from "../cluster/image.ts"
import type { MetadataImage } from "../cluster/image.ts"
import { nodeOf } from "../cluster/members.ts"
import { decodeRecords, encodeRecords } from "../cluster/records.ts"
import type { MetadataRecord } from "../cluster/records.ts"
import type { Outbox } from "../partition/ports.ts"
import type { ProposalWaiter } from "../partition/proposals.ts"
import { RaftGroup } from "../partition/raft-group.ts"
import type { StateMachine } from "../partition/raft-group.ts"
import type { RaftConfig } from "../../raft/index.ts"

export const metadataGroupId = 0

export interface AppliedRecords {
  readonly records: ReadonlyArray<MetadataRecord>
  readonly index: number
}

export interface MetadataGroupOptions {
  readonly clusterId: string
  readonly raft: RaftConfig
  readonly wal: Wal
  readonly outbox: Outbox
  readonly onDirty: (group: RaftGroup) => void
  /** Leader or term changed. */
  readonly onRole: () => void
}

export class MetadataGroup implements StateMachine {
  readonly raftGroup: RaftGroup
  #image: MetadataImage
  readonly #onRole: () => void
  #applied: AppliedRecords[] = []

  constructor(options: MetadataGroupOptions) {
    this.#image = emptyImage(options.clusterId)
    this.#onRole = options.onRole
    this.raftGroup = new RaftGroup({
      group: metadataGroupId,
      raft: options.raft,
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
    if (meta.type !== "data") return
    const records = decodeRecords(payload())
    this.#image = applyRecords(this.#image, records, meta.index)
    this.#applied.push({ records, index: meta.index })
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

  propose(records: ReadonlyArray<MetadataRecord>, nowMs: number, waiter: ProposalWaiter): boolean {
    const payload = encodeRecords(records)
    return this.raftGroup.proposePayload(payload, nowMs, waiter)._tag === "proposed"
  }
}
