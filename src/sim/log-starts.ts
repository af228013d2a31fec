/**
 * The highest offset at which any replica's log of a group ever began, or was to begin. A replica
 * cuts its own log, and a cut that was seen may be lost in a crash: the logs at the end of a run do
 * not tell it.
 */
import type { CommitNumber, GroupId, GroupWrite } from "../../storage/wal.ts"
import { decodeControlEntry, isControl } from "../partition/control-entry.ts"
import { partitionKey } from "../chaos/history/history.ts"
import type { Observer, SubjectBroker } from "./subject.ts"

export class LogStarts implements Observer {
  readonly #highest = new Map<GroupId, number>()

  wrote({ wal }: SubjectBroker, _commit: CommitNumber, writes: ReadonlyArray<GroupWrite>): void {
    for (const { group, cut, entries } of writes) {
      if (cut !== undefined) this.#begins(group, wal.log(group).firstOffset)
      if (group === 0) continue
      for (const entry of entries) {
        if (!isControl(entry)) continue
        const said = decodeControlEntry(entry.payload)
        if (said._tag === "LogStartMoved") this.#begins(group, said.offset)
      }
    }
  }

  #begins(group: GroupId, offset: number): void {
    if (offset > this.of(group)) this.#highest.set(group, offset)
  }

  of(group: GroupId): number {
    return this.#highest.get(group) ?? 0
  }

  /** By the partition's key in a history; of the groups that some broker still knows. */
  byPartition(brokers: ReadonlyArray<SubjectBroker>): ReadonlyMap<string, number> {
    const starts = new Map<string, number>()
    for (const { node } of brokers) {
      for (const { topic, topicId, partition, group } of node?.image.groups.values() ?? []) {
        starts.set(partitionKey(topic, topicId, partition), this.of(group))
      }
    }
    return starts
  }
}
