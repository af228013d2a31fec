/**
 * Watches a world after every event (VERIFICATION §4): cheap rules always and only for the groups
 * that were touched, costly ones every 64 events for one group of one broker. A broken rule is
 * thrown as a `Violation`.
 */
import { Prng } from "../../raft/prng.ts"
import type { CommitNumber, GroupId, GroupWrite } from "../../storage/wal.ts"
import type { PeerFrame } from "../peer/codec.ts"
import { Budgets } from "./invariants/budgets.ts"
import type { GroupCopy } from "./invariants/group-copy.ts"
import { Derived } from "./invariants/derived.ts"
import { ObservedGroups } from "./invariants/observed-groups.ts"
import { ProgressRules, Watched } from "./invariants/progress-rules.ts"
import { Promises } from "./invariants/promises.ts"
import { Violation } from "./invariants/violation.ts"
import type { ViolationKind } from "./invariants/violation.ts"
import type { Observer, Subject, SubjectBroker } from "./subject.ts"

export { Violation, violationKinds } from "./invariants/violation.ts"
export type { ViolationKind } from "./invariants/violation.ts"

export interface InvariantsOptions {
  readonly producerIdExpirationMs?: number
  readonly producersMax?: number
  readonly tickMs?: number
  /** Groups of the run, group 0 and those of passing topics among them. */
  readonly groupsMax?: number
  /** Events between two costly looks. */
  readonly costlyEvery?: number
}

interface Process {
  readonly broker: SubjectBroker
  readonly watched: Map<GroupId, Watched>
  /** Looked at after this event. */
  readonly touched: Set<GroupId>
  /** Hold entries that are not committed there: looked at after every event. */
  readonly open: Set<GroupId>
  /** With writes that are not durable. */
  readonly unsynced: Set<GroupCopy>
}

const dayMs = 86_400_000
/** Of the costly looks so many pass between two at what waits in memory. */
const memoryEvery = 8

export class Invariants implements Observer {
  readonly #subject: Subject
  readonly #groups: ObservedGroups
  readonly #promises: Promises
  readonly #progress: ProgressRules
  readonly #derived: Derived
  readonly #budgets: Budgets
  readonly #processes = new Map<number, Process>()
  readonly #prng = new Prng(1)
  readonly #pick = (below: number): number => this.#prng.below(below)
  readonly #costlyEvery: number
  #events = 0

  constructor(subject: Subject, options: InvariantsOptions = {}) {
    this.#subject = subject
    this.#costlyEvery = options.costlyEvery ?? 64
    const report = (kind: ViolationKind, detail: string): never => {
      throw new Violation(kind, detail, subject.nowMs)
    }
    const { producerIdExpirationMs = dayMs, producersMax = 20_000 } = options
    const limits = { expirationMs: producerIdExpirationMs, producersMax }
    this.#groups = new ObservedGroups(limits, report)
    this.#promises = new Promises(this.#groups, report)
    this.#progress = new ProgressRules(this.#groups, report)
    this.#derived = new Derived(report)
    const { tickMs = 25, groupsMax = 100 } = options
    const brokers = subject.brokers.length
    this.#budgets = new Budgets({ groupsMax, brokers, tickMs }, report)
  }

  // ---- lives of processes

  started(broker: SubjectBroker): void {
    const member = this.#groups.memberOf(broker)
    const process: Process = {
      broker,
      watched: new Map(),
      touched: new Set(),
      open: new Set(),
      unsynced: new Set(),
    }
    this.#processes.set(broker.id, process)
    const known = new Set([...broker.wal.groups(), ...this.#groups.copiesOf(member).keys()])
    for (const group of known) {
      const { copy } = this.#watched(process, group)
      this.#read(broker, copy)
      this.#promises.restarted(copy)
      process.touched.add(group)
    }
  }

  #read(broker: SubjectBroker, copy: GroupCopy): void {
    const log = broker.wal.log(copy.group)
    copy.read(log, this.#groups.committed(copy.group).chain(log.cut.index))
  }

  stopped(broker: SubjectBroker): void {
    this.#processes.delete(broker.id)
    for (const copy of this.#groups.copiesOf(this.#groups.memberOf(broker)).values()) {
      copy.stopped()
    }
  }

  damaged(broker: SubjectBroker): void {
    for (const copy of this.#groups.copiesOf(this.#groups.memberOf(broker)).values()) {
      copy.isDamaged = true
      // Its candidacies died with the process: to have voted for itself in one binds nobody.
      for (const [term, candidate] of copy.votes) {
        if (candidate === copy.member) copy.votes.delete(term)
      }
    }
  }

  #watched(process: Process, group: GroupId): Watched {
    const known = process.watched.get(group)
    if (known !== undefined) return known
    const copy = this.#groups.copy(this.#groups.memberOf(process.broker), group)
    const watched = new Watched(group, copy, this.#groups.committed(group))
    process.watched.set(group, watched)
    return watched
  }

  // ---- during an event

  wrote(broker: SubjectBroker, commit: CommitNumber, writes: ReadonlyArray<GroupWrite>): void {
    const process = this.#processes.get(broker.id)
    if (process === undefined) return
    for (const write of writes) {
      const watched = this.#watched(process, write.group)
      const { copy, committed } = watched
      this.#budgets.appended(write.entries.length)
      if (committed.isDeleted) continue
      if (write.cut !== undefined) this.#progress.beforeCut(broker, watched, write.cut.cut)
      const chain = this.#progress.beforeWrite(broker, watched, write.entries[0]?.index ?? Infinity)
      copy.write(write, commit, committed.chain(write.cut?.cut.index ?? 0))
      committed.written(copy, write.entries)
      this.#progress.afterWrite(broker, watched, chain)
      this.#derived.wrote(watched, write)
      process.touched.add(write.group)
      if (!copy.isSynced) process.unsynced.add(copy)
    }
  }

  rewrote(broker: SubjectBroker, group: GroupId): void {
    const process = this.#processes.get(broker.id)
    if (process === undefined) return
    const watched = this.#watched(process, group)
    const { copy } = watched
    this.#progress.beforeRewrite(broker, watched)
    // What was cut off had been found damaged: the member may have forgotten what it promised.
    copy.isDamaged = true
    this.#read(broker, copy)
    process.watched.delete(group)
    process.unsynced.delete(copy)
  }

  compacted(_broker: SubjectBroker, group: GroupId): void {
    this.#derived.compacted(group)
  }

  durable(broker: SubjectBroker, through: CommitNumber): void {
    const process = this.#processes.get(broker.id)
    if (process === undefined) return
    for (const copy of process.unsynced) {
      copy.durable(through)
      if (copy.isSynced) process.unsynced.delete(copy)
      process.touched.add(copy.group)
    }
  }

  sent(broker: SubjectBroker, _to: number, frame: PeerFrame): void {
    this.#budgets.sent(broker, frame, this.#subject.nowMs)
    if (frame._tag !== "Raft") return
    this.#promises.sent(frame.group, frame.message)
    this.#processes.get(broker.id)?.touched.add(frame.group)
  }

  // ---- at its end

  stepped(broker: SubjectBroker): void {
    const process = this.#processes.get(broker.id)
    if (process === undefined || broker.node === undefined) return
    this.#groups.applied(broker.node.image)
    const { open, touched } = process
    if (open.size > 0) for (const group of open) touched.add(group)
    if (touched.size > 0) {
      for (const group of touched) {
        const isOpen = this.#progress.look(broker, this.#watched(process, group))
        if (isOpen) open.add(group)
        else open.delete(group)
      }
      touched.clear()
    }
    if (++this.#events % this.#costlyEvery === 0) this.#lookClosely(process)
  }

  #lookClosely(process: Process): void {
    const { broker, watched } = process
    let left = this.#prng.below(Math.max(1, watched.size))
    for (const one of watched.values()) {
      this.#progress.look(broker, one)
      if (left-- === 0) this.#derived.sample(broker, one, this.#pick)
    }
    if (this.#events % (this.#costlyEvery * memoryEvery) === 0) this.#budgets.memory(broker)
  }

  // ---- from outside

  /** Acknowledged to a client by all: everything below `endOffset` must be committed. */
  acknowledged(topicId: string, partition: number, endOffset: number): void {
    const group = this.#groupOf(topicId, partition)
    if (group === undefined) return
    const log = this.#groups.committed(group)
    if (log.isDeleted) return
    // What was done to a broker between events has not been looked at yet.
    if (log.endOffset < endOffset) this.#lookAt(group)
    const committed = log.endOffset
    if (committed >= endOffset) return
    const what = `group ${group}: ${endOffset}, committed is ${committed}`
    throw new Violation("acknowledged beyond commit", what, this.#subject.nowMs)
  }

  #lookAt(group: GroupId): void {
    for (const { broker, watched } of this.#processes.values()) {
      const one = watched.get(group)
      if (one !== undefined) this.#progress.look(broker, one)
    }
  }

  #groupOf(topicId: string, partition: number): GroupId | undefined {
    for (const { node } of this.#subject.brokers) {
      const info = node?.image.topicsById.get(topicId)?.partitions[partition]
      if (info !== undefined) return info.group
    }
    return undefined
  }

  /** Committed entries of all groups: what a run was worth. */
  committedEntries(): number {
    return this.#groups.committedEntries()
  }
}
