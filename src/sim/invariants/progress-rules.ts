/** What one broker's groups do from event to event: commit, apply, lead, tell a high watermark. */
import { membersOf } from "../../../raft/index.ts"
import type { RaftNode } from "../../../raft/index.ts"
import type { LogCut, LogIndex, MemberId, Term } from "../../../raft/types.ts"
import type { GroupId } from "../../../storage/wal.ts"
import type { RaftGroup } from "../../partition/raft-group.ts"
import type { SubjectBroker } from "../subject.ts"
import type { CommittedLog } from "./committed-log.ts"
import type { GroupCopy } from "./group-copy.ts"
import type { ObservedGroups } from "./observed-groups.ts"
import type { Report } from "./violation.ts"

/** A group in one process; forgotten with it. */
export class Watched {
  readonly group: GroupId
  readonly copy: GroupCopy
  readonly committed: CommittedLog
  /** Another one when the broker began anew from a damaged log. */
  node: RaftNode | undefined
  isRenewed = false
  commitIndex: LogIndex = 0
  highWatermark = 0
  /** While leading: nothing up to here may be written again. */
  ledTerm: Term = 0
  ledIndex: LogIndex = 0

  constructor(group: GroupId, copy: GroupCopy, committed: CommittedLog) {
    this.group = group
    this.copy = copy
    this.committed = committed
  }
}

/** Who begins anew from a damaged log keeps what it had applied, though its commit index falls. */
const mostKnown = ({ isRenewed, copy, committed, commitIndex }: Watched): LogIndex =>
  isRenewed || copy.isDamaged ? committed.lastIndex : commitIndex

export class ProgressRules {
  readonly #groups: ObservedGroups
  readonly #report: Report

  constructor(groups: ObservedGroups, report: Report) {
    this.#groups = groups
    this.#report = report
  }

  /** True while entries of the group are not committed here. */
  look(broker: SubjectBroker, watched: Watched): boolean {
    const raft = broker.node?.raftGroup(watched.group)
    if (raft === undefined || watched.committed.isDeleted) return false
    const { node } = raft
    if (watched.node !== node) {
      watched.isRenewed = watched.node !== undefined
      watched.node = node
      watched.commitIndex = 0
    }
    const { commitIndex, role, term } = node
    if (commitIndex !== watched.commitIndex) this.#commits(watched, node, commitIndex, term)
    if (role === "leader") watched.committed.leads(watched.copy, term)
    const most = mostKnown(watched)
    if (raft.appliedIndex > most) {
      const what = `#${raft.appliedIndex} of group ${watched.group}, committed is #${most}`
      this.#report("applied beyond commit", `${watched.copy.member}: ${what}`)
    }
    this.#watermark(broker, watched, raft)
    return commitIndex < watched.copy.lastIndex
  }

  #commits(watched: Watched, node: RaftNode, index: LogIndex, term: Term): void {
    const { copy, committed, group } = watched
    if (index < watched.commitIndex) {
      const what = `group ${group}: #${index} after #${watched.commitIndex}`
      this.#report("commit regress", `${copy.member}: ${what}`)
    }
    copy.isNamedWitness = isWitness(node, copy.member)
    const isNew = index > committed.lastIndex
    committed.committed(copy, watched.commitIndex, index, term)
    watched.commitIndex = index
    if (isNew && node.role === "leader") this.#onMajority(copy, node, index)
  }

  /**
   * Durable on a majority of the disks that may count; of a joint configuration the outgoing one.
   */
  #onMajority(copy: GroupCopy, node: RaftNode, index: LogIndex): void {
    const { voters, votersOutgoing } = node.configuration
    const counted = votersOutgoing.length > 0 ? votersOutgoing : voters
    const term = copy.term(index)
    const holders = counted.filter((member) => this.#holds(member, copy.group, index, term))
    if (holders.length * 2 > counted.length) return
    const what = `${copy.member}: group ${copy.group} #${index} on ${holders.join(" ")}`
    this.#report("commit without majority", what)
  }

  #holds(member: MemberId, group: GroupId, index: LogIndex, term: Term | undefined): boolean {
    const copy = this.#groups.find(member, group)
    if (copy === undefined) return false
    if (index <= copy.cut.index) return true
    if (index < copy.unsyncedFrom && copy.term(index) === term) return true
    // A fault may have taken what it held when it said so.
    return copy.isDamaged && copy.acknowledged.index >= index
  }

  #watermark(broker: SubjectBroker, watched: Watched, { appliedIndex }: RaftGroup): void {
    const highWatermark = broker.node?.partition(watched.group)?.highWatermark
    if (highWatermark === undefined || highWatermark === watched.highWatermark) return
    const { copy, group, committed } = watched
    if (highWatermark < watched.highWatermark) {
      const what = `group ${group}: ${highWatermark} after ${watched.highWatermark}`
      this.#report("high watermark regress", `${copy.member}: ${what}`)
    }
    watched.highWatermark = highWatermark
    // As with what is applied: who begins anew keeps the watermark it had.
    const own = (committed.entry(watched.commitIndex)?.lastOffset ?? -1) + 1
    const end = watched.isRenewed || copy.isDamaged ? committed.endOffset : own
    if (highWatermark <= end || copy.isWitness) return
    const what = `group ${group}: ${highWatermark}, committed is ${end} (applied #${appliedIndex})`
    this.#report("high watermark beyond commit", `${copy.member}: ${what}`)
  }

  /** What this event has committed and takes off the log is looked at while the book has it. */
  beforeCut(broker: SubjectBroker, watched: Watched, cut: LogCut): void {
    const { copy, commitIndex } = watched
    const node = broker.node?.raftGroup(watched.group)?.node
    if (node === undefined || node !== watched.node || copy.term(cut.index) !== cut.term) return
    const index = Math.min(cut.index, node.commitIndex)
    if (index > commitIndex) this.#commits(watched, node, index, node.term)
  }

  /** The same of what it has committed and gives up with a damaged log. */
  beforeRewrite(broker: SubjectBroker, watched: Watched): void {
    const node = broker.node?.raftGroup(watched.group)?.node
    if (node === undefined || node !== watched.node || watched.committed.isDeleted) return
    const { commitIndex, term } = node
    if (commitIndex > watched.commitIndex) this.#commits(watched, node, commitIndex, term)
  }

  /** Before a write is booked. `first`: lowest index it replaces; Infinity: none. */
  beforeWrite(broker: SubjectBroker, watched: Watched, first: LogIndex): number | undefined {
    const { copy } = watched
    const node = broker.node?.raftGroup(watched.group)?.node
    if (node !== undefined) copy.isNamedWitness = isWitness(node, copy.member)
    if (first > copy.lastIndex) return undefined
    const isOwn = node?.role === "leader" && node.term === watched.ledTerm
    if (isOwn && first <= watched.ledIndex) {
      const what = `group ${watched.group}: #${first} again in term ${node.term}`
      this.#report("Leader Append-Only", `${copy.member}: ${what}`)
    }
    return first <= watched.commitIndex ? copy.chain(watched.commitIndex) : undefined
  }

  /** `committedChain`: of the commit index, where the write went below it. */
  afterWrite(broker: SubjectBroker, watched: Watched, committedChain: number | undefined): void {
    const { copy, commitIndex, group } = watched
    if (committedChain !== undefined && copy.chain(commitIndex) !== committedChain) {
      this.#report("commit truncated", `${copy.member}: group ${group} below #${commitIndex}`)
    }
    const node = broker.node?.raftGroup(group)?.node
    if (node?.role !== "leader") return
    watched.ledTerm = node.term
    watched.ledIndex = copy.lastIndex
  }
}

/**
 * By the configuration that it has; or its broker runs it as one, and the configuration that says
 * so has not reached it. (By an old image a broker may run as witness what is a replica.)
 */
function isWitness({ configuration, state }: RaftNode, member: MemberId): boolean {
  if (configuration.witnesses.includes(member)) return true
  const isMember = membersOf(configuration).includes(member)
  return state.config.keepsPayloads === false && !isMember
}
