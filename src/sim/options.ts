/**
 * What one seed is made of, drawn as a swarm: each seed leaves a third of the fault classes out, so
 * that those that are left meet each other more purely (Groce et al., "Swarm Testing"). Plain JSON;
 * seed + commit + options = the same run.
 *
 * Draws are integers out of tables: no logarithm, whose last bit differs between machines.
 */
import { Prng } from "../../raft/prng.ts"
import { stream } from "./random.ts"

/** What is switched on or off as a whole: the faults of `faults.ts` by their tags. */
export const faultClasses = [
  "crash",
  "crashAll",
  "crashLoop",
  "pause",
  "shutdown",
  "cut",
  "isolate",
  "split",
  "bridge",
  "ring",
  "clog",
  "slow",
  "resetLink",
  "capacity",
  "clockJump",
  "clockDrift",
  "diskStall",
  "fsyncError",
  "diskFull",
  "loseTail",
  "damageEntry",
  "loseSentinel",
  "restore",
  "replaceDisk",
  "cutLog",
  "transfer",
] as const
export type FaultClass = (typeof faultClasses)[number]

/** From, to; both can occur. */
export type Range = readonly [min: number, max: number]

export interface TopicShape {
  readonly partitions: number
  readonly replicationFactor: number
  /** retention.ms, retention.bytes. */
  readonly configs?: Readonly<Record<string, string>>
}

export interface NetworkOptions {
  /** One way. */
  readonly latencyMs: Range
  /** Of 10,000 frames so many take `spikeMs` instead. */
  readonly spikePer10k: number
  readonly spikeMs: Range
  readonly lossPer10k: number
  readonly duplicatePer10k: number
  readonly reorderPer10k: number
}

export interface DiskOptions {
  readonly fsyncMs: Range
  /** A crash keeps any subset of the unsynced commits' sectors, not a prefix of the commits. */
  readonly torn: boolean
}

export interface WorkloadMix {
  readonly produce: number
  readonly fetch: number
  readonly listOffsets: number
  readonly admin: number
}

export interface WorkloadShape {
  readonly producers: number
  readonly idempotentPercent: number
  readonly consumers: number
  /** Operations of all clients together; the workload ends with the last, or with the time. */
  readonly operations: number
  /** Mean time between two operations of one client. */
  readonly thinkMs: number
  readonly recordsPerBatch: Range
  readonly valueBytes: Range
  /** Weights. */
  readonly mix: WorkloadMix
  /** Mean time between two deletions of the front of a log; none where it is left out. */
  readonly removeEveryMs?: number
  /** Consumer groups; none where it is left out. */
  readonly groups?: GroupsShape
}

export interface GroupsShape {
  readonly groups: number
  readonly membersPerGroup: number
  /** Of 100 groups so many are of the new protocol. */
  readonly consumerPercent: number
  /** Partitions of `__consumer_offsets`. */
  readonly partitions: number
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly thinkMs: number
  /** Of 1,000 thoughts of a member so many end its life, or make it stand still. */
  readonly crashPerMille: number
  readonly leavePerMille: number
  readonly stallPerMille: number
}

export interface SimOptions {
  readonly seed: number
  readonly brokers: number
  readonly topics: ReadonlyArray<TopicShape>
  /** Of the safety phase; healing and liveness come after it. */
  readonly durationMs: number
  readonly network: NetworkOptions
  readonly disk: DiskOptions
  /** Largest deviation of a broker's clock, per mille. */
  readonly clockDriftPerMille: number
  /** Mean time between two faults of the class; a class that is not here is off. */
  readonly faults: Readonly<Partial<Record<FaultClass, number>>>
  readonly workload: WorkloadShape
  /** Whether rounds of metadata snapshots are so short that a run meets them. */
  readonly metadataSnapshotEntries: number
}

export function drawOptions(seed: number): SimOptions {
  const prng = new Prng(seed)
  const brokers = pick(prng, [3, 3, 3, 3, 3, 3, 1, 2, 4, 5, 5, 6, 7])
  const durationMs = pick(prng, durationsMs)
  const options = {
    seed,
    brokers,
    topics: drawTopics(prng, brokers),
    durationMs,
    network: drawNetwork(prng),
    disk: { fsyncMs: pick(prng, fsyncRanges), torn: prng.below(3) === 0 },
    clockDriftPerMille: pick(prng, [0, 0, 1, 10, 50, 200]),
    faults: drawFaults(prng),
    workload: drawWorkload(prng, durationMs),
    metadataSnapshotEntries: pick(prng, [10, 30, 100, 10_000]),
  }
  const isLong = prng.below(longSeedOneOf) === 0 && brokers <= longBrokersMax
  return withRetention(withGroups(isLong ? stretched(prng, options) : options))
}

/** From a stream of its own, as groups: half of the seeds lose nothing but by faults. */
function withRetention(options: SimOptions): SimOptions {
  const prng = stream(options.seed, "retention")
  if (prng.below(2) === 0) return options
  const drawConfigs = () => ({
    ...orNone("retention.ms", pick(prng, ["", "", "300", "2000", "10000"])),
    ...orNone("retention.bytes", pick(prng, ["", "", "0", "300", "3000", "30000"])),
  })
  const topics = options.topics.map((topic) => ({ ...topic, configs: drawConfigs() }))
  const removeEveryMs = pick(prng, [0, 100, 500, 3_000])
  if (removeEveryMs === 0) return { ...options, topics }
  return { ...options, topics, workload: { ...options.workload, removeEveryMs } }
}

const orNone = (name: string, value: string): Record<string, string> =>
  value === "" ? {} : { [name]: value }

/** From a stream of its own: seeds that have none are what they were before there were groups. */
function withGroups(options: SimOptions): SimOptions {
  const prng = stream(options.seed, "groups")
  if (prng.below(2) === 0) return options
  const { thinkMs } = options.workload
  const groups: GroupsShape = {
    groups: pick(prng, [1, 1, 2, 3]),
    membersPerGroup: pick(prng, [1, 2, 3, 3]),
    consumerPercent: pick(prng, [0, 50, 100]),
    partitions: pick(prng, [1, 1, 2, 3]),
    sessionTimeoutMs: pick(prng, [1_000, 3_000, 10_000]),
    rebalanceTimeoutMs: pick(prng, [1_000, 3_000, 10_000]),
    thinkMs: Math.max(20, thinkMs),
    crashPerMille: pick(prng, [0, 10, 40]),
    leavePerMille: pick(prng, [0, 10, 40]),
    stallPerMille: pick(prng, [0, 10, 30]),
  }
  const isLong = longDurationsMs.includes(options.durationMs)
  const shape = isLong ? { ...groups, ...longGroups } : groups
  return { ...options, workload: { ...options.workload, groups: shape } }
}

/** Few heartbeats: they keep awake what is to sleep. */
const longGroups = {
  groups: 1,
  membersPerGroup: 2,
  sessionTimeoutMs: 300_000,
  rebalanceTimeoutMs: 60_000,
}

/** Long stretches in which nothing happens are nearly free where groups sleep. */
const longSeedOneOf = 16
const longBrokersMax = 4
const longDurationsMs = [600_000, 600_000, 1_200_000, 1_200_000, 1_800_000, 3_600_000]
const longGroupsMax = 8

/**
 * The same number of faults and operations, minutes apart instead of seconds: what only time brings
 * about (sleeping groups, expiry, clocks that drift apart, bounds that leak) has the time.
 */
function stretched(prng: Prng, options: SimOptions): SimOptions {
  const durationMs = pick(prng, longDurationsMs)
  const times = durationMs / options.durationMs
  const faults = Object.entries(options.faults)
  const { workload, topics } = options
  return {
    ...options,
    durationMs,
    topics: topics.map((topic) => ({
      ...topic,
      partitions: Math.min(topic.partitions, Math.ceil(longGroupsMax / topics.length)),
    })),
    faults: Object.fromEntries(faults.map(([name, gapMs]) => [name, Math.round(gapMs * times)])),
    workload: {
      ...workload,
      producers: 1,
      consumers: Math.min(1, workload.consumers),
      thinkMs: pick(prng, [1_000, 5_000, 20_000]),
    },
  }
}

const durationsMs = [2_000, 5_000, 10_000, 10_000, 20_000, 20_000, 40_000, 60_000, 120_000]
const latencyRanges: ReadonlyArray<Range> = [
  [0, 0],
  [0, 1],
  [1, 3],
  [1, 3],
  [1, 20],
  [10, 50],
  [0, 200],
]
const fsyncRanges: ReadonlyArray<Range> = [
  [0, 0],
  [0, 1],
  [1, 4],
  [1, 4],
  [2, 20],
  [5, 100],
]

/** Bytes are what costs time here, and bugs seldom need many of them. */
const batchShapes: ReadonlyArray<Pick<WorkloadShape, "recordsPerBatch" | "valueBytes">> = [
  { recordsPerBatch: [1, 1], valueBytes: [16, 32] },
  { recordsPerBatch: [1, 3], valueBytes: [16, 32] },
  { recordsPerBatch: [1, 3], valueBytes: [16, 200] },
  { recordsPerBatch: [1, 20], valueBytes: [16, 32] },
  { recordsPerBatch: [1, 2], valueBytes: [100, 4_000] },
]

function drawTopics(prng: Prng, brokers: number): ReadonlyArray<TopicShape> {
  let left = pick(prng, [1, 1, 2, 2, 3, 4, 6, 8, 12, 16, 32, 64])
  const topics: Array<TopicShape> = []
  const count = Math.min(left, 1 + prng.below(3))
  for (let i = 0; i < count; i++) {
    const partitions = i === count - 1 ? left : 1 + prng.below(left - (count - 1 - i))
    left -= partitions
    const wanted = pick(prng, [3, 3, 3, 3, 1, 2, 2, 4, 5])
    topics.push({ partitions, replicationFactor: Math.min(wanted, brokers) })
  }
  return topics
}

function drawNetwork(prng: Prng): NetworkOptions {
  const rate = (rates: ReadonlyArray<number>) => (prng.below(3) === 0 ? 0 : pick(prng, rates))
  return {
    latencyMs: pick(prng, latencyRanges),
    spikePer10k: rate([1, 10, 100, 1000]),
    spikeMs: pick(prng, [
      [10, 100],
      [100, 1000],
      [500, 3000],
    ]),
    lossPer10k: rate([1, 10, 100, 1000, 3000]),
    duplicatePer10k: rate([1, 10, 100, 1000, 5000]),
    reorderPer10k: rate([1, 10, 100, 1000, 5000]),
  }
}

/** All classes together strike every `gapMs` or so, some of them more often than others. */
function drawFaults(prng: Prng): SimOptions["faults"] {
  const gapMs = pick(prng, [300, 700, 1_500, 3_000, 7_000])
  const isCalm = prng.below(20) === 0
  const drawn = faultClasses.map((name) => {
    return { name, isOn: prng.below(3) > 0 && !isCalm, slowness: pick(prng, [1, 3, 9]) }
  })
  const on = drawn.filter(({ isOn }) => isOn)
  return Object.fromEntries(
    on.map(({ name, slowness }) => [name, Math.round((gapMs * on.length * slowness) / 2)]),
  )
}

function drawWorkload(prng: Prng, durationMs: number): WorkloadShape {
  const producers = pick(prng, [1, 1, 2, 3, 5, 8])
  const consumers = pick(prng, [0, 1, 1, 2, 4])
  const thinkMs = pick(prng, [5, 20, 50, 100, 300, 1_000])
  const most = Math.ceil((durationMs / thinkMs) * (producers + consumers))
  return {
    producers,
    consumers,
    thinkMs,
    idempotentPercent: pick(prng, [0, 50, 80, 100, 100]),
    operations: Math.min(most, pick(prng, [200, 500, 1_000, 2_000])),
    ...pick(prng, batchShapes),
    mix: {
      produce: 10,
      fetch: pick(prng, [3, 10]),
      listOffsets: pick(prng, [0, 1, 3]),
      admin: pick(prng, [0, 0, 1, 2]),
    },
  }
}

function pick<T>(prng: Prng, from: ReadonlyArray<T>): T {
  const value = from[prng.below(from.length)]
  if (value === undefined) throw new Error("nothing to draw from")
  return value
}
