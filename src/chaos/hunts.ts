/**
 * How a chaos run brings each of these plants out: which faults strike whom, and for how long. What
 * only a majority's power cut or a journal's bytes can show is left to other layers
 * (plants/DESIGN.md).
 */
import type { FaultKind } from "./fault.ts"
import type { WorkloadName } from "./workload.ts"

export interface Hunt {
  readonly plant: string
  readonly faults: ReadonlyArray<FaultKind>
  readonly workloads: ReadonlyArray<WorkloadName>
  /** Of the fault window; at most 90. */
  readonly seconds: number
  readonly seed: number
  /** Records per second: what shows only once a log has been cut needs many. */
  readonly rate: number
}

const hunt = (
  plant: string,
  faults: Hunt["faults"],
  workloads: Hunt["workloads"],
  seconds: number,
  rate = 200,
  seed = 1,
): Hunt => ({ plant, faults, workloads, seconds, seed, rate })

/** What a second failure brings out, before the first is repaired. */
const secondFailure = (plant: string): Hunt => hunt(plant, ["wiped-then-cut"], ["log"], 60, 200, 5)

export const hunts: ReadonlyArray<Hunt> = [
  // Raft
  hunt("ack-before-fsync", ["power"], ["log"], 25),
  hunt("no-conflict-truncation", ["partition-leader"], ["log"], 30),
  hunt("acks-end-of-log", ["partition-leader"], ["log"], 30),
  hunt("truncates-always", ["peer-frames", "kill-leader"], ["log"], 40, 1_500),
  hunt("commits-with-minority", ["partition-leader"], ["log"], 20),
  hunt("stale-append-entries", ["pause-leader", "partition-leader"], ["log"], 40),
  secondFailure("wiped-disk-votes"),
  secondFailure("no-log-check"),
  secondFailure("no-consistency-check"),
  secondFailure("vote-not-persisted"),
  // The broker
  hunt("acks-before-quorum", ["partition-leader", "kill-leader"], ["log"], 20),
  hunt("no-dedupe", ["lost-responses", "resets"], ["idempotence"], 15),
  hunt("duplicate-gets-new-offset", ["lost-responses"], ["idempotence"], 15),
  hunt("fetch-above-watermark", ["partition-leader"], ["log"], 20),
  hunt("stale-list-offsets", ["pause-leader", "partition-leader"], ["log"], 20),
  hunt("read-below-log-start", ["kill-leader"], ["log"], 25),
  hunt("compaction-drops-last-value", ["kill"], ["log"], 30),
  // Groups
  hunt("commit-before-replication", ["partition-leader", "kill-leader"], ["groups"], 30),
  hunt("answers-while-loading", ["latency", "transfers", "kill-leader"], ["groups"], 40),
  // Storage
  hunt("synchronous-normal", ["power"], ["log"], 25),
  hunt("no-checksum-on-read", ["bit-flips"], ["log"], 60),
]
