/**
 * After the healing, progress is demanded (VERIFICATION §4): within a bound computed from the run's
 * parameters every partition has a leader and takes writes, all live replicas hold the same log,
 * every member is trusted again, no membership change is left half-way, and readers reach the end.
 */
import type { MemberId } from "../../raft/types.ts"
import type { GroupId } from "../../storage/wal.ts"
import type { PartitionInfo } from "../cluster/image.ts"
import { memberId } from "../cluster/members.ts"
import type { BrokerNode } from "../node/broker-node.ts"
import type { RaftGroup } from "../partition/raft-group.ts"
import { isTimely, livenessBoundMs } from "./liveness-bound.ts"
import type { LivenessParameters } from "./liveness-bound.ts"
import type { Subject, SubjectBroker } from "./subject.ts"
import type { GroupProbes } from "./clients/group-probes.ts"
import type { Probes, Workload } from "./workload.ts"
import type { Drainer } from "./clients/drain.ts"

export interface LivenessOptions extends Omit<
  LivenessParameters,
  "groups" | "brokers" | "entries" | "payloadBytes"
> {
  /** Brokers that were healed; the others stay as they are for ever. Default: all. */
  readonly healed?: ReadonlySet<number>
}

export interface LivenessVerdict {
  readonly isLive: boolean
  /** False: links and disks are too slow for the election timeout, and progress is luck. */
  readonly isTimely: boolean
  readonly boundMs: number
  readonly tookMs: number
  /** What was still missing at the end; empty when live. */
  readonly unmet: ReadonlyArray<string>
}

/** How often, in simulated time, the conditions are looked at: they are costly. */
const lookEveryMs = 50
const unmetMax = 10

interface LiveMember {
  readonly broker: SubjectBroker
  readonly node: BrokerNode
  readonly raft: RaftGroup
}

export class Liveness {
  readonly #subject: Subject
  readonly #workload: Workload
  readonly #options: LivenessOptions
  #probes: Probes | undefined
  #groupProbes: GroupProbes | undefined
  #drainer: Drainer | undefined

  constructor(subject: Subject, workload: Workload, options: LivenessOptions) {
    this.#subject = subject
    this.#workload = workload
    this.#options = options
  }

  /** `step` lets one event happen; false when none is left. The workload must have been stopped. */
  run(step: () => boolean): LivenessVerdict {
    const startedMs = this.#subject.nowMs
    const boundMs = this.boundMs()
    this.#probes = this.#workload.probe()
    this.#groupProbes = this.#workload.probeGroups()
    let unmet = this.unmet()
    let lookMs = startedMs
    while (unmet.length > 0 && this.#subject.nowMs - startedMs < boundMs) {
      if (!step()) break
      if (this.#subject.nowMs < lookMs) continue
      lookMs = this.#subject.nowMs + lookEveryMs
      unmet = this.unmet()
    }
    const tookMs = this.#subject.nowMs - startedMs
    const isLive = unmet.length === 0
    return { isLive, isTimely: isTimely(this.#options), boundMs, tookMs, unmet }
  }

  boundMs(): number {
    let entries = 0
    let payloadBytes = 0
    const groups = new Set<GroupId>()
    for (const { wal } of this.#subject.brokers) {
      for (const group of wal.groups()) {
        const log = wal.log(group)
        groups.add(group)
        entries += log.lastIndex - log.cut.index
        payloadBytes += log.payloadBytes
      }
    }
    const brokers = this.#subject.brokers.length
    return livenessBoundMs({
      ...this.#options,
      brokers,
      groups: groups.size,
      entries: Math.ceil(entries / brokers),
      payloadBytes: Math.ceil(payloadBytes / brokers),
    })
  }

  /** In words, at most ten. The last step is the drain: it begins when all else is well. */
  unmet(): ReadonlyArray<string> {
    const missing = this.#structure()
    if (missing.length > 0) return missing
    for (const [partition, what] of this.#probes?.waitsFor ?? []) {
      missing.push(`${partition} takes no write: ${what}`)
    }
    for (const group of this.#groupProbes?.waitsFor ?? []) {
      missing.push(`group ${group} cannot ask what it has committed`)
    }
    if (this.#workload.outstanding > 0) {
      missing.push(`clients wait for ${this.#workload.outstanding} answers`)
    }
    if (missing.length > 0) return missing.slice(0, unmetMax)
    this.#drainer ??= this.#workload.drain()
    for (const [partition, what] of this.#drainer.waitsFor) {
      missing.push(`${partition} is not read to its end: ${what}`)
    }
    return missing.slice(0, unmetMax)
  }

  #structure(): Array<string> {
    const missing: Array<string> = []
    const live = this.#live()
    const newest = live.reduce<BrokerNode | undefined>(
      (best, { node }) =>
        node !== undefined && node.image.index > (best?.image.index ?? -1) ? node : best,
      undefined,
    )
    if (newest === undefined) return ["no broker runs"]
    for (const { id, node } of live) {
      if (node?.ready !== true) missing.push(`broker ${id} is not ready`)
    }
    this.#group(0, undefined, missing)
    for (const info of newest.image.groups.values()) {
      if (missing.length >= unmetMax) return missing
      this.#group(info.group, info, missing)
    }
    return missing
  }

  #live(): ReadonlyArray<SubjectBroker> {
    const { healed } = this.#options
    return this.#subject.brokers.filter(
      ({ id, node }) => node !== undefined && healed?.has(id) !== false,
    )
  }

  #group(group: GroupId, info: PartitionInfo | undefined, missing: Array<string>): void {
    const members = this.#live().flatMap((broker): ReadonlyArray<LiveMember> => {
      const { node } = broker
      const raft = node?.raftGroup(group)
      return node === undefined || raft === undefined ? [] : [{ broker, node, raft }]
    })
    const name = info === undefined ? "the metadata group" : `${info.topic}-${info.partition}`
    const leader = members.find(({ raft }) => raft.node.role === "leader")
    if (leader === undefined) {
      if (!this.#isExcused(members)) missing.push(`${name} has no leader`)
      return
    }
    if (info !== undefined && !this.#isSettled(info, leader)) {
      missing.push(`${name} is on its way to other replicas`)
    }
    const { raft } = leader
    if (!raft.node.committedInTerm) missing.push(`${name}: its leader has committed nothing`)
    this.#members(name, leader, members, missing)
  }

  /** Too few of its voters are healed. */
  #isExcused(members: ReadonlyArray<LiveMember>): boolean {
    if (this.#options.healed === undefined) return false
    const present = new Set(members.map(({ broker }) => memberId(broker.id, broker.diskUuid)))
    const configuration = members[0]?.raft.node.configuration
    if (configuration === undefined) return true
    const few = (voters: ReadonlyArray<MemberId>) =>
      voters.length > 0 && voters.filter((voter) => present.has(voter)).length * 2 <= voters.length
    return few(configuration.voters) || few(configuration.votersOutgoing)
  }

  #isSettled(info: PartitionInfo, { raft }: LiveMember): boolean {
    const { votersOutgoing, learners } = raft.node.configuration
    if (info.adding.length > 0 || info.removing.length > 0) return false
    return (
      votersOutgoing.length === 0 && (this.#options.healed !== undefined || learners.length === 0)
    )
  }

  #members(
    name: string,
    leader: LiveMember,
    members: ReadonlyArray<LiveMember>,
    missing: Array<string>,
  ): void {
    const { configuration } = leader.raft.node
    const all = new Set([...configuration.voters, ...configuration.learners])
    const { lastIndex } = leader.raft.log
    for (const { broker, raft } of members) {
      const member = memberId(broker.id, broker.diskUuid)
      if (!all.has(member) || configuration.witnesses.includes(member)) continue
      const who = `${name} on broker ${broker.id}`
      const { standing } = raft.node
      if (standing !== "trusted") missing.push(`${who} is ${standing}`)
      const { log } = raft
      const isSame =
        log.lastIndex === lastIndex && log.term(lastIndex) === leader.raft.log.term(lastIndex)
      if (!isSame) missing.push(`${who} ends at #${log.lastIndex}, its leader at #${lastIndex}`)
      else if (raft.appliedIndex < lastIndex) {
        missing.push(`${who} has applied #${raft.appliedIndex} of #${lastIndex}`)
      }
    }
  }
}
