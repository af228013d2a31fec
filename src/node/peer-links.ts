/**
 * Links to the other brokers: who may speak, what a new link resets, whose frames go where, and
 * what follows when somebody falls silent or speaks again.
 */
import type { MemberId } from "../../raft/types.ts"
import type { Wal } from "../../storage/wal.ts"
import { isDeletedGroup } from "../cluster/image.ts"
import type { MetadataImage } from "../cluster/image.ts"
import type { RaftGroup } from "../partition/raft-group.ts"
import type { PartitionReport, PeerFrame } from "../peer/codec.ts"
import { admit } from "./admission.ts"
import type { Admission } from "./admission.ts"
import type { ForwardedRequests } from "./forwarded-requests.ts"
import type { Forwarder } from "./forward.ts"
import { helloOf } from "./hello.ts"
import type { LeaderView } from "./leader-view.ts"
import type { Liveness, LivenessEvent } from "./liveness.ts"
import { metadataGroupId } from "./metadata-group.ts"
import type { MetadataGroup } from "./metadata-group.ts"
import type { MetadataLeader } from "./metadata-leader.ts"
import type { PeerOutput } from "./peer-output.ts"
import { PendingFrames } from "./pending-frames.ts"
import type { Hello, LogLevel, NodeOptions } from "./ports.ts"
import type { Recovery } from "./recovery.ts"
import type { Replicas } from "./replicas.ts"
import type { Reports } from "./reports.ts"
import { metadataKey } from "./waiting.ts"
import type { Waiting } from "./waiting.ts"

export interface PeerLinksParts {
  readonly options: NodeOptions
  readonly self: MemberId
  readonly wal: Wal
  readonly liveness: Liveness
  readonly output: PeerOutput
  readonly replicas: Replicas
  readonly metadata: MetadataGroup
  readonly metadataLeader: MetadataLeader
  readonly leaders: LeaderView
  readonly reports: Reports
  readonly forwarder: Forwarder
  readonly forwarded: ForwardedRequests
  readonly waiting: Waiting
  readonly recovery: Recovery
  /** Every group that runs here. */
  readonly groups: () => Iterable<RaftGroup>
  readonly log: (level: LogLevel, line: string) => void
}

export class PeerLinks {
  readonly #parts: PeerLinksParts
  readonly #pending = new PendingFrames()

  constructor(parts: PeerLinksParts) {
    this.#parts = parts
  }

  get #image(): MetadataImage {
    return this.#parts.metadata.image
  }

  /** How this broker introduces itself to that node. */
  hello(to: number): Hello {
    const { options, wal, liveness, groups } = this.#parts
    const heard = liveness.peer(to)?.diskUuid ?? ""
    const diskUuid = heard === "" ? (this.#image.brokers.get(to)?.diskUuid ?? "") : heard
    return helloOf(options, wal, this.#image.index, { nodeId: to, diskUuid, groups: groups() })
  }

  /** The link we dialled is up. */
  connected(nodeId: number, hello: Hello, nowMs: number): Admission {
    const admission = this.#admit(nodeId, hello)
    if (admission._tag === "refused") return admission
    const { liveness, output, reports } = this.#parts
    liveness.connected(nodeId, nowMs)
    this.#made(nodeId, hello)
    output.heartbeat(nodeId)
    for (const frame of reports.full()) output.send(nodeId, frame)
    return admission
  }

  /** Somebody dialled us. */
  accepted(nodeId: number, hello: Hello, nowMs: number): Admission {
    const admission = this.#admit(nodeId, hello)
    if (admission._tag === "refused") return admission
    this.#made(nodeId, hello)
    this.#pending.forget(nodeId)
    this.#parts.replicas.wakeFollowersOf(nodeId)
    this.#heard(nodeId, nowMs)
    return admission
  }

  closed(nodeId: number, refused: boolean): void {
    this.#parts.liveness.closed(nodeId, refused)
    this.#parts.forwarder.linkLost(nodeId)
  }

  #admit(nodeId: number, hello: Hello): Admission {
    const { options, liveness } = this.#parts
    return admit(options, this.#image, nodeId, hello, liveness.peer(nodeId))
  }

  /** A new link in either direction: whatever was on the old one may be gone. */
  #made(nodeId: number, hello: Hello): void {
    const { liveness, replicas, metadata, forwarder, metadataLeader } = this.#parts
    const before = liveness.peer(nodeId)?.incarnation
    const changed = liveness.identify(hello)
    this.#parts.recovery.heard(hello)
    if (changed) this.tellPresence()
    if (changed && before !== "") this.#newProcess(nodeId, hello)
    replicas.peerReset(nodeId)
    if (metadata.leads) replicas.resetMembers(metadata.raftGroup, nodeId)
    forwarder.linkLost(nodeId)
    metadataLeader.hurry()
  }

  #newProcess(nodeId: number, hello: Hello): void {
    const { replicas, leaders, forwarded, waiting, log } = this.#parts
    log("info", `broker ${nodeId} is a new process, ${hello.incarnation}`)
    replicas.wakeFollowersOf(nodeId)
    leaders.leaderGone(nodeId)
    forwarded.forget(nodeId)
    waiting.wake(metadataKey)
  }

  frame(nodeId: number, frame: PeerFrame, nowMs: number): void {
    const { liveness, forwarded, forwarder } = this.#parts
    this.#heard(nodeId, nowMs)
    switch (frame._tag) {
      case "Hello":
        return
      case "Heartbeat":
        liveness.setLowSpace(nodeId, frame.lowSpace)
        return liveness.metadataApplied(nodeId, frame.appliedMetadataIndex)
      case "Raft":
        liveness.metadataApplied(nodeId, frame.appliedMetadataIndex)
        return this.#raft(nodeId, frame)
      case "Request":
        return forwarded.serve(nodeId, frame.correlationId, frame.frame)
      case "Response":
        return forwarder.respond(nodeId, frame.correlationId, frame.frame, nowMs)
      case "Report":
        return this.#reported(nodeId, frame.partitions)
      case "Compacted": {
        const { member } = liveness.peer(nodeId) ?? {}
        if (member !== undefined) this.#parts.replicas.compactor.told(member, frame.groups)
      }
    }
  }

  #heard(nodeId: number, nowMs: number): void {
    const event = this.#parts.liveness.hear(nodeId, nowMs)
    if (event !== undefined) this.livenessChanged(event)
  }

  tellPresence(): void {
    const { liveness, replicas } = this.#parts
    replicas.setSuspected(liveness.suspectedNodes(), liveness.membersHeard())
  }

  livenessChanged(event: LivenessEvent): void {
    const { replicas, metadataLeader, waiting, log } = this.#parts
    const { nodeId } = event
    this.tellPresence()
    if (event._tag === "suspected") {
      log("warn", `broker ${nodeId} is silent`)
      replicas.wakeFollowersOf(nodeId)
    } else log("info", `broker ${nodeId} speaks again`)
    metadataLeader.hurry()
    waiting.wake(metadataKey)
  }

  #raft(nodeId: number, frame: Extract<PeerFrame, { _tag: "Raft" }>): void {
    const { self, metadata, replicas } = this.#parts
    const { group, message, appliedMetadataIndex } = frame
    if (message.to !== self) return
    const target = group === metadataGroupId ? metadata.raftGroup : replicas.raftGroup(group)
    if (target !== undefined) return replicas.deliver(target, message)
    if (appliedMetadataIndex <= this.#image.index) return
    this.#pending.add(nodeId, { group, message, metadataIndex: appliedMetadataIndex })
  }

  /** The image has moved on: frames that came before their metadata go to their groups. */
  releasePending(): void {
    const { replicas } = this.#parts
    for (const { group, message } of this.#pending.release(this.#image.index)) {
      const target = replicas.raftGroup(group)
      if (target !== undefined) replicas.deliver(target, message)
    }
  }

  #reported(nodeId: number, partitions: ReadonlyArray<PartitionReport>): void {
    for (const report of partitions) {
      if (isDeletedGroup(this.#image, report.group)) continue
      this.#parts.leaders.report(report, nodeId)
    }
  }
}
