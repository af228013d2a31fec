/**
 * Where storage faults may strike: at most a minority of each group's voters may have forgotten
 * what it promised at any time (VERIFICATION §4). A voter is repaired when its log is as high again
 * as it was and its standing is trusted; a disk that was replaced, when the group has no vote for
 * the old one any more.
 */
import type { Configuration, MemberId } from "../../raft/types.ts"
import { isLower } from "../../storage/verdict.ts"
import type { Height } from "../../storage/verdict.ts"
import type { GroupId } from "../../storage/wal.ts"
import { isDeletedGroup } from "../cluster/image.ts"
import { memberId, nodeOf } from "../cluster/members.ts"
import type { SimBroker } from "./broker.ts"

const metadataGroup = 0

export class Atlas {
  private readonly brokers: ReadonlyArray<SimBroker>
  /** Every configuration somebody acts on; the newest known while nobody runs. */
  private readonly known = new Map<GroupId, ReadonlyArray<Configuration>>()
  /** What a member had promised when its disk was hurt. */
  private readonly promised = new Map<MemberId, Map<GroupId, Height>>()

  constructor(brokers: ReadonlyArray<SimBroker>) {
    this.brokers = brokers
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
    if (this.known.size === 0) return false
    const member = memberOf(broker)
    for (const [group, configurations] of this.known) {
      if (!this.mayLose(group, configurations, member)) return false
    }
    return true
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
    if (disk.hurt) return true
    if (hardState.standing !== "trusted" || disk.damagedGroups().includes(group)) return true
    const promised = this.promised.get(member)?.get(group)
    if (promised === undefined) return false
    if (isLower({ acceptedTerm: hardState.acceptedTerm, lastIndex }, promised)) return true
    this.promised.get(member)?.delete(group)
    return false
  }

  /** Notes the configurations that running brokers act on. */
  survey(): void {
    const seen = new Map<GroupId, Array<Configuration>>()
    const note = (group: GroupId, configuration: Configuration) => {
      const list = seen.get(group)
      if (list === undefined) seen.set(group, [configuration])
      else list.push(configuration)
    }
    for (const { node } of this.brokers) {
      if (node === undefined) continue
      note(metadataGroup, node.metadataConfiguration)
      for (const group of this.known.keys()) {
        if (isDeletedGroup(node.image, group)) this.known.delete(group)
      }
      for (const group of node.image.groups.keys()) {
        const raft = node.raftGroup(group)
        if (raft !== undefined) note(group, raft.node.configuration)
      }
    }
    for (const [group, configurations] of seen) this.known.set(group, configurations)
  }
}

const memberOf = (broker: SimBroker): MemberId => memberId(broker.id, broker.diskUuid)
