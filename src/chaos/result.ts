/** `result.json`: all that a run has to say, apart from its history. Times: run clock, ms. */
import type { Anomaly, Losses } from "./checkers/index.ts"
import type { FaultKind, FaultRecord } from "./fault.ts"
import type { DriverName, WorkloadName } from "./workload.ts"

/** "INCONCLUSIVE" is never green: the run could not have found what it was to look for. */
export type Verdict = "VALID" | "INVALID" | "INCONCLUSIVE"

export interface RunOptions {
  readonly product: "varve" | "kafka"
  readonly seed: number
  readonly nodes: number
  /** Of the fault window. */
  readonly seconds: number
  readonly profile: "smoke" | "standard" | "nightly"
  readonly faults: ReadonlyArray<FaultKind>
  readonly workloads: ReadonlyArray<WorkloadName>
  readonly drivers: ReadonlyArray<DriverName>
  readonly partitions: number
  readonly rate: number
  readonly plant: string | undefined
}

/** Begin of each phase; the last is the end of the run. */
export interface Phases {
  readonly leadInMs: number
  readonly faultsMs: number
  readonly healMs: number
  readonly drainMs: number
  readonly checkMs: number
  readonly endMs: number
}

/** Who led a partition from when on, as brokers told it. */
export interface LeaderSeen {
  readonly atMs: number
  /** "topic/0" */
  readonly partition: string
  /** −1: nobody. */
  readonly leader: number
  readonly epoch: number
}

export interface Outage {
  readonly partition: string
  readonly fromMs: number
  readonly toMs: number
}

/** Records acknowledged and not yet seen by any consumer, sampled. */
export interface UnseenSample {
  readonly atMs: number
  readonly unseen: number
}

export interface OperationCount {
  readonly f: string
  readonly process: "raw" | DriverName | "harness"
  readonly ok: number
  readonly fail: number
  readonly info: number
}

export interface LogLine {
  readonly atMs: number
  readonly node: number
  readonly text: string
}

export interface RunResult {
  readonly verdict: Verdict
  /** Why it is not VALID, a line each; empty when it is. */
  readonly reasons: ReadonlyArray<string>
  readonly promises: ReadonlyArray<string>
  readonly options: RunOptions
  /** Repeats the run when pasted. */
  readonly command: string
  readonly versions: Readonly<Record<string, string>>
  /** ISO 8601, UTC. */
  readonly startedAt: string
  readonly phases: Phases
  readonly faults: ReadonlyArray<FaultRecord>
  /** Kinds that could not be tried here, and why. */
  readonly skipped: ReadonlyArray<{ readonly kind: FaultKind; readonly why: string }>
  readonly operations: ReadonlyArray<OperationCount>
  /** Records. */
  readonly acknowledged: number
  readonly read: number
  readonly anomalies: ReadonlyArray<Anomaly>
  readonly anomalyCounts: Readonly<Record<string, number>>
  /** Where the lost writes lay, of each partition that has any. */
  readonly losses?: ReadonlyArray<Losses>
  /**
   * Of each partition the longest time without an acknowledgement that began in the fault window …
   */
  readonly outages: ReadonlyArray<Outage>
  /** … and of all of them the longest after the last heal. */
  readonly longestOutageAfterHealMs: number
  readonly leaders: ReadonlyArray<LeaderSeen>
  readonly unseen: ReadonlyArray<UnseenSample>
  /** Lines of the brokers' logs around what is reported. */
  readonly logLines: ReadonlyArray<LogLine>
}
