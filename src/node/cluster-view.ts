/** Who is there and who leads, as far as this node can know: what clients are told. */
import type { GroupId } from "../../storage/wal.ts"
import type { LeaderView } from "./leader-view.ts"
import type { Liveness } from "./liveness.ts"
import { metadataGroupId } from "./metadata-group.ts"
import type { MetadataGroup } from "./metadata-group.ts"
import type { Reconciler } from "./reconcile.ts"

export interface ClusterViewParts {
  readonly nodeId: number
  readonly metadata: MetadataGroup
  readonly reconciler: Reconciler
  readonly liveness: Liveness
  readonly leaders: LeaderView
}

export class ClusterView {
  readonly #parts: ClusterViewParts

  constructor(parts: ClusterViewParts) {
    this.#parts = parts
  }

  alive(id: number): boolean {
    const { nodeId, metadata, reconciler, liveness } = this.#parts
    if (id === nodeId) return reconciler.registered
    const broker = metadata.image.brokers.get(id)
    return broker?.fenced === false && liveness.peer(id)?.suspected === false
  }

  /** −1 for a leader that is fenced or silent; the term is the last known one, −1 for none. */
  leaderOf(group: GroupId): { readonly leader: number; readonly term: number } {
    const { leader, term } = this.#parts.leaders.state(group)
    return { leader: this.alive(leader) ? leader : -1, term: term === 0 ? -1 : term }
  }

  get controllerId(): number {
    const { nodeId, metadata } = this.#parts
    const known = [this.metadataLeader, nodeId, ...metadata.image.brokers.keys()]
    return known.find((id) => this.alive(id)) ?? -1
  }

  /**
   * By this node's own membership, else by what the others report (a learner that is not taken in
   * yet).
   */
  get metadataLeader(): number {
    const { metadata, leaders } = this.#parts
    const { leaderNode } = metadata
    return leaderNode !== -1 ? leaderNode : leaders.state(metadataGroupId).leader
  }
}
