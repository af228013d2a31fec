/**
 * How a failing case may be made smaller besides dropping faults, in the order in which it is
 * tried. Each proposes candidates of one case, the boldest first; none when it can do no more.
 */
import type { SimCase } from "./case.ts"
import type { Fault } from "./faults.ts"
import type { SimOptions } from "./options.ts"

export type Reduction = (from: SimCase) => ReadonlyArray<SimCase>

export const reductions: ReadonlyArray<Reduction> = [
  shorter,
  fewerOperations,
  fewerBrokers,
  fewerTopics,
  fewerPartitions,
  fewerClients,
  longerRetention,
  calmer,
  briefer,
]

const withOptions = (from: SimCase, change: Partial<SimOptions>): SimCase => ({
  ...from,
  options: { ...from.options, ...change },
})

/** Candidates below `now`: a quarter, a half, one less. */
function below(now: number, least: number): ReadonlyArray<number> {
  const steps = [
    least,
    Math.floor(now / 4),
    Math.floor(now / 2),
    Math.floor((3 * now) / 4),
    now - 1,
  ]
  return [...new Set(steps)].filter((n) => n >= least && n < now).toSorted((a, b) => a - b)
}

function fewerOperations(from: SimCase): ReadonlyArray<SimCase> {
  const { workload } = from.options
  return below(workload.operations, 0)
    .filter((operations) => operations === 0 || workload.operations - operations > 4)
    .map((operations) => withOptions(from, { workload: { ...workload, operations } }))
}

/** Faults that name a broker that is gone go with it. */
function fewerBrokers(from: SimCase): ReadonlyArray<SimCase> {
  const { brokers, topics } = from.options
  return below(brokers, 1).map((left) => ({
    options: {
      ...from.options,
      brokers: left,
      topics: topics.map((topic) => ({
        ...topic,
        replicationFactor: Math.min(topic.replicationFactor, left),
      })),
    },
    plan: from.plan.filter((fault) => fits(fault, left)),
  }))
}

function fits(fault: Fault, brokers: number): boolean {
  const named = [
    "node" in fault ? fault.node : 0,
    "from" in fault ? fault.from : 0,
    "to" in fault ? fault.to : 0,
    "over" in fault ? fault.over : 0,
    ...("side" in fault ? fault.side : []),
  ]
  return named.every((one) => typeof one !== "number" || one < brokers)
}

function fewerTopics(from: SimCase): ReadonlyArray<SimCase> {
  const { topics } = from.options
  if (topics.length < 2) return []
  return topics.map((_, i) => withOptions(from, { topics: topics.filter((__, at) => at !== i) }))
}

function fewerPartitions(from: SimCase): ReadonlyArray<SimCase> {
  const { topics } = from.options
  return topics.flatMap((topic, i) =>
    below(topic.partitions, 1).map((partitions) =>
      withOptions(from, { topics: topics.with(i, { ...topic, partitions }) }),
    ),
  )
}

function fewerClients(from: SimCase): ReadonlyArray<SimCase> {
  const { workload } = from.options
  const { producers, consumers, mix, removeEveryMs, ...rest } = workload
  const change = (part: Partial<SimOptions["workload"]>) =>
    withOptions(from, { workload: { ...workload, ...part } })
  return [
    ...below(consumers, 0).map((n) => change({ consumers: n })),
    ...below(producers, 1).map((n) => change({ producers: n })),
    ...(removeEveryMs === undefined
      ? []
      : [withOptions(from, { workload: { ...rest, producers, consumers, mix } })]),
    ...(mix.admin > 0 ? [change({ mix: { ...mix, admin: 0 } })] : []),
    ...(mix.listOffsets > 0 ? [change({ mix: { ...mix, listOffsets: 0 } })] : []),
  ]
}

function longerRetention(from: SimCase): ReadonlyArray<SimCase> {
  const { topics } = from.options
  return topics.flatMap(({ configs, ...topic }, i) =>
    configs === undefined ? [] : [withOptions(from, { topics: topics.with(i, topic) })],
  )
}

/** One kind of noise after the other. */
function calmer(from: SimCase): ReadonlyArray<SimCase> {
  const { network, clockDriftPerMille } = from.options
  const noises = ["spikePer10k", "lossPer10k", "duplicatePer10k", "reorderPer10k"] as const
  const quiet = noises
    .filter((noise) => network[noise] > 0)
    .map((noise) => withOptions(from, { network: { ...network, [noise]: 0 } }))
  return clockDriftPerMille > 0 ? [...quiet, withOptions(from, { clockDriftPerMille: 0 })] : quiet
}

/** The safety phase ends sooner; faults beyond its end go with it. */
function shorter(from: SimCase): ReadonlyArray<SimCase> {
  return below(from.options.durationMs, 1_000)
    .filter((durationMs) => from.options.durationMs - durationMs >= 200)
    .map((durationMs) => ({
      options: { ...from.options, durationMs },
      plan: from.plan.filter(({ atMs }) => atMs < durationMs),
    }))
}

const sooner = (atMs: number) => (atMs <= 1_000 ? atMs : 1_000 + Math.floor((atMs - 1_000) / 2))

/** Waits between the faults are halved, all at once: the same story in less time. */
function briefer(from: SimCase): ReadonlyArray<SimCase> {
  if (from.options.durationMs < 2_000) return []
  const plan = from.plan.map((fault) => ({ ...fault, atMs: sooner(fault.atMs) }))
  return [{ options: { ...from.options, durationMs: sooner(from.options.durationMs) }, plan }]
}
