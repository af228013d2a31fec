/** All copies and committed logs of a run, by member and group. */
import type { MemberId } from "../../../raft/types.ts"
import type { GroupId } from "../../../storage/wal.ts"
import { isDeletedGroup } from "../../cluster/image.ts"
import type { MetadataImage } from "../../cluster/image.ts"
import { memberId } from "../../cluster/members.ts"
import type { SubjectBroker } from "../subject.ts"
import { CommittedLog } from "./committed-log.ts"
import { GroupCopy } from "./group-copy.ts"
import type { ReferenceLimits } from "./reference-state.ts"
import type { Report } from "./violation.ts"

export class ObservedGroups {
  readonly #copies = new Map<MemberId, Map<GroupId, GroupCopy>>()
  readonly #committed = new Map<GroupId, CommittedLog>()
  /** The newest that somebody has applied. */
  #image: MetadataImage | undefined
  readonly #limits: ReferenceLimits
  readonly #report: Report

  constructor(limits: ReferenceLimits, report: Report) {
    this.#limits = limits
    this.#report = report
  }

  /**
   * What is deleted stays deleted, though a broker that restarted on an older image may begin the
   * group anew, with an empty log and no memory of its votes, until it hears of it.
   */
  applied(image: MetadataImage): void {
    const before = this.#image
    if (before !== undefined && image.index <= before.index) return
    this.#image = image
    if (image.groups === before?.groups) return
    for (const [group, log] of this.#committed) {
      if (isDeletedGroup(image, group)) log.isDeleted = true
    }
  }

  memberOf({ id, diskUuid }: SubjectBroker): MemberId {
    return memberId(id, diskUuid)
  }

  copiesOf(member: MemberId): Map<GroupId, GroupCopy> {
    let copies = this.#copies.get(member)
    if (copies === undefined) this.#copies.set(member, (copies = new Map()))
    return copies
  }

  find(member: MemberId, group: GroupId): GroupCopy | undefined {
    return this.#copies.get(member)?.get(group)
  }

  copy(member: MemberId, group: GroupId): GroupCopy {
    const copies = this.copiesOf(member)
    let copy = copies.get(group)
    if (copy === undefined) copies.set(group, (copy = new GroupCopy(group, member)))
    return copy
  }

  committed(group: GroupId): CommittedLog {
    let log = this.#committed.get(group)
    if (log === undefined) {
      log = new CommittedLog(group, this.#limits, () => this.#configsOf(group), this.#report)
      log.isDeleted = this.#image !== undefined && isDeletedGroup(this.#image, group)
      this.#committed.set(group, log)
    }
    return log
  }

  #configsOf(group: GroupId): ReadonlyMap<string, string> | undefined {
    const info = this.#image?.groups.get(group)
    return info === undefined ? undefined : this.#image?.topicsById.get(info.topicId)?.configs
  }

  committedEntries(): number {
    let entries = 0
    for (const { lastIndex } of this.#committed.values()) entries += lastIndex
    return entries
  }
}
