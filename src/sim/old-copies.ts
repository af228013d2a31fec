/**
 * Whole old copies of a disk, its sentinel included: nothing on it says what it has forgotten, only
 * peers do. One is put back only where peers that run have seen more than it knows, and its broker
 * does not get beyond its hold before one of them has said so: whoever cannot be asked is what the
 * design does not cover (src/node/DESIGN.md). Seen here by the frames, not by what brokers note.
 */
import type { Message } from "../../raft/message.ts"
import type { HardState, LogIndex, MemberId, Term } from "../../raft/types.ts"
import type { CommitNumber, GroupId, GroupWrite } from "../../storage/wal.ts"
import { isDeletedGroup } from "../cluster/image.ts"
import { memberId } from "../cluster/members.ts"
import type { PeerFrame } from "../peer/codec.ts"
import type { SimBroker } from "./broker.ts"
import type { Engine } from "./engine.ts"
import type { Observer, SubjectBroker } from "./subject.ts"

/** What a disk knows of a group when it is opened. */
export interface Known extends Pick<HardState, "term" | "votedFor" | "acceptedTerm"> {
  readonly lastIndex: LogIndex
}

/** Greatest of each kind: a term in which something was promised, and the end of a log. */
interface Promises {
  term: Term
  voted: boolean
  copyTerm: Term
  copyIndex: LogIndex
}

type ByGroup = Map<GroupId, Promises>

interface Pending {
  readonly diskUuid: string
  /** Processes that have seen more than the copy knows. */
  readonly tellers: Map<GroupId, ReadonlySet<string>>
  /** Processes whose Hello has come to the present process. */
  readonly heard: Set<string>
  /** Groups that the present process has ceased to trust; they may be trusted again soon. */
  readonly noticed: Set<GroupId>
  looksLeft: number
}

const lookUs = 50_000
/** After it was told. */
const looksMax = 400

export class OldCopies implements Observer {
  private readonly brokers: ReadonlyArray<SimBroker>
  private readonly engine: Engine
  /** Within this time no process makes up its mind without its peers, however fast its clock. */
  private readonly patienceUs: number
  private readonly sentBy = new Map<MemberId, ByGroup>()
  private readonly seenAt = new Map<string, Map<MemberId, ByGroup>>()
  private readonly pending = new Map<SimBroker, Pending>()

  constructor(brokers: ReadonlyArray<SimBroker>, engine: Engine, electionTimeoutMs: number) {
    this.brokers = brokers
    this.engine = engine
    this.patienceUs = electionTimeoutMs * 500
  }

  // ---- what was promised

  sent(broker: SubjectBroker, _to: number, frame: PeerFrame): void {
    if (frame._tag !== "Raft") return
    note(entry(this.sentBy, memberOf(broker), newGroups), frame.group, frame.message, true)
  }

  received(broker: SubjectBroker, from: number, frame: PeerFrame): void {
    if (frame._tag !== "Raft") return
    const { group, message } = frame
    const node = broker.node?.raftGroup(group)?.node
    if (node === undefined) return
    const leads = node.role === "leader" && node.term === message.term
    const seen = entry(this.seenAt, nameOf(broker), () => new Map<MemberId, ByGroup>())
    const sender = this.brokers[from]
    if (sender === undefined || memberOf(sender) !== message.from) return
    note(entry(seen, message.from, newGroups), group, message, leads)
  }

  // ---- where a copy may be put back

  /** Undefined: nobody could tell of something. */
  tellersFor(broker: SimBroker): Map<GroupId, ReadonlySet<string>> | undefined {
    const member = memberOf(broker)
    const tellers = new Map<GroupId, ReadonlySet<string>>()
    for (const [group, sent] of this.sentBy.get(member) ?? []) {
      if (this.isDeleted(group)) continue
      const known = broker.disk.oldCopyOf(group)
      if (known === undefined) return undefined
      const votes = hasMoreVotes(sent, known)
      if (!votes && !mayHoldMore(sent, known)) continue
      const able = this.brokers.filter((other) => {
        if (other === broker || other.process === undefined) return false
        const seen = this.seenAt.get(nameOf(other))?.get(member)?.get(group)
        return seen !== undefined && (votes ? hasMoreVotes(seen, known) : holdsMore(seen, known))
      })
      if (able.length === 0) return undefined
      tellers.set(group, new Set(able.map(nameOf)))
    }
    return tellers
  }

  private isDeleted(group: GroupId): boolean {
    return this.brokers.some(({ node }) => node !== undefined && isDeletedGroup(node.image, group))
  }

  /** Its broker is down. */
  restored(broker: SimBroker, tellers: Map<GroupId, ReadonlySet<string>>): void {
    if (tellers.size === 0) return
    broker.disk.untold = true
    const { diskUuid } = broker
    this.pending.set(broker, { diskUuid, tellers, ...nothingYet(), looksLeft: looksMax })
  }

  // ---- until it was told

  /** Before the disk is opened. With nobody left who could tell, it was never put back. */
  starting(broker: SimBroker): void {
    const pending = this.pending.get(broker)
    if (pending === undefined) return
    if (pending.diskUuid !== broker.diskUuid) return this.done(broker)
    pending.heard.clear()
    pending.noticed.clear()
    if (this.canBeTold(pending)) {
      const { starts } = broker
      this.engine.act(this.patienceUs, () => this.look(broker, pending, starts))
      return
    }
    this.engine.met("oldCopyUnknowable")
    broker.disk.undoRestore()
    broker.wasDamaged()
    this.done(broker)
  }

  greeted(broker: SubjectBroker, by: string): void {
    for (const [one, { heard }] of this.pending) if (one === broker) heard.add(by)
  }

  stopped(broker: SubjectBroker): void {
    const gone = nameOf(broker)
    this.seenAt.delete(gone)
    for (const [one, pending] of this.pending) {
      if (one === broker || this.canBeTold(pending, gone)) continue
      const { starts } = one
      this.engine.act(0, () => this.stop(one, starts))
    }
  }

  wrote(broker: SubjectBroker, _commit: CommitNumber, writes: ReadonlyArray<GroupWrite>): void {
    for (const [one, { noticed }] of this.pending) {
      if (one !== broker) continue
      for (const { group, hardState } of writes) {
        if (hardState !== undefined && hardState.standing !== "trusted") noticed.add(group)
      }
    }
  }

  private canBeTold({ tellers, heard }: Pending, gone = ""): boolean {
    const running = new Set(this.brokers.filter(({ process }) => process).map(nameOf))
    return [...tellers.values()].every((able) =>
      [...able].some((name) => heard.has(name) || (running.has(name) && name !== gone)),
    )
  }

  private look(broker: SimBroker, pending: Pending, starts: number): void {
    if (this.pending.get(broker) !== pending || broker.starts !== starts) return
    if (broker.process === undefined) return
    const { tellers, heard } = pending
    const told = [...tellers.values()].every((able) => [...able].some((name) => heard.has(name)))
    if (!told) return this.stop(broker, starts)
    for (const group of tellers.keys()) {
      const { disk } = broker
      const noticed = pending.noticed.has(group) && disk.isSynced(group)
      if (noticed) this.engine.met("oldCopyNoticed")
      if (noticed || this.isDeleted(group)) tellers.delete(group)
    }
    if (tellers.size > 0 && --pending.looksLeft > 0) {
      this.engine.act(lookUs, () => this.look(broker, pending, starts))
      return
    }
    if (tellers.size > 0) this.engine.met("oldCopyNotNoticed")
    this.done(broker)
  }

  /** Nobody has told it in time: it is as if it had not been started yet. */
  private stop(broker: SimBroker, starts: number): void {
    if (broker.process === undefined || broker.starts !== starts) return
    this.engine.met("oldCopyStopped")
    broker.crash(false, 0)
    this.engine.act(2 * lookUs, () => {
      if (broker.process === undefined && broker.starts === starts) broker.start()
    })
  }

  /** Nobody need tell it any more, or its disk is another one. */
  done(broker: SimBroker): void {
    broker.disk.untold = false
    this.pending.delete(broker)
  }
}

const nothingYet = () => ({ heard: new Set<string>(), noticed: new Set<GroupId>() })
const newGroups = (): ByGroup => new Map()
const memberOf = ({ id, diskUuid }: SubjectBroker): MemberId => memberId(id, diskUuid)
const nameOf = ({ id, starts }: SubjectBroker): string => `${id}.${starts}`

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key)
  if (value === undefined) map.set(key, (value = make()))
  return value
}

const hasMoreVotes = ({ term, voted }: Promises, known: Known): boolean =>
  term > known.term || (term === known.term && voted && known.votedFor === null)

/** Surely: no later leader has cut what was acknowledged. */
const holdsMore = ({ copyTerm, copyIndex }: Promises, known: Known): boolean =>
  copyTerm >= known.term && copyIndex > known.lastIndex

const mayHoldMore = ({ copyTerm, copyIndex }: Promises, known: Known): boolean =>
  copyIndex > known.lastIndex || copyTerm > known.acceptedTerm

function note(groups: ByGroup, group: GroupId, message: Message, copies: boolean): void {
  const voted = isVote(message)
  const success = message._tag === "AppendEntriesResponse" && message.success
  if (!voted && !success) return
  const { term } = message
  const noted = entry(groups, group, () => ({ term: 0, voted: false, copyTerm: 0, copyIndex: 0 }))
  if (term > noted.term) {
    noted.term = term
    noted.voted = voted
  } else if (term === noted.term) noted.voted ||= voted
  if (!success || !copies || !message.counts || term < noted.copyTerm) return
  noted.copyIndex = Math.max(message.matchIndex, term === noted.copyTerm ? noted.copyIndex : 0)
  noted.copyTerm = term
}

/** For somebody, or for itself. */
function isVote(message: Message): boolean {
  switch (message._tag) {
    case "RequestVoteResponse":
      return message.granted
    case "RequestVote":
    case "AppendEntries":
      return true
    default:
      return false
  }
}
