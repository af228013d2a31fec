/** What the leader deletes by itself: offsets past their retention, offsets of deleted topics. */
import type { Uuid } from "../../protocol/schema.ts"
import { zeroUuid } from "../../protocol/uuid.ts"
import type { GroupView } from "../group-view.ts"
import { inBatches, noStep } from "../operations.ts"
import type { Step } from "../operations.ts"
import type { CoordinatorRecord } from "../ports.ts"
import type { CoordinatorTerm } from "../term.ts"
import { isExpired } from "./expiry.ts"
import { offsetTombstone } from "./offset-records.ts"

/** Groups looked at in one tick when offsets expire: a few milliseconds. */
const sweepGroupsMax = 200

export class OffsetUpkeep {
  readonly #term: CoordinatorTerm
  readonly #view: (groupId: string) => GroupView | undefined
  /** Groups that the sweep under way has still to look at. */
  #sweep: Array<string> = []
  #nextSweepMs: number

  constructor(
    term: CoordinatorTerm,
    view: (groupId: string) => GroupView | undefined,
    nowMs: number,
  ) {
    this.#term = term
    this.#view = view
    this.#nextSweepMs = nowMs + term.host.settings.offsetsRetentionCheckIntervalMs
  }

  tick(nowMs: number): void {
    const { groups, host } = this.#term
    if (nowMs >= this.#nextSweepMs && this.#sweep.length === 0) {
      this.#nextSweepMs = nowMs + host.settings.offsetsRetentionCheckIntervalMs
      this.#sweep = groups.ids.toReversed()
      // What could not be stored when a topic went.
      this.topicsChanged(nowMs)
    }
    for (let left = sweepGroupsMax; left > 0; left--) {
      const groupId = this.#sweep.pop()
      if (groupId === undefined) return
      this.#term.operations.run(groupId, nowMs, () => this.#expire(groupId))
    }
  }

  /** Offsets of a topic that is gone go with it: known by its id, else by its name. */
  topicsChanged(nowMs: number): void {
    const { groups, operations, host } = this.#term
    // What is not in an old image may be new.
    if (host.topics.version < groups.topicsVersion) return
    for (const id of groups.offsets.topicIds) {
      if (this.#isThere(id)) continue
      for (const groupId of groups.offsets.groupsOfTopicId(id)) {
        if (this.#ofDeleted(groupId, id).length === 0) continue
        operations.run(groupId, nowMs, () => inBatches(this.#ofDeleted(groupId, id)))
      }
    }
  }

  #isThere(id: Uuid): boolean {
    return id !== zeroUuid && this.#term.host.topics.topicName(id) !== undefined
  }

  /** Tombstones for what the group committed to the topic, if that is gone. */
  #ofDeleted(groupId: string, id: Uuid): ReadonlyArray<CoordinatorRecord> {
    const { groups, host } = this.#term
    if (this.#isThere(id)) return []
    const records: Array<CoordinatorRecord> = []
    for (const [topic, partitions] of groups.offsets.ofGroup(groupId) ?? []) {
      if (id === zeroUuid && host.topics.topicId(topic) !== undefined) continue
      for (const [partition, { topicId }] of partitions) {
        if (topicId === id) records.push(offsetTombstone({ groupId, topic, partition }))
      }
    }
    return records
  }

  #expire(groupId: string): Step {
    const { groups, host } = this.#term
    const group = this.#view(groupId)
    if (group === undefined) return noStep
    const records: Array<CoordinatorRecord> = []
    const wallMs = host.wallMs()
    let kept = 0
    for (const [topic, partitions] of groups.offsets.ofGroup(groupId) ?? []) {
      const isSubscribed = group.isSubscribedTo(topic)
      for (const [partition, committed] of partitions) {
        if (isSubscribed || !isExpired(committed, group, host.settings, wallMs)) kept++
        else records.push(offsetTombstone({ groupId, topic, partition }))
      }
    }
    // A group without members and offsets is nothing to anybody.
    const isIdle = kept === 0 && group.isEmpty
    if (isIdle && groups.get(groupId) !== undefined) records.push(...group.tombstones())
    if (records.length > 0) {
      host.log("info", `group ${groupId}: ${records.length} tombstones for what has expired`)
    }
    return inBatches(records)
  }
}
