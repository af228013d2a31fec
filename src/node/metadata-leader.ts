/**
 * What only the leader of group 0 does: decides controller requests one behind the other, fences
 * brokers that are lost and has everything they led taken over by one decision, brings leadership
 * back when they return.
 *
 * A decision is made on an image that holds all earlier ones, committed as one entry, and answered
 * once it is applied. One that changes nothing is answered once a majority has confirmed that this
 * broker leads.
 */
import type { Prng } from "../../raft/prng.ts"
import type { GroupId } from "../../storage/wal.ts"
import { fenceBroker, movesBack, nextCandidate, unfenceBroker } from "../cluster/assignment.ts"
import type { LeadershipView } from "../cluster/assignment.ts"
import { missingWitnesses } from "../cluster/change-membership.ts"
import type { ControllerContext } from "../cluster/controller.ts"
import type { MetadataImage } from "../cluster/image.ts"
import type { Assignment, MetadataRecord } from "../cluster/records.ts"
import { decide } from "./controller-apis.ts"
import { startConfigs } from "./broker-settings.ts"
import type { LeaderView } from "./leader-view.ts"
import type { Liveness } from "./liveness.ts"
import type { MetadataGroup } from "./metadata-group.ts"
import type { LogLevel, NodeSettings } from "./ports.ts"
import { QuorumState } from "./quorum-state.ts"
import { newUuid } from "./uuids.ts"

export type DecisionResult =
  | { readonly _tag: "decided"; readonly response: object }
  /** Leadership was not here, or went before the outcome was known. */
  | { readonly _tag: "notLeader" }

interface Question {
  readonly request: { readonly apiKey: number; readonly body: object }
  readonly done: (result: DecisionResult) => void
}

/** What waits to be decided; the askers have their own bounds, this is the sum of them. */
const questionsMax = 10_000
const dutyIntervalMs = 250
/** While some partition has no leader. */
const urgentIntervalMs = 50
/** Leaderships brought back per round, so that a returned broker is not flooded. */
const movesPerRoundMax = 20
const moveIntervalMs = 250
/** Partitions of two replicas that came to be without a witness get one, so many per round. */
const witnessIntervalMs = 1000
const witnessesPerRoundMax = 50
const moveBackOffFirstMs = 1000
const moveBackOffMaxMs = 60_000

export interface MetadataLeaderOptions {
  readonly nodeId: number
  readonly settings: NodeSettings
  readonly group: MetadataGroup
  readonly liveness: Liveness
  readonly leaders: LeaderView
  readonly prng: Prng
  readonly wallMs: () => number
  readonly log: (level: LogLevel, line: string) => void
}

/** A partition without a leader: since when, and who was assigned in vain. */
interface Leaderless {
  sinceMs: number
  readonly tried: Set<number>
}

export class MetadataLeader {
  readonly #options: MetadataLeaderOptions
  readonly #context: Pick<ControllerContext, "nodeId" | "defaults" | "newUuid">
  readonly #quorum: QuorumState
  #questions: Question[] = []
  #deciding = false
  /** Counts terms of leadership here: an answer to an older one is not for the present queue. */
  #reign = 0
  #reigning = false
  #nextDutyMs = 0
  #nextMoveMs = 0
  #nextWitnessMs = 0
  readonly #leaderless = new Map<GroupId, Leaderless>()
  readonly #moves = new Map<GroupId, { notBeforeMs: number; backOffMs: number }>()

  constructor(options: MetadataLeaderOptions) {
    this.#options = options
    const { nodeId, settings, prng } = options
    this.#quorum = new QuorumState(options)
    this.#context = {
      nodeId,
      defaults: {
        numPartitions: settings.numPartitions,
        replicationFactor: settings.defaultReplicationFactor,
        brokerConfigs: startConfigs(nodeId, settings),
      },
      newUuid: () => newUuid(prng),
    }
  }

  submit(request: Question["request"], done: (result: DecisionResult) => void): void {
    if (!this.#options.group.leads || this.#questions.length >= questionsMax) {
      return done({ _tag: "notLeader" })
    }
    this.#questions.push({ request, done })
  }

  /** Once per turn: notices that leadership came or went, decides what waits. */
  run(nowMs: number): void {
    const { group } = this.#options
    if (!group.leads) {
      if (this.#reigning || this.#questions.length > 0) this.#abdicate()
      return
    }
    if (!group.decides) return
    if (!this.#reigning) this.#accede(nowMs)
    while (!this.#deciding && this.#questions.length > 0) this.#decideNext(nowMs)
  }

  /** What nobody asks for: fencing, elections that got nowhere, moves back. */
  tick(nowMs: number): void {
    if (this.#reigning) this.#quorum.observe(nowMs)
    if (!this.#reigning || this.#deciding || nowMs < this.#nextDutyMs) return
    this.#nextDutyMs = nowMs + (this.#leaderless.size > 0 ? urgentIntervalMs : dutyIntervalMs)
    const records =
      this.#fencing() ??
      this.#elections(nowMs) ??
      this.#movesBack(nowMs) ??
      this.#placeWitnesses(nowMs)
    if (records !== undefined) this.#commit(records, () => this.hurry())
  }

  /** Something was heard or lost: do not wait for the interval. */
  hurry(): void {
    this.#nextDutyMs = 0
  }

  #accede(nowMs: number): void {
    const { nodeId, group, log } = this.#options
    this.#reigning = true
    this.#reign++
    this.#leaderless.clear()
    this.#moves.clear()
    this.#nextDutyMs = nowMs
    this.#nextMoveMs = nowMs + moveBackOffFirstMs
    log("info", `broker ${nodeId} leads the metadata group in term ${group.term}`)
  }

  #abdicate(): void {
    this.#reigning = false
    this.#quorum.forget()
    this.#deciding = false
    this.#reign++
    const questions = this.#questions
    this.#questions = []
    for (const { done } of questions) done({ _tag: "notLeader" })
  }

  #decideNext(nowMs: number): void {
    const question = this.#questions.shift()
    if (question === undefined) return
    const { image } = this.#options.group
    const decision = decide(image, question.request, this.#controllerContext(), {
      leadership: this.#view(image),
      quorum: (request) => this.#quorum.describe(request, image, nowMs),
    })
    const { response, records } = decision
    const answer = (isOurs: boolean) =>
      question.done(isOurs ? { _tag: "decided", response } : { _tag: "notLeader" })
    if (records.length > 0) return this.#commit(records, answer)
    // No entry proves that this broker still led. One that was deposed and does not know it
    // (paused, cut off) must not refuse from an old image: a majority is asked (§8).
    this.#options.group.confirmLeads(answer)
  }

  #commit(records: ReadonlyArray<MetadataRecord>, done: (committed: boolean) => void): void {
    const reign = this.#reign
    this.#deciding = true
    const proposed = this.#options.group.propose(records, this.#options.wallMs(), (outcome) => {
      if (reign === this.#reign) this.#deciding = false
      done(outcome._tag === "committed")
    })
    if (proposed) return
    this.#deciding = false
    done(false)
  }

  #controllerContext(): ControllerContext {
    const { nodeId, liveness, group } = this.#options
    const liveBrokers = new Set<number>([nodeId])
    for (const { id, diskUuid } of group.image.brokers.values()) {
      // Heard from another disk under that id, the registered one is not alive.
      const sameDisk = liveness.peer(id)?.diskUuid === diskUuid
      if (sameDisk && liveness.reachable(id)) liveBrokers.add(id)
    }
    return { ...this.#context, liveBrokers, placeWitnesses: true }
  }

  /** As the decisions see it: a leader that is fenced or silent is none. */
  #view(image: MetadataImage): LeadershipView {
    const { leaders, liveness, nodeId } = this.#options
    return {
      isrOf: (group) => {
        const { isr } = leaders.state(group)
        if (isr.length === 0) return undefined
        return isr.filter((id) => id === nodeId || liveness.peer(id)?.suspected === false)
      },
      leaderOf: (group) => {
        const { leader } = leaders.state(group)
        return leader === -1 || image.brokers.get(leader)?.fenced !== false ? -1 : leader
      },
    }
  }

  #fencing(): ReadonlyArray<MetadataRecord> | undefined {
    const { group, liveness, nodeId, log } = this.#options
    const { image } = group
    for (const broker of [...image.brokers.values()].sort((a, b) => a.id - b.id)) {
      const peer = liveness.peer(broker.id)
      if (broker.id === nodeId || peer === undefined) continue
      if (peer.suspected && !broker.fenced) {
        log("warn", `broker ${broker.id} is lost: its leaderships move`)
        return fenceBroker(image, broker.id, this.#view(image))
      }
      const sameProcess =
        peer.incarnation === broker.incarnation && peer.diskUuid === broker.diskUuid
      if (broker.fenced && liveness.reachable(broker.id) && sameProcess) {
        log("info", `broker ${broker.id} is back`)
        return unfenceBroker(image, broker.id)
      }
    }
    return undefined
  }

  /** The next candidate for every partition whose assigned leader did not come to lead in time. */
  #elections(nowMs: number): ReadonlyArray<MetadataRecord> | undefined {
    const { group, settings } = this.#options
    const { image } = group
    const view = this.#view(image)
    const assignments: Assignment[] = []
    for (const partition of image.groups.values()) {
      if ((view.leaderOf(partition.group) ?? -1) !== -1) {
        this.#leaderless.delete(partition.group)
        continue
      }
      const state = this.#leaderless.get(partition.group)
      if (state === undefined) {
        const tried = new Set([partition.assignedLeader])
        this.#leaderless.set(partition.group, { sinceMs: nowMs, tried })
        continue
      }
      // Many elections at once take longer, above all on a busy disk: a moment more for each.
      if (nowMs - state.sinceMs < settings.suspectMs + this.#leaderless.size) continue
      state.sinceMs = nowMs
      const leader = nextCandidate(image, partition, view.isrOf(partition.group), state.tried)
      if (leader === undefined) {
        // All were tried: start over, after giving the group's own election its time.
        state.tried.clear()
        state.sinceMs = nowMs + settings.dataElectionTimeoutMs
        continue
      }
      state.tried.add(leader)
      assignments.push({ group: partition.group, leader, how: "campaign" })
    }
    for (const id of this.#leaderless.keys()) if (!image.groups.has(id)) this.#leaderless.delete(id)
    if (assignments.length === 0) return undefined
    assignments.sort((a, b) => a.group - b.group)
    return [{ _tag: "LeadersAssigned", assignments }]
  }

  #placeWitnesses(nowMs: number): ReadonlyArray<MetadataRecord> | undefined {
    if (nowMs < this.#nextWitnessMs) return undefined
    this.#nextWitnessMs = nowMs + witnessIntervalMs
    const { image } = this.#options.group
    const records = missingWitnesses(image, this.#controllerContext(), witnessesPerRoundMax)
    return records.length === 0 ? undefined : records
  }

  #movesBack(nowMs: number): ReadonlyArray<MetadataRecord> | undefined {
    const asked = this.#context.defaults.brokerConfigs.get("auto.leader.rebalance.enable")
    if (nowMs < this.#nextMoveMs || asked?.trim().toLowerCase() === "false") return undefined
    this.#nextMoveMs = nowMs + moveIntervalMs
    const { image } = this.#options.group
    const view = this.#view(image)
    const { liveness } = this.#options
    const mayMove = (group: GroupId) =>
      nowMs >= (this.#moves.get(group)?.notBeforeMs ?? 0) &&
      !liveness.lowSpace(image.groups.get(group)?.replicas[0] ?? -1)
    for (const [group, { notBeforeMs }] of this.#moves) {
      const partition = image.groups.get(group)
      const arrived = partition !== undefined && view.leaderOf(group) === partition.replicas[0]
      if (arrived || nowMs > notBeforeMs + moveBackOffMaxMs) this.#moves.delete(group)
    }
    const assigned = movesBack(image, view, mayMove, movesPerRoundMax)
    if (assigned === undefined) return undefined
    for (const { group } of assigned.assignments) {
      const backOffMs = Math.min(
        moveBackOffMaxMs,
        (this.#moves.get(group)?.backOffMs ?? moveBackOffFirstMs / 2) * 2,
      )
      this.#moves.set(group, { notBeforeMs: nowMs + backOffMs, backOffMs })
    }
    return [assigned]
  }
}
