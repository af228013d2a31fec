/** A storm of leadership transfers: other replicas become preferred, and are elected. */
import { FaultImpossible } from "../fault.ts"
import type { Fault, FaultContext, Injected } from "../fault.ts"
import type { Move, PartitionSeen } from "./admin.ts"
import { beside } from "./beside.ts"
import { putBack } from "./membership.ts"
import { needsOf } from "./needs.ts"
import { coordinatorTopic, someOf } from "./targets.ts"
import type { FaultTools } from "./tools.ts"

/** At once; a storm of all of a thousand partitions would be another test. */
const partitionsMax = 6
/** More, of those in which groups live. */
const coordinatorsMax = 2

export const transfers = (tools: FaultTools): Fault => ({
  kind: "transfers",
  needs: needsOf.transfers,
  async inject(context, untilMs): Promise<Injected> {
    const { chance, clock, cluster } = context
    const storm = await partitionsToMove(context, tools)
    if (storm.length === 0) throw new FaultImpossible("no partition has two replicas")
    let rounds = 0
    let refused = 0
    const loop = beside(context, async (signal) => {
      while (!signal.aborted && clock.nowMs() < untilMs) {
        rounds++
        await moveLeaders(context, storm, tools).catch(() => refused++)
        await clock.sleep(200 + chance.below(1_300), signal)
      }
    })
    return {
      target: stormText(storm),
      nodes: [],
      async verify() {
        await loop.ended(15_000)
        const now = await tools.partitions(cluster, topicsOf(storm))
        const moved = storm.filter((before) => epochOf(now, before) > before.epoch).length
        const evidence =
          `leader epochs rose in ${moved} of ${storm.length} partitions, ` +
          `${rounds} rounds, ${refused} refused`
        return { effective: moved > 0, evidence }
      },
      heal: () => loop.stop().finally(() => putBack(context, storm, tools)),
    }
  },
})

const isCoordinator = ({ topic }: PartitionSeen): boolean => topic === coordinatorTopic

async function partitionsToMove(
  { chance, cluster, topics }: FaultContext,
  tools: FaultTools,
): Promise<ReadonlyArray<PartitionSeen>> {
  const seen = await tools.partitions(cluster, [...topics, coordinatorTopic])
  const movable = seen.filter(({ replicas }) => replicas.length > 1)
  return [
    ...someOf(
      chance,
      movable.filter((one) => !isCoordinator(one)),
      partitionsMax,
    ),
    ...someOf(chance, movable.filter(isCoordinator), coordinatorsMax),
  ]
}

const topicsOf = (storm: ReadonlyArray<PartitionSeen>): ReadonlyArray<string> => [
  ...new Set(storm.map(({ topic }) => topic)),
]

function stormText(storm: ReadonlyArray<PartitionSeen>): string {
  const names = storm.map(({ topic, partition }) => `${topic}/${partition}`)
  const more = names.length > 2 ? ` and ${names.length - 2} more` : ""
  return `leaders of ${names.slice(0, 2).join(", ")}${more}`
}

/** The next replica of each becomes the preferred one. */
async function moveLeaders(
  { cluster, chance }: FaultContext,
  storm: ReadonlyArray<PartitionSeen>,
  tools: FaultTools,
): Promise<void> {
  const now = await tools.partitions(cluster, topicsOf(storm))
  const moves = storm.map(({ topic, partition, replicas }): Move => {
    const leader = now.find((p) => p.topic === topic && p.partition === partition)?.leader
    const others = replicas.filter((id) => id !== leader)
    const order = someOf(chance, others, others.length)
    return { topic, partition, replicas: [...order, ...replicas.filter((id) => id === leader)] }
  })
  await tools.reassign(cluster, moves)
  await tools.electPreferred(cluster, moves)
}

const epochOf = (seen: ReadonlyArray<PartitionSeen>, of: PartitionSeen): number =>
  seen.find((p) => p.topic === of.topic && p.partition === of.partition)?.epoch ?? -1
