/**
 * Faults as data and as deeds. A plan is made from the seed before anything runs and can be read
 * and repeated; each fault says what it did, shows that it bit, and takes itself back.
 */
import type { Prng } from "../../raft/prng.ts"
import type { Capability, ChaosCluster } from "./cluster.ts"
import type { RunClock } from "./clock.ts"
import type { ClientControl } from "./workload.ts"

export const faultKinds = [
  "kill",
  "kill-leader",
  "kill-majority",
  "kill-all",
  "kill-starting",
  "crash-loop",
  "rolling-restart",
  "pause",
  "pause-leader",
  "partition-one",
  "partition-leader",
  "partition-halves",
  "partition-one-way",
  "partition-bridge",
  "partition-ring",
  "partition-clients",
  "flapping",
  "latency",
  "bandwidth",
  "resets",
  "peer-frames",
  "lost-responses",
  "power",
  "fsync-error",
  "held-commits",
  "disk-full",
  "slow-disk",
  "bit-flips",
  "truncation",
  "old-copy",
  "wiped-disk",
  "wiped-then-cut",
  "transfers",
  "membership",
  "clock-jump",
  "zombie-producer",
  "consumer-pause",
] as const

export type FaultKind = (typeof faultKinds)[number]

/** One fault of a schedule; plain data, written to the run's folder before the run begins. */
export interface FaultPlan {
  readonly kind: FaultKind
  /** From the beginning of the fault window. */
  readonly atMs: number
  readonly durationMs: number
  /** For what is chosen when the fault strikes (which broker, which bit): a stream of its own. */
  readonly seed: number
}

export interface FaultContext {
  readonly cluster: ChaosCluster
  readonly clock: RunClock
  /** Of this fault alone, from its plan's seed. */
  readonly chance: Prng
  /** Topics of the workloads, for faults that ask who leads or move replicas. */
  readonly topics: ReadonlyArray<string>
  /** Of the workloads, as they are now. */
  readonly clients: ReadonlyArray<ClientControl>
  /**
   * Brokers that other faults have struck and not yet healed: a fault that strikes one broker takes
   * one of these when there are any, so that never two are down by chance.
   */
  readonly troubled: ReadonlySet<number>
  /** Ends early when the run is interrupted. */
  readonly signal: AbortSignal
  /** For the run's log; one line. */
  log(line: string): void
}

/** What was seen of a fault while it lasted. */
export interface Effect {
  readonly effective: boolean
  /** What shows it, or why it did not bite: "broker 1 (pid 7) is gone", "0 frames were held". */
  readonly evidence: string
}

/** A fault under way. */
export interface Injected {
  /** "broker 2", "0→1, 0→2": for the timeline. */
  readonly target: string
  /** Ids of the brokers concerned. */
  readonly nodes: ReadonlyArray<number>
  /** Before the heal. */
  verify(): Promise<Effect>
  /** Takes it back; what must happen in any case is done also after a failed injection. */
  heal(): Promise<void>
}

export interface Fault {
  readonly kind: FaultKind
  readonly needs: ReadonlyArray<Capability>
  /**
   * Strikes; resolves when it lasts (a crash loop ends by itself at `untilMs`, run clock). Rejects
   * with `FaultImpossible` when the cluster is not in a state where it can be done.
   */
  inject(context: FaultContext, untilMs: number): Promise<Injected>
}

export class FaultImpossible extends Error {
  readonly _tag = "FaultImpossible"
}

/** What became of a planned fault. */
export interface FaultRecord {
  readonly plan: FaultPlan
  readonly target: string
  readonly nodes: ReadonlyArray<number>
  /** Run clock; `healedMs` is when the deed was taken back, not when the cluster was well again. */
  readonly injectedMs: number
  readonly healedMs: number
  readonly effective: boolean
  readonly evidence: string
}
