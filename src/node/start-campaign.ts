/**
 * At the start group 0's lowest voter campaigns as soon as a majority is there. Whoever else is
 * elected first is as good; this only spares the cluster a whole election timeout.
 */
import type { MemberId } from "../../raft/types.ts"
import { nodeOf } from "../cluster/members.ts"
import type { MetadataGroup } from "./metadata-group.ts"
import type { Reconciler } from "./reconcile.ts"
import type { Replicas } from "./replicas.ts"

/** For so long after the start; later the group's own election timer is enough. */
const campaignForMs = 3000
/** A pre-vote that reached nobody yet is asked again. */
const campaignAgainMs = 150

export class StartCampaign {
  readonly #member: MemberId
  readonly #startedMs: number
  #notBeforeMs = 0

  constructor(member: MemberId, nowMs: number) {
    this.#member = member
    this.#startedMs = nowMs
  }

  run(metadata: MetadataGroup, reconciler: Reconciler, replicas: Replicas, nowMs: number): void {
    const { raftGroup, configuration } = metadata
    if (nowMs > this.#startedMs + campaignForMs || nowMs < this.#notBeforeMs) return
    if (metadata.leaderNode !== -1) return
    const lowest = Math.min(...configuration.voters.map(nodeOf))
    const mine = lowest === nodeOf(this.#member) && configuration.voters.includes(this.#member)
    if (!mine || !reconciler.hasQuorum(configuration)) return
    this.#notBeforeMs = nowMs + campaignAgainMs
    replicas.campaign(raftGroup, "timeout")
  }
}
