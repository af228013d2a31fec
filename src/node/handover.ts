/**
 * Graceful stop: every leadership held here is offered once to a replica that is in sync and
 * reachable.
 */
import { nodeOf } from "../cluster/members.ts"
import type { RaftGroup } from "../partition/raft-group.ts"
import type { Liveness } from "./liveness.ts"
import type { MetadataGroup } from "./metadata-group.ts"
import type { Replicas } from "./replicas.ts"

/** However many there are, a stop takes no longer: what is left is failed over as after a crash. */
const handoverMs = 1500

export class Handover {
  readonly #replicas: Replicas
  readonly #metadata: MetadataGroup
  readonly #liveness: Liveness
  readonly #offered = new Set<RaftGroup>()
  readonly #deadlineMs: number

  constructor(replicas: Replicas, metadata: MetadataGroup, liveness: Liveness, nowMs: number) {
    this.#replicas = replicas
    this.#metadata = metadata
    this.#liveness = liveness
    this.#deadlineMs = nowMs + handoverMs
  }

  /**
   * Call again each tick until it says done. Group 0 goes last: it still assigns for the others.
   */
  step(nowMs: number): "moving" | "done" {
    if (nowMs >= this.#deadlineMs) return "done"
    let moving = false
    for (const partition of this.#replicas.all()) {
      if (!partition.isLeader) continue
      const inSync = new Set(partition.inSyncReplicas())
      if (this.#offer(partition.raftGroup, (node) => inSync.has(node))) moving = true
    }
    if (!moving && this.#metadata.leads) {
      moving = this.#offer(this.#metadata.raftGroup, () => true)
    }
    return moving ? "moving" : "done"
  }

  /** True while the offer is on its way. */
  #offer(group: RaftGroup, fit: (node: number) => boolean): boolean {
    if (this.#offered.has(group)) return group.node.transferTarget !== null
    this.#offered.add(group)
    const { voters, witnesses } = group.node.configuration
    const target = voters.find((member) => {
      const node = nodeOf(member)
      return this.#liveness.reachable(node) && fit(node) && !witnesses.includes(member)
    })
    return target !== undefined && group.transferLeadership(target) === "started"
  }
}
