/**
 * Takes the raft membership of groups led here where the metadata wants it (membership.ts in
 * cluster states the protocol): who is to join learns first, is made a voter by one joint change
 * when it has caught up, and leadership goes over first where this node is to leave. Also group 0,
 * whose goal is made of the registered disks.
 *
 * Nothing is remembered that a new leader could not find out again: every look compares the
 * membership in force with the goal and takes the next step.
 */
import type { Configuration, MemberId } from "../../raft/types.ts"
import type { GroupId } from "../../storage/wal.ts"
import { membershipKind } from "../cluster/change-membership.ts"
import type { MetadataImage, PartitionInfo } from "../cluster/image.ts"
import { memberId, nodeOf } from "../cluster/members.ts"
import {
  dataVoters,
  goalConfiguration,
  isAtGoal,
  isUnsettled,
  metadataGoal,
  sameMembers,
} from "../cluster/membership.ts"
import type { RaftGroup } from "../partition/raft-group.ts"
import { changeMembership } from "../protocol/messages/change-membership.ts"
import type { RequestOf } from "../protocol/schema.ts"
import type { Hosting } from "./hosting.ts"
import type { Liveness } from "./liveness.ts"
import { metadataGroupId } from "./metadata-group.ts"
import type { MetadataGroup } from "./metadata-group.ts"
import type { LogLevel } from "./ports.ts"
import type { Replicas } from "./replicas.ts"
import type { ControllerRequest, ControllerResult } from "./requests/outcome.ts"

export interface MembershipDriverParts {
  readonly nodeId: number
  readonly self: MemberId
  readonly metadata: MetadataGroup
  readonly replicas: Replicas
  readonly liveness: Liveness
  readonly hosting: Hosting
  readonly wallMs: () => number
  readonly decide: (request: ControllerRequest, done: (result: ControllerResult) => void) => void
  readonly log: (level: LogLevel, line: string) => void
}

type Report = RequestOf<typeof changeMembership>["partitions"][number]

/**
 * What a look at one group led to: nothing is left to do here, something is under way, or the
 * metadata leader has to be told.
 */
type Step = "done" | "waits" | Report

const lookMs = 50
/** Groups that catch up on one broker at a time, as far as this leader makes them. */
const joiningPerBrokerMax = 8
/** Entries a learner may lag behind the commit index and still be made a voter. */
const caughtUpLagMax = 100
/** At that many looks in a row. */
const caughtUpLooks = 2
const reportsMax = 500
const answerWaitMs = 2000
/** A handover that does not succeed in so many tries is left to the end of the joint change. */
const handoverTriesMax = 3
const handoverAgainMs = 1500

interface Under {
  /** Looks in a row at which a member had caught up. */
  readonly looks: Map<MemberId, number>
  handovers: number
  handoverMs: number
}

export class MembershipDriver {
  readonly #parts: MembershipDriverParts
  /** Groups that may have something to do, led here when last looked. */
  readonly #groups = new Map<GroupId, Under>()
  /** Groups that catch up, by broker. */
  #joining = new Map<number, number>()
  #nextLookMs = 0
  #asking = false

  constructor(parts: MembershipDriverParts) {
    this.#parts = parts
  }

  get #image(): MetadataImage {
    return this.#parts.metadata.image
  }

  /** Leadership came, or the goal moved: look at it. */
  look(group: GroupId): void {
    if (!this.#groups.has(group)) {
      this.#groups.set(group, { looks: new Map(), handovers: 0, handoverMs: 0 })
    }
  }

  forget(group: GroupId): void {
    this.#groups.delete(group)
  }

  run(nowMs: number): void {
    if (nowMs < this.#nextLookMs) return
    this.#nextLookMs = nowMs + lookMs
    const reports = this.#parts.hosting.vacated().map(vacatedReport)
    if (this.#groups.size === 0 && reports.length === 0) return
    this.#countJoining()
    for (const [group, under] of this.#groups) {
      const step = this.#step(group, under, nowMs)
      if (step === "done") this.#groups.delete(group)
      else if (step !== "waits") reports.push(step)
    }
    if (reports.length > 0) this.#tell(reports.slice(0, reportsMax), nowMs)
  }

  #tell(partitions: ReadonlyArray<Report>, nowMs: number): void {
    if (this.#asking) return
    this.#asking = true
    const { nodeId, decide } = this.#parts
    const body = { brokerId: nodeId, asOf: this.#image.index, partitions }
    const deadlineMs = nowMs + answerWaitMs
    decide({ apiKey: changeMembership.key, apiVersion: 0, body, deadlineMs }, () => {
      this.#asking = false
    })
  }

  #countJoining(): void {
    this.#joining = new Map()
    for (const group of this.#groups.keys()) {
      const raftGroup = this.#parts.replicas.raftGroup(group)
      if (raftGroup === undefined || raftGroup.node.role !== "leader") continue
      const wanted = this.#wanted(group)
      for (const member of raftGroup.node.configuration.learners) {
        if (wanted?.includes(member) !== false) this.#countJoin(member)
      }
    }
  }

  /**
   * A learner that is to be one no more keeps nobody waiting. One on a disk that was replaced would
   * for ever: it goes when the new disk takes its place, for which there must be room.
   */
  #wanted(group: GroupId): ReadonlyArray<MemberId> | undefined {
    const info = this.#image.groups.get(group)
    return info === undefined ? undefined : dataVoters(goalConfiguration(info, this.#image.brokers))
  }

  #countJoin(member: MemberId): void {
    const node = nodeOf(member)
    this.#joining.set(node, (this.#joining.get(node) ?? 0) + 1)
  }

  #step(group: GroupId, under: Under, nowMs: number): Step {
    const { metadata, replicas } = this.#parts
    const raftGroup =
      group === metadataGroupId ? metadata.raftGroup : replicas.get(group)?.raftGroup
    if (raftGroup === undefined || raftGroup.node.role !== "leader") return "done"
    const { node } = raftGroup
    const { membership, log } = node.state
    const settled =
      node.committedInTerm &&
      membership.currentIndex <= log.commitIndex &&
      membership.current.votersOutgoing.length === 0
    if (!settled || node.transferTarget !== null) return "waits"
    if (group === metadataGroupId) return this.#stepMetadata(raftGroup, under)
    const info = this.#image.groups.get(group)
    return info === undefined ? "done" : this.#stepPartition(raftGroup, info, under, nowMs)
  }

  #stepPartition(raftGroup: RaftGroup, info: PartitionInfo, under: Under, nowMs: number): Step {
    const { node } = raftGroup
    const { brokers } = this.#image
    const goal = goalConfiguration(info, brokers)
    const atGoal = isAtGoal(node.configuration, goal)
    if (atGoal && !isUnsettled(info, brokers)) return "done"
    if (info.claimTerm !== node.term) {
      return info.claimTerm > node.term ? "waits" : report(info, node.term, membershipKind.claim)
    }
    if (atGoal) return report(info, node.term, membershipKind.settled, goal)
    const joiners = dataVoters(goal).filter((member) => !isVoter(node.configuration, member))
    if (!sameMembers(node.configuration.learners, joiners)) {
      if (!this.#mayJoin(node.configuration, joiners, info)) return "waits"
      return this.#propose(raftGroup, { ...node.configuration, learners: joiners })
    }
    const ready = this.#caughtUp(raftGroup, joiners, under, info.membershipIndex)
    if (ready.length < joiners.length) {
      const swapped = withReplacedDisks(node.configuration, ready)
      return swapped === undefined ? "waits" : this.#propose(raftGroup, swapped)
    }
    const { self } = this.#parts
    if (goal.voters.includes(self) || under.handovers >= handoverTriesMax) {
      return this.#propose(raftGroup, goal)
    }
    if (!goal.voters.some((member) => isVoter(node.configuration, member))) {
      // Nobody who stays could take over yet: this node stays for as long.
      const voters = [...goal.voters, self]
      return this.#propose(raftGroup, { ...goal, voters })
    }
    this.#handOver(raftGroup, goal, under, nowMs)
    return "waits"
  }

  #stepMetadata(raftGroup: RaftGroup, under: Under): Step {
    const { node } = raftGroup
    const current = node.configuration
    const goal = metadataGoal(current, this.#image.brokers)
    const joiners = goal.voters.filter((member) => !isVoter(current, member))
    const learners = [...goal.learners, ...joiners]
    if (!sameMembers(current.learners, learners)) {
      return this.#propose(raftGroup, { ...current, learners })
    }
    if (joiners.length === 0) return "done"
    const [ready] = this.#caughtUp(raftGroup, joiners, under, 0)
    if (ready === undefined) return "waits"
    const voters = current.voters.filter((member) => nodeOf(member) !== nodeOf(ready))
    return this.#propose(raftGroup, withVoters(current, [...voters, ready]))
  }

  #propose(raftGroup: RaftGroup, next: Configuration): Step {
    const { configuration } = raftGroup.node
    if (!sameMembers(configuration.voters, next.voters) && !this.#canDecide(raftGroup, next)) {
      return "waits"
    }
    const result = raftGroup.node.proposeConfiguration(
      next,
      raftGroup.appendMs(this.#parts.wallMs()),
    )
    if (result._tag === "refused") {
      this.#parts.log("warn", `group ${raftGroup.group}: membership refused: ${result.reason}`)
    } else for (const member of next.learners) this.#countJoin(member)
    raftGroup.schedule()
    return "waits"
  }

  /**
   * New learners: within the bound, and only where the broker knows that it is to hold the group.
   */
  #mayJoin(
    current: Configuration,
    joiners: ReadonlyArray<MemberId>,
    { membershipIndex }: PartitionInfo,
  ): boolean {
    return joiners.every((member) => {
      if (current.learners.includes(member)) return true
      const busy = (this.#joining.get(nodeOf(member)) ?? 0) >= joiningPerBrokerMax
      return !busy && this.#isHere(member, membershipIndex)
    })
  }

  /** Alive on that disk, and as far with the metadata. */
  #isHere(member: MemberId, metadataIndex: number): boolean {
    const { liveness, self } = this.#parts
    if (member === self) return true
    const node = nodeOf(member)
    const peer = liveness.peer(node)
    return (
      peer !== undefined &&
      liveness.reachable(node) &&
      memberId(node, peer.diskUuid) === member &&
      peer.appliedMetadataIndex >= metadataIndex
    )
  }

  #caughtUp(
    { node }: RaftGroup,
    joiners: ReadonlyArray<MemberId>,
    { looks }: Under,
    metadataIndex: number,
  ): ReadonlyArray<MemberId> {
    return joiners.filter((member) => {
      const progress = node.progress(member)
      const near =
        progress !== undefined &&
        progress.counts &&
        progress.matchIndex + caughtUpLagMax >= node.commitIndex &&
        progress.matchIndex > 0 &&
        this.#isHere(member, metadataIndex)
      const count = near ? (looks.get(member) ?? 0) + 1 : 0
      looks.set(member, count)
      return count >= caughtUpLooks
    })
  }

  /**
   * A majority of those who are to vote is here, whole, and near the end: the present voters may do
   * without somebody of whom the next ones need every vote.
   */
  #canDecide({ node }: RaftGroup, { voters, witnesses }: Configuration): boolean {
    const able = voters.filter((member) => {
      if (member === this.#parts.self) return true
      const progress = node.progress(member)
      if (progress === undefined || !progress.counts || !this.#isHere(member, 0)) return false
      // One that is spared knows less than it will be told.
      if (witnesses.includes(member)) return true
      // Since the link is new it has answered, and what it answered counted.
      const answers = progress.state === "replicate" && progress.matchIndex > 0
      return answers && progress.matchIndex + caughtUpLagMax >= node.commitIndex
    })
    return able.length > voters.length >> 1
  }

  /** To a voter that stays; it takes the membership on from there. */
  #handOver(raftGroup: RaftGroup, goal: Configuration, under: Under, nowMs: number): void {
    if (nowMs < under.handoverMs) return
    const { node } = raftGroup
    under.handovers++
    const heir = dataVoters(goal).find((member) => {
      const match = node.progress(member)?.matchIndex ?? 0
      const staying = isVoter(node.configuration, member) && this.#isHere(member, 0)
      return staying && match + caughtUpLagMax >= node.commitIndex
    })
    if (heir === undefined) return
    under.handoverMs = nowMs + handoverAgainMs
    raftGroup.transferLeadership(heir)
  }
}

const isVoter = (configuration: Configuration, member: MemberId): boolean =>
  configuration.voters.includes(member)

const withVoters = (current: Configuration, voters: ReadonlyArray<MemberId>): Configuration => ({
  voters,
  votersOutgoing: [],
  learners: current.learners.filter((member) => !voters.includes(member)),
  learnersNext: [],
  witnesses: current.witnesses.filter((member) => voters.includes(member)),
})

/** New disks that have caught up take the place of old ones, while others still learn. */
const withReplacedDisks = (
  current: Configuration,
  ready: ReadonlyArray<MemberId>,
): Configuration | undefined => {
  const newDisks = new Map(ready.map((member) => [nodeOf(member), member]))
  const voters = current.voters.map((member) => newDisks.get(nodeOf(member)) ?? member)
  return sameMembers(voters, current.voters) ? undefined : withVoters(current, voters)
}

const report = (
  { group }: PartitionInfo,
  term: number,
  kind: number,
  { voters, witnesses }: Pick<Configuration, "voters" | "witnesses"> = noMembers,
): Report => ({ group, kind, term, voters, witnesses })

const noMembers = { voters: [], witnesses: [] }

const vacatedReport = (group: GroupId): Report => ({
  group,
  kind: membershipKind.vacated,
  term: 0,
  ...noMembers,
})
