/**
 * What this node tells its peers about the groups it leads: changes once per turn, everything on a
 * new link.
 */
import type { PartitionReport, PeerFrame } from "../peer/codec.ts"
import type { GroupId } from "../../storage/wal.ts"
import type { LeaderState, LeaderView } from "./leader-view.ts"

/** Partitions per frame: heartbeats and Raft frames get their turn between them. */
const reportPartitionsMax = 1000

export class Reports {
  readonly #nodeId: number
  readonly #leaders: LeaderView
  /**
   * Group → term in which this node led it when it changed; told as it is when the frame is made.
   */
  readonly #changed = new Map<GroupId, number>()

  constructor(nodeId: number, leaders: LeaderView) {
    this.#nodeId = nodeId
    this.#leaders = leaders
  }

  changed(group: GroupId, before: LeaderState, after: LeaderState): void {
    if (after.leader === this.#nodeId) this.#changed.set(group, after.term)
    else if (before.leader === this.#nodeId) this.#changed.set(group, before.term)
  }

  /** Frames for all peers; empty when nothing changed since the last call. */
  takeChanges(): ReadonlyArray<PeerFrame> {
    if (this.#changed.size === 0) return []
    const reports: PartitionReport[] = []
    for (const [group, term] of this.#changed) {
      const state = this.#leaders.state(group)
      reports.push(
        state.leader === this.#nodeId
          ? { group, leader: state.leader, term: state.term, isr: state.isr }
          : { group, leader: -1, term, isr: [] },
      )
    }
    this.#changed.clear()
    return frames(reports)
  }

  /** Everything this node leads. */
  full(): ReadonlyArray<PeerFrame> {
    return frames(
      this.#leaders.ledBy(this.#nodeId).map((group) => ({ group, ...this.#leaders.state(group) })),
    )
  }
}

function frames(reports: ReadonlyArray<PartitionReport>): ReadonlyArray<PeerFrame> {
  const made: PeerFrame[] = []
  for (let at = 0; at < reports.length; at += reportPartitionsMax) {
    made.push({ _tag: "Report", partitions: reports.slice(at, at + reportPartitionsMax) })
  }
  return made
}
