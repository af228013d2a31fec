/**
 * A cluster of real processes as faults and workloads see it: what both varve and Apache Kafka can
 * offer, so that the same run goes against either. Times are monotonic milliseconds of `RunClock`.
 */
import type { Disks } from "./disk/disks.ts"
import type { Network } from "./network.ts"

export interface Endpoint {
  readonly host: string
  readonly port: number
}

export interface ChaosNode {
  readonly id: number
  /** Where clients reach it: a port of the proxy. */
  readonly address: Endpoint
  /** Its own port, past the proxy: for probes and the dump at the end. */
  readonly direct: Endpoint
  /** Its data, and whatever it leaves for people. */
  readonly dir: string
  readonly logFile: string
}

/** What a cluster offers to faults; a fault that needs more is left out, and said to be. */
export type Capability =
  /** SIGKILL, SIGSTOP, SIGCONT, SIGTERM, and starting again. */
  | "signals"
  /** Every directed link between brokers goes through the proxy. */
  | "peerLinks"
  /** Links between brokers carry varve's frames: single ones can be held, doubled, overtaken. */
  | "peerFrames"
  /** Every link from clients goes through the proxy. */
  | "clientLinks"
  /** The files of a stopped broker may be damaged, put back or removed. */
  | "files"
  /** Every broker runs over a storage layer that can be told to fail (`StorageTrouble`). */
  | "storage"
  /** What is not fsynced is lost: every broker runs under the shim. */
  | "power"
  /** A running broker's wall clock can be set wrong. */
  | "clock"
  /** Replicas can be moved, added and taken away while the cluster runs. */
  | "membership"
  /** Leadership can be asked to move. */
  | "transfer"

export type SignalName = "SIGKILL" | "SIGSTOP" | "SIGCONT" | "SIGTERM"

/** How a broker is started once, beyond how the cluster always starts it. */
export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>
  /** Modules for `bun --preload`. */
  readonly preload?: ReadonlyArray<string>
  /** More words for `varve start`. */
  readonly flags?: ReadonlyArray<string>
}

export interface ChaosCluster {
  readonly product: "varve" | "kafka"
  readonly version: string
  readonly nodes: ReadonlyArray<ChaosNode>
  readonly capabilities: ReadonlySet<Capability>
  /** host:port through the proxy, of every node. */
  readonly bootstrap: ReadonlyArray<string>
  readonly network: Network
  /** For "files", "storage", "power" and "clock"; of varve alone. */
  readonly disks?: Disks
  /** Of the running process; undefined while there is none. */
  pidOf(id: number): number | undefined
  /** Resolves when the signal has had its effect: the process is gone, stopped or running. */
  signal(id: number, name: SignalName): Promise<void>
  /**
   * Starts a node that is down and resolves when it takes connections. Rejects with its last lines
   * when it ends or takes longer than the cluster allows.
   */
  start(id: number, options?: StartOptions): Promise<void>
  /** Exit code or signal of the last process that ended of this node. */
  lastExit(id: number): string | undefined
  /** Ends everything, whatever state it is in; the folders stay. */
  dispose(): Promise<void>
}
