/** From what this node's own groups do to what it knows and tells about leaders. */
import type { GroupId } from "../../storage/wal.ts"
import type { Partition } from "../partition/partition.ts"
import type { LeaderView } from "./leader-view.ts"
import type { MetadataGroup } from "./metadata-group.ts"
import { metadataGroupId } from "./metadata-group.ts"

const noReplicas: ReadonlyArray<number> = []

export class Leadership {
  readonly #nodeId: number
  readonly #leaders: LeaderView
  /** Leadership of that group came to this node. */
  readonly #onLed: (group: GroupId) => void

  constructor(nodeId: number, leaders: LeaderView, onLed: (group: GroupId) => void) {
    this.#nodeId = nodeId
    this.#leaders = leaders
    this.#onLed = onLed
  }

  partition(partition: Partition): void {
    const { group } = partition.info
    if (!partition.isLeader) {
      return this.#followed(group, partition.leaderNode, partition.leaderEpoch)
    }
    this.#led(group, partition.leaderEpoch, partition.inSyncReplicas())
  }

  metadata({ leads, leaderNode, term }: MetadataGroup): void {
    if (leads) this.#led(metadataGroupId, term, noReplicas)
    else this.#followed(metadataGroupId, leaderNode, term)
  }

  #led(group: GroupId, term: number, isr: ReadonlyArray<number>): void {
    const known = this.#leaders.state(group)
    const isNew = known.leader !== this.#nodeId
    // The usual case, once per turn of a busy group: only the high watermark moved.
    if (!isNew && known.term === term && known.isr === isr) return
    this.#leaders.report({ group, leader: this.#nodeId, term, isr }, this.#nodeId)
    if (isNew) this.#onLed(group)
  }

  #followed(group: GroupId, leader: number, term: number): void {
    if (leader !== -1) return this.#leaders.observe(group, leader, term)
    const known = this.#leaders.state(group)
    if (known.leader !== this.#nodeId) return
    this.#leaders.report({ group, leader: -1, term: known.term, isr: [] }, this.#nodeId)
  }
}
