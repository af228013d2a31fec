/**
 * What clients do while faults strike. A workload writes every operation into the history, keeps
 * going through errors, and afterwards reads everything back.
 */
import type { ChaosCluster } from "./cluster.ts"
import type { RunClock } from "./clock.ts"
import type { Recorder } from "./history/recorder.ts"

export const workloadNames = ["log", "idempotence", "groups", "metadata"] as const

export type WorkloadName = (typeof workloadNames)[number]

/** Who speaks to the brokers: varve's own client, or one that others wrote. */
export type DriverName = "raw" | "kafkajs" | "platformatic" | "confluent" | "python-kafka" | "kcat"

export interface WorkloadContext {
  readonly cluster: ChaosCluster
  readonly clock: RunClock
  readonly recorder: Recorder
  readonly seed: number
  /** Names topics, groups and values, so that nothing of an earlier run is taken for this one's. */
  readonly runId: string
  /** Of all topics of the workload together. */
  readonly partitions: number
  /** Records per second over all drivers. */
  readonly rate: number
  /** Those that are on this machine, of those that were asked for. */
  readonly drivers: ReadonlyArray<DriverName>
  /** The run is interrupted: end soon, drain nothing. */
  readonly signal: AbortSignal
  readonly log: (line: string) => void
}

/** For the terminal, the report and the judgement whether the run was worth anything. */
export interface WorkloadProgress {
  readonly acknowledged: number
  readonly read: number
  /** Run clock, of the last acknowledgement. */
  readonly lastAcknowledgedMs: number
}

export interface Workload {
  readonly name: WorkloadName
  /** For faults that ask who leads, or move replicas; there once `prepare` has resolved. */
  readonly topics: ReadonlyArray<string>
  /**
   * In the report: what was promised, in a sentence each ("acks=all, idempotent: nothing lost").
   */
  readonly promises: ReadonlyArray<string>
  /** Makes topics and connects, on a healthy cluster. */
  prepare(): Promise<void>
  /** Begins; does not wait. */
  start(): void
  readonly progress: WorkloadProgress
  /** Faults that strike clients ("zombie-producer", "consumer-pause") look here for theirs. */
  readonly clients: ReadonlyArray<ClientControl>
  /** Begins nothing new and waits for what is under way, at most `timeoutMs`. */
  stop(timeoutMs: number): Promise<void>
  /**
   * Reads everything back from every replica, as operations of the history ("drain",
   * "committed"): after the heal, when nothing is written any more. Rejects when a replica cannot
   * be read completely, at the latest after `timeoutMs`; what could be read is told by then.
   */
  drain(timeoutMs?: number): Promise<void>
  /** Ends every process and connection; also after a failure. */
  dispose(): Promise<void>
}

/** One client of a workload that can be hurt. */
export interface ClientControl {
  readonly name: string
  readonly role: "producer" | "consumer" | "member"
  /** Of its process; undefined where it lives in the process of the run. */
  readonly pid: number | undefined
  /**
   * Operations it has begun so far, its successors' too: shows that it stood still, or that it went
   * on after a successor was begun.
   */
  readonly operations: number
  /** Stands still, as a paused process does, until `resume`. */
  pause(): void
  resume(): void
  /**
   * Producers alone: begins a successor under the same name while the old one goes on sending; both
   * are recorded as what they are. Undefined where the driver has no such thing.
   */
  readonly beget?: () => Promise<void>
  /** How many it has begotten. */
  readonly successors?: number
}
