/**
 * Assigned campaigns that have not shown a leader yet, and whom each group has tried. Volatile and kept by the
 * metadata leader alone. Time is an argument.
 */
import type { GroupId } from "../../storage/wal.ts"
import { nextCandidate } from "./assignment.ts"
import type { LeadershipView } from "./assignment.ts"
import type { MetadataImage } from "./image.ts"
import type { Assignment, LeadersAssigned } from "./records.ts"

interface Open {
  readonly tried: Set<number>
  dueMs: number
}

export class OpenAssignments {
  private readonly waitMs: number
  private readonly open = new Map<GroupId, Open>()

  /** `waitMs`: how long a campaign may take before the next replica is tried. */
  constructor(waitMs: number) {
    this.waitMs = waitMs
  }

  get size(): number {
    return this.open.size
  }

  /** Those were committed; groups that were open keep whom they tried. */
  assigned(assignments: ReadonlyArray<Assignment>, nowMs: number): void {
    for (const { group, leader } of assignments) {
      const open = this.open.get(group) ?? { tried: new Set(), dueMs: 0 }
      open.tried.add(leader)
      open.dueMs = nowMs + this.waitMs
      this.open.set(group, open)
    }
  }

  /** The assigned one said that it was not elected: no need to wait for the time to pass. */
  refused(group: GroupId, leader: number): void {
    const open = this.open.get(group)
    if (open?.tried.has(leader) === true) open.dueMs = 0
  }

  /** Somebody leads the group, or it was deleted. */
  settled(group: GroupId): void {
    this.open.delete(group)
  }

  /**
   * The next candidate of every group whose time is up. A group that has tried all is given up: its own election
   * decides. Undefined when there is nothing to assign; `assigned` is to be called once it is committed.
   */
  next(image: MetadataImage, view: LeadershipView, nowMs: number): LeadersAssigned | undefined {
    const assignments: Array<Assignment> = []
    for (const [group, { tried, dueMs }] of this.open) {
      if (nowMs < dueMs) continue
      const partition = image.groups.get(group)
      const leader = partition && nextCandidate(image, partition, view.isrOf(group), tried)
      if (leader === undefined) this.open.delete(group)
      else assignments.push({ group, leader, how: "campaign" })
    }
    return assignments.length === 0 ? undefined : { _tag: "LeadersAssigned", assignments }
  }
}
