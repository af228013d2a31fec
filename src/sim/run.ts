/**
 * One seed from its beginning to its verdict: a safety phase in which anything may be down,
 * healing, then progress is demanded, and what clients saw is checked against what is there.
 */
import { alarmOf, HistoryAlarm, NoProgress } from "./alarm.ts"
import { defaultGroupSettings } from "../coordinator/settings.ts"
import { defaultNodeSettings } from "../node/node.ts"
import type { NodeSettings } from "../node/node.ts"
import type { SimCase } from "./case.ts"
import { epochMs } from "./clock.ts"
import { Invariants } from "./invariants.ts"
import { Liveness } from "./liveness.ts"
import type { SimOptions } from "./options.ts"
import { drawCase } from "./plan.ts"
import type { SeedOutcome } from "./result.ts"
import type { Recorder } from "./trace.ts"
import { Workload } from "./workload.ts"
import { SimWorld } from "./world.ts"

export interface SimResult extends SeedOutcome, SimCase {}

/** More than any seed takes: a run that does not let time pass is an alarm, not a hang. */
const eventsMax = 30_000_000
const setupMaxMs = 120_000
/** Rounds of retention: topics of some seeds keep their records for less than a second. */
const retentionCheckIntervalMs = 300
/** What the fault "clockDrift" may do to a clock, per mille. */
const clockDriftMax = 200
/** The metadata group and those of topics that come and go. */
const groupsBeside = 100

export const runSeed = (seed: number, change?: (options: SimOptions) => SimOptions): SimResult =>
  runCase(drawCase(seed, change))

export function runCase(it: SimCase, recorder?: Recorder): SimResult {
  const run = new Run(it, recorder)
  const outcome = { seed: it.options.seed, ...run.toTheEnd() }
  return { ...outcome, ...it }
}

/**
 * Timeouts are set to what the network and the disks allow: Raft makes progress only where a round
 * is much shorter than an election timeout (paper §5.6).
 */
function settingsOf({ network, disk }: SimOptions) {
  const roundMs = 2 * network.latencyMs[1] + 2 * disk.fsyncMs[1]
  const slowness = Math.max(1, Math.ceil((4 * roundMs) / defaultNodeSettings.electionTimeoutMs))
  return {
    electionTimeoutMs: slowness * defaultNodeSettings.electionTimeoutMs,
    dataElectionTimeoutMs: slowness * defaultNodeSettings.dataElectionTimeoutMs,
    suspectMs: slowness * defaultNodeSettings.suspectMs,
  } satisfies Partial<NodeSettings>
}

/** Sessions shorter than Kafka allows, and nothing that is forgotten for its age. */
function groupSettingsOf({ brokers, workload }: SimOptions): Partial<NodeSettings> {
  if (workload.groups === undefined) return {}
  return {
    offsetsTopicNumPartitions: workload.groups.partitions,
    offsetsTopicReplicationFactor: Math.min(3, brokers),
    // So often that what groups write is compacted while they run, key by key.
    cleanerBackoffMs: 300,
    cleanerDedupeBufferBytes: 1_000,
    brokerConfigs: new Map([
      ["log.roll.ms", "500"],
      ["log.cleaner.min.cleanable.ratio", "0.1"],
      ["log.cleaner.delete.retention.ms", "1500"],
    ]),
    groups: {
      ...defaultGroupSettings,
      groupMinSessionTimeoutMs: 100,
      groupInitialRebalanceDelayMs: 100,
      groupConsumerMinSessionTimeoutMs: 100,
      groupConsumerMaxSessionTimeoutMs: Number.MAX_SAFE_INTEGER,
      groupConsumerMaxHeartbeatIntervalMs: Number.MAX_SAFE_INTEGER,
      groupConsumerSessionTimeoutMs: workload.groups.sessionTimeoutMs,
      groupConsumerMinHeartbeatIntervalMs: 10,
      groupConsumerHeartbeatIntervalMs: Math.ceil(workload.groups.sessionTimeoutMs / 5),
      groupConsumerAssignmentIntervalMs: 0,
      offsetsRetentionCheckIntervalMs: Number.MAX_SAFE_INTEGER,
    },
  }
}

class Run {
  readonly #case: SimCase
  readonly #world: SimWorld
  readonly #workload: Workload
  readonly #recorder: Recorder | undefined

  constructor(it: SimCase, recorder: Recorder | undefined) {
    this.#case = it
    const { options } = it
    this.#world = new SimWorld({
      seed: options.seed,
      brokers: options.brokers,
      settings: {
        ...settingsOf(options),
        ...groupSettingsOf(options),
        metadataSnapshotEntries: options.metadataSnapshotEntries,
        retentionCheckIntervalMs,
      },
      network: options.network,
      disk: options.disk,
      clockDriftPerMille: options.clockDriftPerMille,
    })
    this.#workload = new Workload(this.#world, {
      seed: this.#world.stream("workload").nextUint32(),
      topics: options.topics,
      shape: options.workload,
    })
    const makesMore = options.workload.mix.admin > 0
    this.#world.atlas.expectsTopics = () => makesMore || !this.#workload.isOn
    const partitions = options.topics.reduce((sum, topic) => sum + topic.partitions, 0)
    this.#world.observe(new Invariants(this.#world, { groupsMax: partitions + groupsBeside }))
    this.#recorder = recorder
    recorder?.begin(() => this.#world.elapsedMs)
    if (recorder !== undefined) this.#world.observe(recorder)
  }

  toTheEnd(): Omit<SeedOutcome, "seed"> {
    const world = this.#world
    let violation: SeedOutcome["violation"]
    try {
      this.#safety()
      this.#heal()
      this.#progress()
      this.#check()
    } catch (error) {
      violation = alarmOf(error, world.elapsedMs)
      this.#recorder?.alarm(violation)
    }
    if (this.#recorder !== undefined) {
      this.#recorder.log = world.lines
      this.#recorder.history = this.#workload.history.operations
    }
    return {
      verdict: violation === undefined ? "clean" : "alarm",
      hash: world.hash,
      events: world.events,
      simulatedMs: world.elapsedMs,
      rare: Object.fromEntries(world.rare),
      ...(violation !== undefined && { violation }),
    }
  }

  #safety(): void {
    const { options, plan } = this.#case
    for (const fault of plan) {
      this.#world.plan(epochMs + fault.atMs, () => {
        this.#recorder?.injected(fault)
        this.#world.inject(fault)
      })
    }
    this.#world.startAll()
    this.#workload.start()
    this.#until(options.durationMs, () => this.#workload.isSpent && this.#isQuiet())
  }

  /** No fault is left to come. */
  #isQuiet(): boolean {
    return this.#world.elapsedMs > (this.#case.plan.at(-1)?.atMs ?? 0)
  }

  #heal(): void {
    this.#recorder?.note("healed")
    this.#world.healNetwork()
    this.#world.healMachines()
  }

  #progress(): void {
    const { options, plan } = this.#case
    const world = this.#world
    // However short the safety phase was: without topics there is nothing to check.
    this.#until(world.elapsedMs + setupMaxMs, () => this.#workload.isOn)
    if (!this.#workload.isOn) throw new NoProgress("the topics of the workload were never made")
    this.#workload.stop()
    const drift = plan.some(({ _tag }) => _tag === "clockDrift") ? clockDriftMax : 0
    const liveness = new Liveness(world, this.#workload, {
      latencyMs: options.network.latencyMs,
      fsyncMs: options.disk.fsyncMs,
      clockDriftPerMille: Math.max(options.clockDriftPerMille, drift),
      ...settingsOf(options),
    })
    const { isLive, boundMs, unmet } = liveness.run(() => this.#step())
    if (!isLive) throw new NoProgress(`${boundMs} ms after the healing: ${unmet.join("; ")}`)
  }

  #check(): void {
    const { anomalies } = this.#workload.check()
    const first = anomalies[0]
    if (first === undefined) return
    const { kind, partition, detail } = first
    throw new HistoryAlarm(kind, `${partition}: ${detail}`)
  }

  /** Until then, or until the condition holds, which is looked at every 20 simulated ms. */
  #until(endMs: number, condition: () => boolean): void {
    const world = this.#world
    let lookMs = world.elapsedMs
    while (world.elapsedMs < endMs) {
      if (world.elapsedMs >= lookMs) {
        if (condition()) return
        lookMs = world.elapsedMs + 20
      }
      if (!this.#step()) return
    }
  }

  #step(): boolean {
    const world = this.#world
    if (world.events > eventsMax) throw new NoProgress(`${eventsMax} events, and no end`)
    return world.step()
  }
}
