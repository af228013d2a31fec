/**
 * Where storage faults may strike: at most a minority of each group's voters may have forgotten
 * what it promised at any time (VERIFICATION §4). A voter is repaired when its log is as high again
 * as it was and its standing is trusted, durably; a disk that was replaced, when the group has
 * committed that it has no vote any more.
 */
import type { Configuration, MemberId } from "../../raft/types.ts"
import { isLower } from "../../storage/verdict.ts"
import type { Height } from "../../storage/verdict.ts"
import type { GroupId } from "../../storage/wal.ts"
import { memberId, nodeOf } from "../cluster/members.ts"
import type { SimBroker } from "./broker.ts"
import { Placements } from "./placements.ts"
import type { PlacementsOptions } from "./placements.ts"

export class Atlas {
  private readonly brokers: ReadonlyArray<SimBroker>
  private readonly placements: Placements
  /** Every configuration somebody acts on, or will when it is started. */
  private known: ReadonlyMap<GroupId, ReadonlyArray<Configuration>> = new Map()
  /** What a member had promised when its disk was hurt. */
  private readonly promised = new Map<MemberId, Map<GroupId, Height>>()

  /**
   * Whether topics may still be made: on disks that the metadata believes to be there, and if one
   * of those is gone for good, with too few voters from their birth on.
   */
  expectsTopics: () => boolean = () => false

  constructor(options: PlacementsOptions) {
    this.brokers = options.brokers
    this.placements = new Placements(options)
  }

  /** Before a fault takes it from the disk. */
  noteHurt(broker: SimBroker): void {
    const heights = new Map<GroupId, Height>()
    for (const group of broker.disk.groups()) {
      const { hardState, lastIndex } = broker.disk.log(group)
      heights.set(group, { acceptedTerm: hardState.acceptedTerm, lastIndex })
    }
    const before = this.promised.get(memberOf(broker))
    for (const [group, height] of before ?? []) {
      const now = heights.get(group)
      if (now === undefined || isLower(now, height)) heights.set(group, height)
    }
    this.promised.set(memberOf(broker), heights)
  }

  /** A minority of every group's voters would still be all that is hurt. */
  mayHurt(broker: SimBroker): boolean {
    this.survey()
    const member = memberOf(broker)
    for (const [group, configurations] of this.known) {
      if (!this.mayLose(group, configurations, member)) return false
    }
    return true
  }

  /**
   * Nor will anything be placed on the disk between its loss and its broker's return, when the
   * broker would not know whether it has forgotten that group.
   */
  mayForget(broker: SimBroker): boolean {
    if (!this.mayHurt(broker)) return false
    return !this.expectsTopics() || this.placements.image.brokers.get(broker.id)?.fenced === true
  }

  /**
   * Groups of which a single entry may rot there. What is cut off with it when it is found may be
   * more than there is now, so that where a witness votes, which has no copy, none may.
   */
  mayRot(broker: SimBroker): ReadonlySet<GroupId> {
    this.survey()
    const member = memberOf(broker)
    const groups = new Set<GroupId>()
    for (const [group, configurations] of this.known) {
      if (configurations.some(({ witnesses }) => witnesses.length > 0)) continue
      if (this.mayLose(group, configurations, member)) groups.add(group)
    }
    return groups
  }

  private mayLose(
    group: GroupId,
    configurations: ReadonlyArray<Configuration>,
    member: MemberId,
  ): boolean {
    return configurations.every(
      ({ voters, votersOutgoing, witnesses }) =>
        this.staysMinority(group, voters, member) &&
        this.staysMinority(group, votersOutgoing, member) &&
        (witnesses.length === 0 || this.isCopied(group, voters, witnesses, member)),
    )
  }

  /**
   * With a witness a commit may be on a single disk: another one must hold all that this one does.
   */
  private isCopied(
    group: GroupId,
    voters: ReadonlyArray<MemberId>,
    witnesses: ReadonlyArray<MemberId>,
    member: MemberId,
  ): boolean {
    if (!voters.includes(member) || witnesses.includes(member)) return true
    const height = this.heightOf(group, member)
    return voters.some(
      (voter) =>
        voter !== member &&
        !witnesses.includes(voter) &&
        !this.isHurt(group, voter) &&
        this.brokers[nodeOf(voter)]?.disk.isSynced(group) === true &&
        !isLower(this.heightOf(group, voter), height),
    )
  }

  private heightOf(group: GroupId, member: MemberId): Height {
    const log = this.brokers[nodeOf(member)]?.disk.log(group)
    return { acceptedTerm: log?.hardState.acceptedTerm ?? 0, lastIndex: log?.lastIndex ?? 0 }
  }

  /** Every voter of every group can be believed again. */
  get isRepaired(): boolean {
    this.survey()
    for (const [group, configurations] of this.known) {
      for (const { voters } of configurations) {
        if (voters.some((voter) => this.isHurt(group, voter))) return false
      }
    }
    return true
  }

  private staysMinority(
    group: GroupId,
    voters: ReadonlyArray<MemberId>,
    member: MemberId,
  ): boolean {
    if (!voters.includes(member)) return true
    const hurt = voters.filter((voter) => voter === member || this.isHurt(group, voter))
    return hurt.length <= (voters.length - 1) >> 1
  }

  private isHurt(group: GroupId, member: MemberId): boolean {
    const broker = this.brokers[nodeOf(member)]
    if (broker === undefined || memberOf(broker) !== member) return true
    const { disk } = broker
    const { hardState, lastIndex } = disk.log(group)
    // What it will say of itself is known only when it is opened.
    if (disk.hurt || disk.untold) return true
    if (!disk.isTrusted(group) || disk.damagedGroups().includes(group)) return true
    const promised = this.promised.get(member)?.get(group)
    if (promised === undefined) return false
    if (isLower({ acceptedTerm: hardState.acceptedTerm, lastIndex }, promised)) return true
    if (!disk.isSynced(group)) return true
    this.promised.get(member)?.delete(group)
    return false
  }

  /** Before a process ends: it may know of more commits than its disk does. */
  survey(): void {
    this.known = this.placements.survey()
  }
}

const memberOf = (broker: SimBroker): MemberId => memberId(broker.id, broker.diskUuid)
