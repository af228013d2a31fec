/**
 * Who of the other brokers is there. Liveness is kept per pair of nodes, not per group: any frame
 * counts, a Heartbeat is sent only where nothing else was, and everything else (ISR, quiescent
 * groups, fencing) asks here. Not here: elections. A suspicion never makes a leader by itself.
 */
import type { MemberId } from "../../raft/types.ts"
import { memberId } from "../cluster/members.ts"
import type { Hello } from "./ports.ts"

export interface LivenessSettings {
  readonly tickMs: number
  readonly suspectMs: number
  readonly heartbeatMs: number
}

export interface PeerState {
  readonly nodeId: number
  /** The link we dialled is up: we may send. */
  connected: boolean
  /** From the last Hello; empty before the first. */
  diskUuid: string
  /** As which it speaks, kept because every message asks for it; empty before the first Hello. */
  member: MemberId
  incarnation: string
  /** Nobody listened at the last dial: it is gone, not slow. */
  refused: boolean
  suspected: boolean
  /** Heard at least once since this process started. */
  heard: boolean
  lastHeardMs: number
  lastSentMs: number
  /** Metadata index it said it has applied. */
  appliedMetadataIndex: number
}

export type LivenessEvent =
  | { readonly _tag: "suspected"; readonly nodeId: number }
  | { readonly _tag: "returned"; readonly nodeId: number }

/**
 * A tick that comes later than this many tick lengths: this process stood still, its peers did not
 * fall silent.
 */
const stallTicks = 4

export class Liveness {
  readonly #settings: LivenessSettings
  readonly #peers = new Map<number, PeerState>()
  /** Nodes whose disk is nearly full, this one among them. */
  readonly #lowSpace = new Set<number>()
  #lastTickMs = 0

  constructor(settings: LivenessSettings, nodeIds: ReadonlyArray<number>) {
    this.#settings = settings
    for (const nodeId of [...nodeIds].sort((a, b) => a - b)) {
      this.#peers.set(nodeId, {
        nodeId,
        connected: false,
        diskUuid: "",
        member: "",
        incarnation: "",
        refused: false,
        suspected: false,
        heard: false,
        lastHeardMs: 0,
        lastSentMs: 0,
        appliedMetadataIndex: 0,
      })
    }
  }

  /** Everybody has until `suspectMs` after the start to be heard. */
  start(nowMs: number): void {
    this.#lastTickMs = nowMs
    for (const peer of this.#peers.values()) peer.lastHeardMs = nowMs
  }

  peer(nodeId: number): PeerState | undefined {
    return this.#peers.get(nodeId)
  }

  peers(): IterableIterator<PeerState> {
    return this.#peers.values()
  }

  suspectedNodes(): ReadonlySet<number> {
    const nodes = new Set<number>()
    for (const peer of this.#peers.values()) if (peer.suspected) nodes.add(peer.nodeId)
    return nodes
  }

  /** The member as which each node speaks; without those whose Hello has not come yet. */
  membersHeard(): ReadonlyMap<number, MemberId> {
    const members = new Map<number, MemberId>()
    for (const { nodeId, member } of this.#peers.values()) {
      if (member !== "") members.set(nodeId, member)
    }
    return members
  }

  /** Heard lately and reachable; of an unknown node: no. */
  reachable(nodeId: number): boolean {
    const peer = this.#peers.get(nodeId)
    return peer !== undefined && peer.connected && peer.heard && !peer.suspected
  }

  /** Takes identity from a Hello; true when it is another process or disk than before. */
  identify(hello: Hello): boolean {
    const peer = this.#peers.get(hello.nodeId)
    if (peer === undefined) return false
    const changed = peer.incarnation !== hello.incarnation || peer.diskUuid !== hello.diskUuid
    peer.incarnation = hello.incarnation
    peer.diskUuid = hello.diskUuid
    peer.member = memberId(hello.nodeId, hello.diskUuid)
    peer.appliedMetadataIndex = Math.max(
      changed ? 0 : peer.appliedMetadataIndex,
      hello.appliedMetadataIndex,
    )
    return changed
  }

  /** That node has applied the metadata log up to `index`; frames may tell it out of order. */
  metadataApplied(nodeId: number, index: number): void {
    const peer = this.#peers.get(nodeId)
    if (peer !== undefined && index > peer.appliedMetadataIndex) peer.appliedMetadataIndex = index
  }

  setLowSpace(nodeId: number, low: boolean): void {
    if (low) this.#lowSpace.add(nodeId)
    else this.#lowSpace.delete(nodeId)
  }

  /** That node can take no data on. */
  lowSpace(nodeId: number): boolean {
    return this.#lowSpace.has(nodeId)
  }

  connected(nodeId: number, nowMs: number): void {
    const peer = this.#peers.get(nodeId)
    if (peer === undefined) return
    peer.connected = true
    peer.refused = false
    peer.lastSentMs = nowMs
  }

  closed(nodeId: number, refused: boolean): void {
    const peer = this.#peers.get(nodeId)
    if (peer === undefined) return
    peer.connected = false
    peer.refused = refused
  }

  /** Any frame of that node arrived. */
  hear(nodeId: number, nowMs: number): LivenessEvent | undefined {
    const peer = this.#peers.get(nodeId)
    if (peer === undefined) return undefined
    peer.lastHeardMs = nowMs
    peer.heard = true
    if (!peer.suspected) return undefined
    peer.suspected = false
    return { _tag: "returned", nodeId }
  }

  sent(nodeId: number, nowMs: number): void {
    const peer = this.#peers.get(nodeId)
    if (peer !== undefined) peer.lastSentMs = nowMs
  }

  /** Connected peers to which nothing was sent for a heartbeat interval. */
  heartbeatsDue(nowMs: number): ReadonlyArray<number> {
    const due: number[] = []
    for (const peer of this.#peers.values()) {
      if (peer.connected && nowMs - peer.lastSentMs >= this.#settings.heartbeatMs)
        due.push(peer.nodeId)
    }
    return due
  }

  tick(nowMs: number): ReadonlyArray<LivenessEvent> {
    this.#forgiveStall(nowMs)
    const events: LivenessEvent[] = []
    for (const peer of this.#peers.values()) {
      if (peer.suspected || nowMs - peer.lastHeardMs < this.#patienceMs(peer)) continue
      peer.suspected = true
      events.push({ _tag: "suspected", nodeId: peer.nodeId })
    }
    return events
  }

  /**
   * A refused dial is a death certificate unless the node still speaks on the link it dialled; of a
   * node not heard yet since our own start it means only that it starts later.
   */
  #patienceMs(peer: PeerState): number {
    return peer.refused && peer.heard ? 1.5 * this.#settings.heartbeatMs : this.#settings.suspectMs
  }

  #forgiveStall(nowMs: number): void {
    const gapMs = nowMs - this.#lastTickMs
    this.#lastTickMs = nowMs
    if (gapMs <= stallTicks * this.#settings.tickMs) return
    for (const peer of this.#peers.values()) {
      peer.lastHeardMs = Math.min(nowMs, peer.lastHeardMs + gapMs - this.#settings.tickMs)
    }
  }
}
