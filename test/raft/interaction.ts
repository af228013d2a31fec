/**
 * The commands of the transcripts: a few members, their disks, and the messages between them, all
 * moved by hand.
 */
import type { Configuration, MemberId, Message } from "../../raft/index.ts"
import type { Command } from "../support/data-driven.ts"
import {
  formatConfiguration,
  formatEntries,
  formatMessage,
  formatReady,
} from "../../src/sim/bare/format.ts"
import {
  Member,
  configurationOf,
  isWitness,
  propose,
  settingNames,
  type Settings,
} from "../../src/sim/bare/member.ts"

const STEPS_MAX = 500

export class Interaction {
  readonly #members = new Map<MemberId, Member>()
  #mail: Array<Message> = []
  #lines: Array<string> = []

  run(command: Command): string {
    this.#lines = []
    try {
      this.#dispatch(command)
    } catch (error) {
      this.#lines.push(error instanceof Error ? `error: ${error.message}` : String(error))
    }
    return this.#lines.join("\n")
  }

  #dispatch(command: Command): void {
    const { name, positional, options } = command
    const [first = "", second = "", third = ""] = positional
    switch (name) {
      case "cluster":
        return this.#cluster(positional, options)
      case "add":
        return this.#add(positional, options)
      case "seed":
        return this.#seed(first, options)
      case "tick":
        return this.#tick(first, Number(second || 1))
      case "campaign":
        return this.#member(first).node.campaign(second === "assigned" ? "assigned" : "timeout")
      case "propose":
        return this.#propose(first, positional.slice(1))
      case "configure":
        return this.#configure(first, options)
      case "transfer":
        return this.#print(this.#member(first).node.transferLeadership(second))
      case "read":
        return this.#print(String(this.#member(first).node.readIndex(Number(second))))
      case "wake":
        return this.#member(first).node.wake()
      case "peer-reset":
        return this.#member(first).node.peerReset(second)
      case "step-down":
        return this.#member(first).node.stepDown()
      case "ready":
        return this.#ready(this.#member(first))
      case "sync":
        return this.#sync(this.#member(first))
      case "deliver":
        return this.#deliver(first, second, options)
      case "drop":
        return this.#drop(first, second)
      case "reverse":
        this.#mail.reverse()
        return
      case "duplicate":
        this.#mail = this.#mail.flatMap((m) => (m.to === first ? [m, m] : [m]))
        return
      case "mail":
        return this.#print(...this.#mail.map(formatMessage))
      case "crash":
        return this.#member(first).crash()
      case "restart":
        return this.#member(first).restart()
      case "cut":
        return this.#cut(this.#member(first), Number(second))
      case "witnesses":
        return this.#member(first).node.setWitnessesNeeded(second !== "spared")
      case "offer":
        return this.#offer(this.#member(first), second, options)
      case "lose":
        return this.#lose(this.#member(first), Number(second), third)
      case "distrust":
        return this.#print(String(this.#member(first).node.distrust()))
      case "forget-vote":
        return this.#print(String(this.#member(first).node.forgetVote()))
      case "terms-known":
        return this.#member(first).node.termsKnown(Number(second))
      case "hold-votes":
        this.#member(first).node.holdVotes = second !== "off"
        return
      case "status":
        return this.#status()
      case "log":
        return this.#print(formatEntries(this.#member(first).disk.all))
      case "progress":
        return this.#progress(first)
      case "stabilize":
        return this.#stabilize(positional)
      case "settle":
        this.#stabilize(positional)
        this.#lines = []
        return
      default:
        throw new Error(`unknown command ${name} ${third}`)
    }
  }

  #print(...lines: ReadonlyArray<string>): void {
    this.#lines.push(...lines)
  }

  #member(id: MemberId): Member {
    const member = this.#members.get(id)
    if (member === undefined) throw new Error(`no member ${id}`)
    return member
  }

  #cluster(ids: ReadonlyArray<string>, options: ReadonlyMap<string, string>): void {
    this.#members.clear()
    this.#mail = []
    const learners = options.get("learners")?.split(",") ?? []
    const bootstrap = configurationOf({ voters: ids, learners, witnesses: ids.filter(isWitness) })
    for (const id of [...ids, ...learners]) this.#addMember(id, bootstrap, options)
  }

  #add(ids: ReadonlyArray<string>, options: ReadonlyMap<string, string>): void {
    const [known] = this.#members.values()
    if (known === undefined) throw new Error("no cluster")
    for (const id of ids) this.#addMember(id, known.config.bootstrap, options)
  }

  #addMember(id: string, bootstrap: Configuration, options: ReadonlyMap<string, string>): void {
    const settings: Partial<Settings> = {}
    for (const key of settingNames) {
      const value = options.get(key)
      if (value !== undefined) settings[key] = Number(value)
    }
    this.#members.set(id, new Member(id, bootstrap, this.#members.size + 1, settings))
  }

  #seed(id: string, options: ReadonlyMap<string, string>): void {
    const list = options.get("log") ?? ""
    const terms = list === "" ? [] : list.split(",").map(Number)
    const term = Number(options.get("term") ?? Math.max(0, ...terms))
    const commitIndex = Number(options.get("commit") ?? 0)
    const votedFor = options.get("votedFor") ?? null
    this.#member(id).seedLog(terms, { term, commitIndex, votedFor }, options.get("payload"))
  }

  /** The host forgets everything up to and with `index`. */
  #cut(member: Member, index: number): void {
    member.cut(index)
    member.sync()
  }

  /** The host answers snapshotsNeeded: with what it has stored, or (fresh=1) with what is now. */
  #offer(member: Member, to: string, options: ReadonlyMap<string, string>): void {
    const snapshot = member.snapshot(options.has("fresh"))
    this.#print(String(member.node.offerSnapshot(to, snapshot)))
  }

  /** A crash after which everything from `index` on is gone. */
  #lose(member: Member, index: number, as: string): void {
    member.crash()
    if (as !== "recovering" && as !== "amnesiac" && as !== "unknown") throw new Error(`as ${as}?`)
    member.damage(index, as)
    member.restart()
  }

  #tick(id: string, count: number): void {
    const members = id === "all" ? [...this.#members.values()] : [this.#member(id)]
    for (let i = 0; i < count; i++) for (const { node, up } of members) if (up) node.tick()
  }

  #propose(id: string, payloads: ReadonlyArray<string>): void {
    for (const payload of payloads) {
      const result = propose(this.#member(id).node, payload)
      if (result._tag === "refused") this.#print(`refused: ${result.reason}`)
      else this.#print(`${result.id.term}/${result.id.index}`)
    }
  }

  #configure(id: string, options: ReadonlyMap<string, string>): void {
    const list = (key: string): ReadonlyArray<string> => options.get(key)?.split(",") ?? []
    const voters = list("voters")
    const witnesses = voters.filter(isWitness)
    const next = configurationOf({ voters, learners: list("learners"), witnesses })
    const result = this.#member(id).node.proposeConfiguration(next, 0)
    if (result._tag === "refused") this.#print(`refused: ${result.reason}`)
    else this.#print(`${result.id.term}/${result.id.index}`)
  }

  #ready(member: Member): void {
    const ready = member.take()
    this.#print(...formatReady(ready).map((line) => `${member.id}: ${line}`))
    this.#mail.push(...ready.messages)
  }

  #sync(member: Member): void {
    const released = member.sync()
    this.#print(`${member.id} synced`)
    for (const message of released) this.#print(`${member.id}: ${formatMessage(message)}`)
    this.#mail.push(...released)
  }

  /** All that is for `to` (from `from`), or only one message with first= or last=. */
  #deliver(to: string, from: string, options: ReadonlyMap<string, string>): void {
    const wanted = (m: Message): boolean => m.to === to && (from === "" || m.from === from)
    let chosen = this.#mail.filter(wanted)
    if (options.has("first")) chosen = chosen.slice(0, Number(options.get("first")))
    if (options.has("last")) chosen = chosen.slice(-Number(options.get("last")))
    this.#mail = this.#mail.filter((m) => !chosen.includes(m))
    for (const message of chosen) {
      this.#print(formatMessage(message))
      this.#member(to).step(message)
    }
  }

  #drop(from: string, to: string): void {
    const kept = this.#mail.filter((m) => {
      const hit = (from === "all" || m.from === from) && (to === "" || m.to === to)
      if (hit) this.#print(`dropped ${formatMessage(m)}`)
      return !hit
    })
    this.#mail = kept
  }

  #status(): void {
    for (const { node, up } of this.#members.values()) {
      const leader = node.leaderId ?? "none"
      const what = `${node.role} term=${node.term} leader=${leader}`
      const log = `last=${node.lastIndex} commit=${node.commitIndex}`
      const asleep = `${node.quiesced ? " quiesced" : ""}${node.standing === "trusted" ? "" : ` ${node.standing}`}`
      const membership = formatConfiguration(node.configuration)
      this.#print(`${node.id} ${up ? what : "down"} ${log} ${membership}${asleep}`)
    }
  }

  #progress(id: string): void {
    const { node } = this.#member(id)
    for (const other of this.#members.keys()) {
      const progress = node.progress(other)
      if (progress === undefined || other === id) continue
      const { state, matchIndex, nextIndex, counts } = progress
      const doubted = counts ? "" : " doubted"
      this.#print(`${other} ${state} match=${matchIndex} next=${nextIndex}${doubted}`)
    }
  }

  /**
   * Readys, syncs and deliveries until nothing moves ("settle": unprinted); messages for members
   * not named wait.
   */
  #stabilize(ids: ReadonlyArray<string>): void {
    const names = ids.length > 0 ? ids : [...this.#members.keys()]
    for (let steps = 0; steps < STEPS_MAX; steps++) {
      let moved = false
      for (const id of names) moved = this.#turn(this.#member(id)) || moved
      if (!moved) return
    }
    throw new Error("does not stabilize")
  }

  #turn(member: Member): boolean {
    let moved = false
    if (!member.up) return false
    if (this.#mail.some((m) => m.to === member.id)) {
      this.#deliver(member.id, "", new Map())
      moved = true
    }
    while (member.node.hasReady()) {
      this.#ready(member)
      moved = true
    }
    while (member.unsyncedCount > 0) {
      this.#sync(member)
      moved = true
    }
    return moved
  }
}
