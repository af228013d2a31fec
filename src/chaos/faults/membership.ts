/** Replicas are replaced, taken away or added under load, and put back at the heal. */
import { FaultImpossible } from "../fault.ts"
import type { Effect, Fault, FaultContext, Injected } from "../fault.ts"
import type { Move, PartitionSeen } from "./admin.ts"
import { needsOf } from "./needs.ts"
import { someOf } from "./targets.ts"
import type { FaultTools } from "./tools.ts"

const partitionsMax = 3
const moveMs = 30_000
/** On a busy machine the metadata group may be without a leader for long. */
const putBackMs = 90_000
const everyMs = 200

interface Change {
  readonly from: Move
  readonly to: Move
}

export const membership = (tools: FaultTools): Fault => ({
  kind: "membership",
  needs: needsOf.membership,
  async inject(context): Promise<Injected> {
    const { chance, cluster, topics } = context
    const seen = await tools.partitions(cluster, topics)
    const chosen = someOf(chance, seen, 1 + chance.below(partitionsMax))
    const changes = chosen.flatMap((one) => changeOf(context, one))
    if (changes.length === 0) throw new FaultImpossible("no partition's replicas can be changed")
    const moves = changes.map(({ to }) => to)
    try {
      await tools.reassign(cluster, moves)
    } catch (error) {
      throw new FaultImpossible(error instanceof Error ? error.message : String(error))
    }
    return {
      target: changes.map(changeText).join(", "),
      nodes: [...new Set(changes.flatMap(({ from, to }) => differing(from, to)))],
      verify: () => moved(context, changes, tools),
      async heal() {
        const back = changes.map(({ from }) => from)
        await putBack(context, back, tools)
      },
    }
  },
})

/** Empty where nothing is left to choose from. A leader may be the one that has to go. */
function changeOf({ chance, cluster }: FaultContext, seen: PartitionSeen): ReadonlyArray<Change> {
  const { topic, partition, replicas } = seen
  const outside = cluster.nodes.map(({ id }) => id).filter((id) => !replicas.includes(id))
  const [joins] = someOf(chance, outside, 1)
  const [leaves] = someOf(chance, replicas, 1)
  const smaller = replicas.filter((id) => id !== leaves)
  const choices: Array<ReadonlyArray<number>> = []
  if (joins !== undefined) choices.push([...smaller, joins], [...smaller, joins])
  if (joins !== undefined) choices.push([...replicas, joins])
  if (smaller.length >= 2) choices.push(smaller)
  const [to] = someOf(chance, choices, 1)
  if (to === undefined) return []
  return [{ from: { topic, partition, replicas }, to: { topic, partition, replicas: to } }]
}

const differing = (from: Move, to: Move): ReadonlyArray<number> => [
  ...from.replicas.filter((id) => !to.replicas.includes(id)),
  ...to.replicas.filter((id) => !from.replicas.includes(id)),
]

const changeText = ({ from, to }: Change): string =>
  `${from.topic}/${from.partition} [${from.replicas.join(" ")}] → [${to.replicas.join(" ")}]`

/** Waits: a new replica has to be filled first. */
async function moved(
  context: FaultContext,
  changes: ReadonlyArray<Change>,
  tools: FaultTools,
): Promise<Effect> {
  const { clock, signal } = context
  const beganMs = clock.nowMs()
  for (;;) {
    const done = await arrived(context, changes, tools)
    const tookMs = Math.round(clock.nowMs() - beganMs)
    const evidence = `replicas changed in ${done} of ${changes.length} partitions, ${tookMs} ms on`
    if (done === changes.length) return { effective: true, evidence }
    if (tookMs > moveMs) return { effective: done > 0, evidence }
    await clock.sleep(everyMs, signal)
  }
}

async function arrived(
  { cluster }: FaultContext,
  changes: ReadonlyArray<Change>,
  tools: FaultTools,
): Promise<number> {
  const topics = [...new Set(changes.map(({ to }) => to.topic))]
  const seen = await tools.partitions(cluster, topics)
  const isThere = ({ topic, partition, replicas }: Move): boolean => {
    const now = seen.find((p) => p.topic === topic && p.partition === partition)
    return now !== undefined && sameIds(now.replicas, replicas)
  }
  return changes.filter(({ to }) => isThere(to)).length
}

const sameIds = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): boolean =>
  a.length === b.length && a.every((id) => b.includes(id))

/** Resolves when nothing is under way any more. What fails is tried again until the time is up. */
export async function putBack(
  context: FaultContext,
  back: ReadonlyArray<Move>,
  tools: FaultTools,
): Promise<void> {
  const { clock, cluster } = context
  const deadlineMs = clock.nowMs() + putBackMs
  const changes = back.map((move) => ({ from: move, to: move }))
  let failure: unknown = new Error("replicas did not come back in time")
  let asked = false
  while (clock.nowMs() < deadlineMs) {
    try {
      if (!asked) await tools.reassign(cluster, back)
      asked = true
      const here = await arrived(context, changes, tools)
      if (here === back.length && (await tools.reassigning(cluster)) === 0) return
    } catch (error) {
      failure = error
    }
    await clock.sleep(everyMs)
  }
  throw failure
}
