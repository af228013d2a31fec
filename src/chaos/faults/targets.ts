/** Whom a fault strikes. */
import type { Prng } from "../../../raft/prng.ts"
import type { ChaosNode } from "../cluster.ts"
import { FaultImpossible } from "../fault.ts"
import type { FaultContext } from "../fault.ts"
import type { FaultTools } from "./tools.ts"

/** One of them, evenly. Throws `FaultImpossible` when there is none. */
export function oneOf<A>(chance: Prng, items: ReadonlyArray<A>, what: string): A {
  const item = items[chance.below(Math.max(1, items.length))]
  if (item === undefined) throw new FaultImpossible(`there is no ${what}`)
  return item
}

/** That many of them, in a random order. */
export function someOf<A>(chance: Prng, items: ReadonlyArray<A>, count: number): Array<A> {
  const left = [...items]
  const wanted = Math.min(count, items.length)
  return Array.from({ length: wanted }).flatMap(() => left.splice(chance.below(left.length), 1))
}

export const runningNodes = ({ cluster }: FaultContext): ReadonlyArray<ChaosNode> =>
  cluster.nodes.filter(({ id }) => cluster.pidOf(id) !== undefined)

/** Any running broker, or one of those that are struck already. */
export function oneBroker(context: FaultContext): ChaosNode {
  const { chance, troubled } = context
  const running = runningNodes(context)
  if (troubled.size === 0) return oneOf(chance, running, "running broker")
  const struck = running.filter(({ id }) => troubled.has(id))
  return oneOf(chance, struck, "running broker that is struck already")
}

export interface LeaderTarget {
  readonly node: ChaosNode
  /** "broker 1, leader of orders/3 in epoch 7" */
  readonly target: string
}

const leaderWaitMs = 3_000
const everyMs = 100

/**
 * Who leads a random partition of the workloads, the metadata group, or a partition in which groups
 * keep what they have committed: its leader coordinates them. Waits a little for one that is being
 * elected. Rejects with `FaultImpossible`.
 */
export async function aLeader(context: FaultContext, tools: FaultTools): Promise<LeaderTarget> {
  const { clock, signal } = context
  const deadlineMs = clock.nowMs() + leaderWaitMs
  for (;;) {
    const found = await lookForLeader(context, tools)
    if (found !== undefined) return found
    if (clock.nowMs() >= deadlineMs) throw new FaultImpossible("nobody is known to lead")
    await clock.sleep(everyMs, signal)
  }
}

/** Where Kafka's coordinators keep their groups. */
export const coordinatorTopic = "__consumer_offsets"

/** Where there is no coordinator, that of a workload's partition; the metadata group always is. */
async function lookForLeader(
  context: FaultContext,
  tools: FaultTools,
): Promise<LeaderTarget | undefined> {
  const { chance, cluster, topics } = context
  const running = runningNodes(context)
  const seen = await tools.partitions(cluster, [...topics, coordinatorTopic])
  const led = seen.filter(({ leader }) => running.some(({ id }) => id === leader))
  const coordinators = led.filter(({ topic }) => topic === coordinatorTopic)
  const others = led.filter(({ topic }) => topic !== coordinatorTopic)
  const drawn = chance.below(4)
  const pool = drawn === 1 && coordinators.length > 0 ? coordinators : others
  const one = pool[chance.below(Math.max(1, pool.length))]
  if (one !== undefined && drawn > 0) {
    return targetOf(running, one.leader, one.epoch, `${one.topic}/${one.partition}`)
  }
  const { leader, epoch } = await tools.metadataLeader(cluster)
  return targetOf(running, leader, epoch, "the metadata group")
}

function targetOf(
  running: ReadonlyArray<ChaosNode>,
  leader: number,
  epoch: number,
  of: string,
): LeaderTarget | undefined {
  const node = running.find(({ id }) => id === leader)
  if (node === undefined) return undefined
  return { node, target: `broker ${leader}, leader of ${of} in epoch ${epoch}` }
}

/** "broker 2", "brokers 0, 2" */
export const brokersText = (ids: ReadonlyArray<number>): string =>
  `${ids.length === 1 ? "broker" : "brokers"} ${ids.toSorted((a, b) => a - b).join(", ")}`
