/**
 * One whole broker as a deterministic machine: ticks, peer frames, requests and "durable" come in;
 * peer frames, log writes, answers and log lines go out. No clock, no chance, no socket: the rim
 * and the simulator drive the same code.
 *
 * Inputs only change state and mark what is to be done; `flush`, once per turn of the event loop,
 * does it: one commit for all groups, then what was applied, decided and awaited.
 */
import type { Prng } from "../../raft/index.ts"
import type { Configuration, LogIndex, MemberId } from "../../raft/types.ts"
import type { CommitNumber, GroupId } from "../../storage/wal.ts"
import type { MetadataImage } from "../cluster/image.ts"
import { memberId } from "../cluster/members.ts"
import type { Partition } from "../partition/partition.ts"
import type { Outbox } from "../partition/ports.ts"
import type { RaftGroup } from "../partition/raft-group.ts"
import type { PeerFrame } from "../peer/codec.ts"
import { AutoCreate } from "./auto-create.ts"
import { BrokerSettings } from "./broker-settings.ts"
import { Leadership } from "./leadership.ts"
import { StartCampaign } from "./start-campaign.ts"
import type { Admission } from "./admission.ts"
import { servedVersion } from "./advertised.ts"
import type { Served } from "./advertised.ts"
import { ClusterView } from "./cluster-view.ts"
import { ForwardedRequests } from "./forwarded-requests.ts"
import { Coordination } from "./coordination/coordination.ts"
import { DiskSpace } from "./disk-space.ts"
import { Forwarder } from "./forward.ts"
import { Handover } from "./handover.ts"
import { LeaderView } from "./leader-view.ts"
import type { LeaderState } from "./leader-view.ts"
import { Liveness } from "./liveness.ts"
import { metadataGroupId } from "./metadata-group.ts"
import type { MetadataGroup } from "./metadata-group.ts"
import { MetadataLeader } from "./metadata-leader.ts"
import { ownMetadataGroup } from "./own-metadata-group.ts"
import { PeerLinks } from "./peer-links.ts"
import { PeerOutput } from "./peer-output.ts"
import type {
  ClientRequest,
  Hello,
  LogDir,
  LogLevel,
  NodeOptions,
  NodePorts,
  NodeSettings,
  NodeStatus,
} from "./ports.ts"
import { ProducerIds } from "./producer-ids.ts"
import { Reconciler } from "./reconcile.ts"
import { Recovery } from "./recovery.ts"
import { Registration } from "./registration.ts"
import { nodePrng, Replicas } from "./replicas.ts"
import { Reports } from "./reports.ts"
import { RequestRunner } from "./request-runner.ts"
import type { ControllerRequest, ControllerResult, NodeView } from "./requests/outcome.ts"
import { assignedGroupsAreLed, isIntroduced, nodeStatus } from "./status.ts"
import type { BrokerMachine } from "./node.ts"
import { metadataKey, Waiting } from "./waiting.ts"

/** Answers given in a turn may ask for more: so often `flush` starts over. */
const flushRoundsMax = 16

export class BrokerNode implements BrokerMachine, NodeView {
  readonly nodeId: number
  readonly clusterId: string
  readonly settings: NodeSettings
  readonly brokerSettings: BrokerSettings
  readonly leaders: LeaderView
  readonly coordination: Coordination
  refusal: string | null = null
  readonly #options: NodeOptions
  readonly #ports: NodePorts
  readonly #member: MemberId
  readonly #prng: Prng
  readonly #waiting = new Waiting()
  readonly #reports: Reports
  readonly #producerIds: ProducerIds
  readonly #replicas: Replicas
  readonly #metadata: MetadataGroup
  readonly #forwarder: Forwarder
  readonly #forwarded: ForwardedRequests
  readonly #runner: RequestRunner
  readonly #registration: Registration
  readonly #leadership: Leadership
  readonly #autoCreate: AutoCreate
  #startCampaign: StartCampaign
  readonly #liveness: Liveness
  readonly #output: PeerOutput
  readonly #metadataLeader: MetadataLeader
  readonly #reconciler: Reconciler
  readonly #view: ClusterView
  readonly #links: PeerLinks
  readonly #recovery: Recovery
  readonly #diskSpace: DiskSpace
  #handover: Handover | undefined
  #nowMs = 0
  #caughtUp = false
  #introduced = false
  readonly #log: NodePorts["log"] = (level, line) => this.#ports.log(level, line)

  constructor(options: NodeOptions, ports: NodePorts) {
    this.#options = options
    this.#ports = ports
    this.nodeId = options.nodeId
    this.clusterId = options.clusterId
    this.brokerSettings = new BrokerSettings(this.nodeId, options.settings, () => this.image)
    this.settings = this.brokerSettings.live
    this.#member = memberId(options.nodeId, options.diskUuid)
    this.#prng = nodePrng(options.seed, `${this.#member} ${options.incarnation}`)
    this.leaders = new LeaderView((group, before, after) =>
      this.#leaderChanged(group, before, after),
    )
    const peers = options.peers.map((peer) => peer.nodeId)
    this.#liveness = new Liveness(this.settings, peers)
    this.#output = new PeerOutput(
      this.nodeId,
      (nodeId, frame) => ports.sendPeer(nodeId, frame),
      this.#liveness,
      () => this.image.index,
    )
    this.#reports = new Reports(this.nodeId, this.leaders)
    this.#leadership = new Leadership(this.nodeId, this.leaders, (group) =>
      this.#reconciler.led(group),
    )
    this.#autoCreate = new AutoCreate(this)
    this.#producerIds = new ProducerIds(this, () => this.#waiting.wake(metadataKey))
    this.#startCampaign = new StartCampaign(this.#member, 0)
    this.coordination = new Coordination(options, this, () => this.#nowMs)
    this.#replicas = new Replicas({
      self: this.#member,
      settings: this.settings,
      seed: this.#prng.nextUint32(),
      wal: ports.wal,
      outbox: this.#outbox(),
      wallMs: () => this.wallMs(),
      onProgress: (partition) => {
        this.#waiting.wake(partition.info.group)
        this.#leadership.partition(partition)
      },
      observer: (info) => this.coordination.observer(info),
      onBegun: (group) => this.#recovery.begun(group),
      tellCompacted: (to, groups) => this.#output.send(to, { _tag: "Compacted", groups }),
    })
    this.#recovery = this.#makeRecovery()
    this.#metadata = this.#makeMetadataGroup()
    this.#replicas.adopt(this.#metadata.raftGroup)
    this.#metadataLeader = this.#makeMetadataLeader()
    this.#reconciler = this.#makeReconciler()
    this.#view = new ClusterView({
      ...this.#around(),
      metadata: this.#metadata,
      reconciler: this.#reconciler,
    })
    this.#forwarder = this.#makeForwarder()
    this.#forwarded = this.#makeForwarded()
    this.#registration = this.#makeRegistration()
    this.#runner = new RequestRunner(this, this.#waiting, ports)
    this.#links = this.#makeLinks()
    this.#diskSpace = new DiskSpace({
      ...this.#around(),
      wal: ports.wal,
      replicas: this.#replicas,
      output: this.#output,
    })
  }

  #makeForwarder(): Forwarder {
    return new Forwarder({
      leader: () => this.#view.metadataLeader,
      leadsHere: () => this.#metadata.leads,
      decide: (request, done) => this.#metadataLeader.submit(request, done),
      send: (nodeId, frame) => this.#output.send(nodeId, frame),
      appliedIndexOf: (nodeId) => this.#liveness.peer(nodeId)?.appliedMetadataIndex ?? 0,
      appliedIndex: () => this.image.index,
      log: (line) => this.log("warn", line),
    })
  }

  #makeForwarded(): ForwardedRequests {
    return new ForwardedRequests({
      submit: (request, done) => this.#metadataLeader.submit(request, done),
      respond: (nodeId, correlationId, frame) => this.#output.respond(nodeId, correlationId, frame),
      log: this.#log,
    })
  }

  #makeRegistration(): Registration {
    return new Registration(this.#options, {
      registered: () => this.#reconciler.registered,
      leaderKnown: () => this.#metadata.leads || this.#view.metadataLeader !== -1,
      decide: (request, done) => this.decide(request, done),
      log: this.#log,
    })
  }

  #makeRecovery(): Recovery {
    return new Recovery({
      options: this.#options,
      wal: this.#ports.wal,
      groups: () => this.#groups(),
      group: (id) => this.raftGroup(id),
      image: () => this.image,
      log: this.#log,
    })
  }

  *#groups(): IterableIterator<RaftGroup> {
    yield this.#metadata.raftGroup
    yield* this.#replicas.groups()
  }

  #makeLinks(): PeerLinks {
    return new PeerLinks({
      ...this.#around(),
      options: this.#options,
      self: this.#member,
      wal: this.#ports.wal,
      output: this.#output,
      replicas: this.#replicas,
      metadata: this.#metadata,
      metadataLeader: this.#metadataLeader,
      reports: this.#reports,
      forwarder: this.#forwarder,
      forwarded: this.#forwarded,
      waiting: this.#waiting,
      recovery: this.#recovery,
      groups: () => this.#groups(),
    })
  }

  #outbox(): Outbox {
    return {
      send: (group, message) => this.#output.raft(group, message),
      log: this.#log,
    }
  }

  #makeMetadataGroup(): MetadataGroup {
    const { metadata, refusal } = ownMetadataGroup({
      options: this.#options,
      ports: this.#ports,
      replicas: this.#replicas,
      outbox: this.#outbox(),
      onRole: () => this.#leadership.metadata(this.#metadata),
    })
    this.refusal = refusal
    return metadata
  }

  /** What most parts of a node are given. */
  #around() {
    return {
      nodeId: this.nodeId,
      settings: this.settings,
      liveness: this.#liveness,
      leaders: this.leaders,
      wallMs: () => this.wallMs(),
      log: this.#log,
    }
  }

  #makeMetadataLeader(): MetadataLeader {
    return new MetadataLeader({ ...this.#around(), group: this.#metadata, prng: this.#prng })
  }

  #makeReconciler(): Reconciler {
    return new Reconciler({
      ...this.#around(),
      incarnation: this.#options.incarnation,
      brokerSettings: this.brokerSettings,
      metadata: this.#metadata,
      replicas: this.#replicas,
      wal: this.#ports.wal,
      newGroups: this.#recovery.newGroups,
      self: this.#member,
      decide: (request, done) => this.decide(request, done),
    })
  }

  // ---- time and links

  start(nowMs: number): void {
    this.#now(nowMs)
    this.#startCampaign = new StartCampaign(this.#member, nowMs)
    this.#liveness.start(nowMs)
    this.#recovery.start(nowMs)
    this.#metadata.raftGroup.schedule()
    this.#campaign(nowMs)
  }

  #now(nowMs: number): void {
    this.#nowMs = nowMs
    this.#output.nowMs = nowMs
  }

  tick(nowMs: number): void {
    this.#now(nowMs)
    for (const event of this.#liveness.tick(nowMs)) this.#links.livenessChanged(event)
    this.#recovery.tick(nowMs)
    this.#diskSpace.tick(nowMs)
    this.#replicas.tick(nowMs)
    this.coordination.tick(nowMs)
    this.#campaign(nowMs)
    this.#registration.run(nowMs)
    this.#forwarder.run(nowMs)
    if (this.#handover === undefined) {
      this.#reconciler.run(nowMs)
      this.#metadataLeader.tick(nowMs)
    }
    for (const nodeId of this.#liveness.heartbeatsDue(nowMs)) this.#output.heartbeat(nodeId)
  }

  #campaign(nowMs: number): void {
    this.#startCampaign.run(this.#metadata, this.#reconciler, this.#replicas, nowMs)
  }

  peerConnected(nodeId: number, hello: Hello, nowMs: number): Admission {
    this.#now(nowMs)
    const admission = this.#links.connected(nodeId, hello, nowMs)
    if (admission._tag === "ok") this.#campaign(nowMs)
    return admission
  }

  peerHello(nodeId: number, hello: Hello, nowMs: number): Admission {
    this.#now(nowMs)
    const admission = this.#links.accepted(nodeId, hello, nowMs)
    if (admission._tag === "ok") this.#campaign(nowMs)
    return admission
  }

  peerClosed(nodeId: number, refused: boolean, nowMs: number): void {
    this.#now(nowMs)
    this.#links.closed(nodeId, refused)
  }

  peerFrame(nodeId: number, frame: PeerFrame, nowMs: number): void {
    this.#now(nowMs)
    this.#links.frame(nodeId, frame, nowMs)
  }

  hello(to: number): Hello {
    return this.#links.hello(to)
  }

  // ---- the turn

  durable(through: CommitNumber, nowMs: number): void {
    this.#now(nowMs)
    this.#replicas.durable(through)
    this.#reconciler.durable(through)
  }

  damaged(group: GroupId, index: LogIndex, what: string, nowMs: number): void {
    this.#now(nowMs)
    this.raftGroup(group)?.damaged(index, what)
  }

  flush(nowMs: number): boolean {
    this.#now(nowMs)
    let left = true
    for (let round = 0; round < flushRoundsMax && left; round++) {
      this.#replicas.runTurn()
      this.#applied(nowMs)
      this.#forwarder.run(nowMs)
      this.#metadataLeader.run(nowMs)
      if (this.#handover === undefined) this.#reconciler.run(nowMs)
      this.coordination.run()
      this.#waiting.run(nowMs)
      left = this.#replicas.dirty || this.#waiting.anyWoken || this.coordination.dirty
    }
    for (const frame of this.#reports.takeChanges()) this.#output.broadcast(frame)
    return this.#replicas.work() || left
  }

  #applied(nowMs: number): void {
    const applied = this.#metadata.takeApplied()
    if (applied.length === 0) return
    this.#reconciler.applied(applied, nowMs)
    this.#links.releasePending()
    this.coordination.applied(applied, nowMs)
    if (this.#reconciler.registered && !this.#caughtUp) {
      this.#caughtUp = true
      this.#reconciler.caughtUp()
      this.log("info", `broker ${this.nodeId} is registered`)
    }
    this.#waiting.wake(metadataKey)
    this.#registration.run(nowMs)
  }

  #leaderChanged(group: GroupId, before: LeaderState, after: LeaderState): void {
    this.#reports.changed(group, before, after)
    this.#waiting.wake(metadataKey)
    if (after.leader !== this.nodeId && after.isr.length > 0) {
      this.#replicas.get(group)?.setReportedInSync(after.isr)
    }
  }

  setting(name: string): string | null {
    return this.brokerSettings.value(name)
  }

  served(apiKey: number, apiVersion: number): Served {
    return servedVersion(apiKey, apiVersion)
  }

  request(token: number, request: ClientRequest, nowMs: number): void {
    this.#now(nowMs)
    this.#runner.request(token, request, nowMs)
  }

  cancel(token: number): void {
    this.#runner.cancel(token)
  }

  decide(request: ControllerRequest, done: (result: ControllerResult) => void): void {
    this.#forwarder.submit(request, done)
  }

  autoCreate(names: ReadonlyArray<string>): void {
    this.#autoCreate.create(names, this.#nowMs)
  }

  nextProducerId(nowMs: number): number | undefined {
    return this.#producerIds.next(nowMs)
  }

  get image(): MetadataImage {
    return this.#metadata.image
  }

  get caughtUp(): boolean {
    return this.#caughtUp
  }

  partition(group: GroupId): Partition | undefined {
    return this.#replicas.get(group)
  }

  alive(nodeId: number): boolean {
    return this.#view.alive(nodeId)
  }

  leaderOf(group: GroupId): { readonly leader: number; readonly term: number } {
    return this.#view.leaderOf(group)
  }

  get controllerId(): number {
    return this.#view.controllerId
  }

  /** Members of group 0, for inspection. */
  get metadataConfiguration(): Configuration {
    return this.#metadata.configuration
  }

  /** Group 0, partitions, and groups of which this node is a witness; for inspection. */
  raftGroup(group: GroupId): RaftGroup | undefined {
    return group === metadataGroupId ? this.#metadata.raftGroup : this.#replicas.raftGroup(group)
  }

  logDir(): LogDir {
    return this.#ports.logDir()
  }

  wallMs(): number {
    return this.#ports.wallMs()
  }

  log(level: LogLevel, line: string): void {
    this.#log(level, line)
  }

  get ready(): boolean {
    if (!this.#reconciler.registered || this.#view.metadataLeader === -1) return false
    this.#introduced ||= isIntroduced(this, this.#liveness)
    return this.#introduced && assignedGroupsAreLed(this)
  }

  status(): NodeStatus {
    return nodeStatus(this, {
      options: this.#options,
      liveness: this.#liveness,
      replicas: this.#replicas,
      metadataLeader: this.#view.metadataLeader,
      metadataTerm: this.#metadata.term,
      requestsWaiting: this.#waiting.size,
      groups: this.#groups(),
      space: this.#ports.wal.space,
    })
  }

  shutdown(nowMs: number): "moving" | "done" {
    this.#now(nowMs)
    this.#handover ??= new Handover(this.#replicas, this.#metadata, this.#liveness, nowMs)
    return this.#handover.step(nowMs)
  }
}
