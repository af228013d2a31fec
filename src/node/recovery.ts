/**
 * Groups whose log here cannot be believed (VERIFICATION D3, D4): what peers remember is held
 * against the logs, votes wait for that after an unclean start, members that may have forgotten a
 * vote learn the others' terms. Filling the logs up again is Raft's own business.
 */
import type { HardState, MemberId } from "../../raft/types.ts"
import type { GroupId, Wal } from "../../storage/wal.ts"
import { isDeletedGroup } from "../cluster/image.ts"
import type { MetadataImage } from "../cluster/image.ts"
import { memberId, nodeOf } from "../cluster/members.ts"
import type { RaftGroup } from "../partition/raft-group.ts"
import { contradicts, hasForgotten } from "../partition/witnessed.ts"
import type { Witnessed } from "../peer/codec.ts"
import { metadataGroupId } from "./metadata-group.ts"
import { NewGroups } from "./new-groups.ts"
import type { Hello, LogLevel, NodeOptions } from "./ports.ts"
import { acceptHint } from "./sole-voter.ts"
import { isAlone, testifiers, votersOf } from "./testifiers.ts"

export interface RecoveryPorts {
  readonly options: NodeOptions
  readonly wal: Wal
  /** Every group that runs here. */
  groups(): Iterable<RaftGroup>
  group(id: GroupId): RaftGroup | undefined
  image(): MetadataImage
  log(level: LogLevel, line: string): void
}

/** Election timeouts after which nobody is expected any more. */
const stuckTimeouts = 6
const stuckLookMs = 500

/** Of a group that the disk does not know. */
const noHardState = { term: 0, votedFor: null } as const

/** What a peer's disk said of its groups. */
interface Terms {
  readonly member: MemberId
  readonly terms: ReadonlyMap<GroupId, number>
}

export class Recovery {
  readonly #ports: RecoveryPorts
  readonly #self: MemberId
  readonly #peers: ReadonlySet<number>
  readonly #answered = new Map<number, Terms>()
  /** Peers remember more of these than there is; they do not run here yet. */
  readonly #distrusted = new Map<GroupId, string>()
  readonly newGroups: NewGroups
  readonly #voteless = new Map<GroupId, string>()
  /** Said once in the life of a process: what it has promised itself is no loss. */
  readonly #toldOfVotes = new Set<GroupId>()
  /**
   * As the disk was found. While votes are held nothing is promised by it, but terms are heard of;
   * null afterwards: then the present ones count.
   */
  #found: ReadonlyMap<GroupId, HardState> | null = null
  #holding: boolean
  #holdUntilMs = Number.POSITIVE_INFINITY
  #nextLookMs = 0
  readonly #stuckSince = new Map<GroupId, number>()

  constructor(ports: RecoveryPorts) {
    const { nodeId, diskUuid, peers } = ports.options
    this.#ports = ports
    this.#self = memberId(nodeId, diskUuid)
    this.#peers = new Set(peers.map((peer) => peer.nodeId))
    const { wal } = ports
    this.newGroups = new NewGroups(this.#peers, wal.log(metadataGroupId).lastIndex)
    this.#holding = wal.unclean && this.#peers.size > 0
    if (!this.#holding) return
    this.#found = new Map(wal.groups().map((group) => [group, wal.log(group).hardState]))
  }

  /** Votes wait at most as long as an election of the group that decides takes. */
  start(nowMs: number): void {
    this.#holdUntilMs = nowMs + this.#ports.options.settings.electionTimeoutMs
    for (const group of this.#ports.groups()) this.begun(group)
  }

  tick(nowMs: number): void {
    if (this.#holding && nowMs >= this.#holdUntilMs) this.#release()
    if (nowMs < this.#nextLookMs) return
    this.#nextLookMs = nowMs + stuckLookMs
    for (const group of this.#ports.groups()) {
      if (group.node.standing === "amnesiac") this.#tellTerms(group)
      this.#askForLeader(group)
      this.#lookStuck(group, nowMs)
    }
  }

  /** The group may sleep, and its log know none of those who are its members today. */
  #askForLeader(group: RaftGroup): void {
    const { standing, leaderId } = group.node
    if (standing === "trusted" || leaderId !== null) return
    const info = this.#ports.image().groups.get(group.group)
    if (info === undefined) return
    group.node.askForLeader(info.voters)
    group.schedule()
  }

  /** With everybody heard nobody leads it for long: too many have lost something. */
  #lookStuck(group: RaftGroup, nowMs: number): void {
    const { node } = group
    const untrusted = node.standing !== "trusted"
    const stuck = node.leaderId === null && this.#allAnswered
    if (!stuck || (!untrusted && !this.#isMajorityGone(group))) {
      this.#stuckSince.delete(group.group)
      return
    }
    const since = this.#stuckSince.get(group.group) ?? nowMs
    this.#stuckSince.set(group.group, since)
    const { acceptDataLoss, dataElectionTimeoutMs } = this.#ports.options.settings
    if (nowMs - since < stuckTimeouts * dataElectionTimeoutMs) return
    this.#stuckSince.set(group.group, Number.POSITIVE_INFINITY)
    if (!acceptDataLoss || !untrusted) this.#ports.log("error", this.#lossLine(group))
    else if (this.#accept(group)) {
      const line = `group ${group.group} runs with what is left, up to ${node.lastIndex}`
      this.#ports.log("warn", `DATA LOSS ACCEPTED: ${line}`)
    } else this.#stuckSince.set(group.group, nowMs)
  }

  #accept(group: RaftGroup): boolean {
    if (group.node.standing === "amnesiac") this.#tellTerms(group, true)
    return group.acceptLoss()
  }

  /** Voters whose broker speaks from another disk, this one included. */
  #goneVoters({ node }: RaftGroup): ReadonlyArray<MemberId> {
    const own = nodeOf(this.#self)
    return votersOf(node.configuration).filter((member) => {
      const at = nodeOf(member)
      const speaksAs = at === own ? this.#self : this.#answered.get(at)?.member
      return speaksAs !== undefined && speaksAs !== member
    })
  }

  #isMajorityGone(group: RaftGroup): boolean {
    const { voters, votersOutgoing } = group.node.configuration
    const gone = this.#goneVoters(group)
    if (gone.length === 0) return false
    const isLost = (all: ReadonlyArray<MemberId>) =>
      all.filter((member) => gone.includes(member)).length * 2 >= all.length
    return isLost(voters) || (votersOutgoing.length > 0 && isLost(votersOutgoing))
  }

  #lossLine(group: RaftGroup): string {
    const gone = this.#goneVoters(group).join(", ")
    const name = `group ${group.group}`
    if (group.node.standing === "trusted") {
      return `${name} has lost its majority for good: the disks of ${gone} were replaced`
    }
    const replaced = gone === "" ? "" : ` (the disks of ${gone} were replaced)`
    const line = `no majority of whole logs elects a leader that could fill this one up${replaced}`
    return `${name}: ${line}; ${acceptHint}`
  }

  /** A group runs here now. */
  begun(group: RaftGroup): void {
    const { node } = group
    if (this.#holding && !isAlone(node.configuration)) node.holdVotes = true
    const reason = this.#distrusted.get(group.group)
    this.#distrusted.delete(group.group)
    if (reason !== undefined) this.#distrust(group, reason)
    const forgotten = this.#voteless.get(group.group)
    this.#voteless.delete(group.group)
    if (forgotten !== undefined) this.#forgetVote(group, forgotten)
    if (node.standing === "amnesiac") this.#tellTerms(group)
  }

  /** A link was made: what that peer holds, and what it remembers of this disk. */
  heard(hello: Hello): void {
    const { nodeId, diskUuid, heights } = hello
    const terms = new Map(heights.map(({ group, term }) => [group, term]))
    this.newGroups.heard(hello)
    this.#answered.set(nodeId, { member: memberId(nodeId, diskUuid), terms })
    if (hello.witnessedDisk === this.#ports.options.diskUuid) {
      for (const seen of hello.witnessed) this.#hold(nodeId, seen)
    }
    for (const group of this.#ports.groups()) {
      if (group.node.standing === "amnesiac") this.#tellTerms(group)
    }
    if (this.#holding && this.#allAnswered) this.#release()
  }

  get #allAnswered(): boolean {
    for (const nodeId of this.#peers) if (!this.#answered.has(nodeId)) return false
    return true
  }

  #release(): void {
    this.#holding = false
    this.#found = null
    for (const group of this.#ports.groups()) group.node.holdVotes = false
  }

  #hold(nodeId: number, seen: Witnessed): void {
    // What peers remember of it means nothing.
    if (isDeletedGroup(this.#ports.image(), seen.group)) return
    this.#holdHeight(nodeId, seen)
    this.#holdVote(nodeId, seen)
  }

  #holdVote(nodeId: number, seen: Witnessed): void {
    const { group, promisedTerm, voted } = seen
    const { hardState } = this.#ports.wal.log(group)
    const found = this.#found === null ? hardState : (this.#found.get(group) ?? noHardState)
    if (!hasForgotten(found, seen) || this.#toldOfVotes.has(group)) return
    this.#toldOfVotes.add(group)
    const what = voted ? "vote" : "word"
    const reason = `broker ${nodeId} has its ${what} of term ${promisedTerm}, it knows ${found.term}`
    const raftGroup = this.#ports.group(group)
    if (raftGroup === undefined) this.#voteless.set(group, reason)
    else this.#forgetVote(raftGroup, reason)
  }

  #forgetVote(group: RaftGroup, reason: string): void {
    if (group.node.standing === "amnesiac" || !group.node.forgetVote()) return
    group.schedule()
    const line = "it neither votes nor counts until all voters have told their terms"
    this.#ports.log("warn", `group ${group.group} has lost a vote: ${reason}; ${line}`)
  }

  #holdHeight(nodeId: number, seen: Witnessed): void {
    const log = this.#ports.wal.log(seen.group)
    const { acceptedTerm, standing } = log.hardState
    const { lastIndex } = log
    if (standing !== "trusted") return
    if (!contradicts({ acceptedTerm, lastIndex }, seen)) return
    const reason =
      `broker ${nodeId} remembers it up to index ${seen.index} of term ${seen.leaderTerm}, ` +
      `it ends at ${lastIndex} of term ${acceptedTerm}`
    const group = this.#ports.group(seen.group)
    if (group === undefined) this.#distrusted.set(seen.group, reason)
    else this.#distrust(group, reason)
  }

  #distrust(group: RaftGroup, reason: string): void {
    if (group.node.standing !== "trusted" || !group.node.distrust()) return
    group.schedule()
    const line = "it counts for nothing until its leader has filled it up"
    this.#ports.log("warn", `group ${group.group} has lost entries: ${reason}; ${line}`)
  }

  /**
   * Once every other voter has told its term, no vote of ours can be in a term we might use. Asked
   * again whenever the membership may have moved. Voters whose disk is known to be gone cannot
   * tell; `accepted`: nor need those whose broker speaks from another disk.
   */
  #tellTerms(group: RaftGroup, accepted = false): void {
    const { node } = group
    let greatest = 0
    for (const member of testifiers(node.state.membership.possible)) {
      if (member === this.#self) continue
      const answered = this.#answered.get(nodeOf(member))
      if (answered === undefined) return
      if (answered.member === member) {
        greatest = Math.max(greatest, answered.terms.get(group.group) ?? 0)
      } else if (!accepted) return
    }
    node.termsKnown(greatest)
    group.schedule()
    const line = `knows every other voter's term, the greatest is ${greatest}`
    this.#ports.log("info", `group ${group.group}: ${line}`)
  }
}
