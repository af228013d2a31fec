/**
 * The parts of a running broker that are no Effects: the machine, its loop, its sockets, wired to
 * one another.
 */
import { statfsSync } from "node:fs"
import type { Wal } from "../../storage/wal.ts"
import { memberId } from "../cluster/members.ts"
import type { BrokerMachine, BrokerNodeConstructor, LogDir, NodeOptions } from "../node/node.ts"
import { PeerTransport } from "../peer/transport.ts"
import type { PeerEvents } from "../peer/transport.ts"
import type { BrokerConfig } from "./config.ts"
import type { ConnectionHost } from "./connection.ts"
import type { HttpSource } from "./http.ts"
import { founders, nodeSettings, peerOptions } from "./identity.ts"
import { defaultLimits, NodeUsage } from "./limits.ts"
import type { ConnectionLimits } from "./limits.ts"
import { LineLimiter } from "./line-limiter.ts"
import { Listener } from "./listener.ts"
import type { Log } from "./log.ts"
import type { NodeLoop } from "./loop.ts"

export interface RimOptions {
  readonly config: BrokerConfig
  readonly diskUuid: string
  readonly incarnation: string
  readonly seed: number
  /** The node to run; tests have others. */
  readonly machine: BrokerNodeConstructor
  readonly wal: Wal
  readonly loop: NodeLoop
  readonly log: Log
}

/** Above it no client request is taken: the disk is behind, and what waits for it is memory. */
const walPendingBytesMax = 64 * 1024 * 1024
const sweepEveryMs = 1000

export class Rim implements HttpSource {
  readonly machine: BrokerMachine
  readonly transport: PeerTransport
  readonly listener: Listener
  private readonly options: RimOptions
  private readonly usage = new NodeUsage()
  private requests = 0
  private stopping = false
  /** The broker failed: nothing of it may leave any more. */
  broken = false
  private lastSweepMs = 0

  constructor(options: RimOptions) {
    const { config, loop, wal, log } = options
    this.options = options
    this.machine = new options.machine(nodeOptions(options), {
      wal,
      sendPeer: (nodeId, frame) => this.transport.send(nodeId, frame),
      logDir: () => logDirOf(config.dir),
      answer: (token, answer) => loop.answer(token, answer),
      log,
      wallMs: () => loop.wallMs(),
    })
    loop.attach(this.machine)
    this.transport = new PeerTransport(
      config.peers.filter((peer) => peer.nodeId !== config.nodeId),
      peerEvents(options),
    )
    this.listener = new Listener(
      {
        endpoint: config.listen,
        connectionsMax: () => this.limit("max.connections"),
        connectionsPerAddressMax: () => this.limit("max.connections.per.ip"),
        acceptPeer: (socket, remote) => this.transport.accept(socket, remote),
      },
      this.connectionHost(),
    )
    loop.onTurnEnd(() => {
      this.transport.flush()
      this.listener.flush()
    })
    loop.onTick((nowMs) => this.tick(nowMs))
  }

  status() {
    return this.stopping ? undefined : this.machine.status()
  }

  rim() {
    return {
      connections: this.listener.connectionCount,
      requestBytesInFlight: this.usage.requestBytes,
      unsentBytes: this.usage.unsentBytes,
      walPendingBytes: this.options.wal.pendingBytes,
      requests: this.requests,
    }
  }

  beginStop(broken: boolean): void {
    this.stopping = true
    this.broken = broken
  }

  private tick(nowMs: number): void {
    this.transport.sweep(nowMs)
    if (nowMs - this.lastSweepMs < sweepEveryMs) return
    this.lastSweepMs = nowMs
    this.listener.sweep(nowMs)
  }

  /** May be altered while the broker runs. */
  private limit(name: "max.connections" | "max.connections.per.ip"): number {
    return Number(this.machine.setting(name) ?? this.options.config.settings[name])
  }

  private connectionHost(): ConnectionHost {
    const { config, loop, wal, log } = this.options
    const limits = connectionLimits(config)
    const { usage, machine } = this
    const complaints = new LineLimiter((line) => log("warn", line))
    return {
      limits,
      usage,
      get saturated() {
        return wal.pendingBytes > walPendingBytesMax || loop.requestBudgetSpent
      },
      served: (apiKey, apiVersion) => machine.served(apiKey, apiVersion),
      submit: (request, answer) => {
        this.requests++
        return loop.submit(request, answer)
      },
      cancel: (token) => loop.cancel(token),
      nowMs: () => loop.nowMs(),
      scheduleFlush: () => loop.scheduleFlush(),
      complain: (kind, line) => complaints.log(kind, line, loop.nowMs()),
    }
  }
}

/** Of whoever writes: space kept back for the superuser is not usable. */
function logDirOf(path: string): LogDir {
  const { bsize, blocks, bavail } = statfsSync(path)
  return { path, totalBytes: bsize * blocks, usableBytes: bsize * bavail }
}

function nodeOptions({ config, diskUuid, incarnation, seed }: RimOptions): NodeOptions {
  const rack = config.settings["broker.rack"]
  return {
    nodeId: config.nodeId,
    diskUuid,
    clusterId: config.clusterId,
    incarnation,
    founders: founders(config),
    peers: peerOptions(config),
    advertised: { ...config.advertised, rack: rack === "" ? null : rack },
    settings: nodeSettings(config),
    seed,
  }
}

function connectionLimits(config: BrokerConfig): ConnectionLimits {
  const { settings } = config
  const queued = settings["queued.max.request.bytes"]
  return {
    ...defaultLimits,
    requestBytesMax: settings["socket.request.max.bytes"],
    nodeRequestBytesMax: Math.max(
      queued < 0 ? defaultLimits.nodeRequestBytesMax : queued,
      2 * settings["socket.request.max.bytes"],
    ),
    idleMs: settings["connections.max.idle.ms"],
  }
}

function peerEvents({ config, diskUuid, loop, log }: RimOptions): PeerEvents {
  const complaints = new LineLimiter((line) => log("warn", line), 2)
  const stopped = { _tag: "refused", reason: "this broker is stopping" } as const
  return {
    ownMember: memberId(config.nodeId, diskUuid),
    memberOf: memberId,
    nowMs: () => loop.nowMs(),
    hello: (to) => loop.machineHello(to),
    connected: (nodeId, hello) =>
      loop.enter((machine, nowMs) => machine.peerConnected(nodeId, hello, nowMs)) ?? stopped,
    accepted: (nodeId, hello) =>
      loop.enter((machine, nowMs) => machine.peerHello(nodeId, hello, nowMs)) ?? stopped,
    closed: (nodeId, refused) => {
      loop.enter((machine, nowMs) => machine.peerClosed(nodeId, refused, nowMs))
    },
    frame: (nodeId, frame) => {
      loop.enter((machine, nowMs) => machine.peerFrame(nodeId, frame, nowMs))
    },
    complain: (line) => complaints.log("peer link", line, loop.nowMs()),
  }
}
