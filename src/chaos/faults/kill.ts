/** SIGKILL: of one broker, of a leader, of a majority, of all of them. */
import type { Fault, FaultContext, FaultKind, Injected } from "../fault.ts"
import { needsOf } from "./needs.ts"
import { areGone, startAllAgain, strike } from "./processes.ts"
import { aLeader, brokersText, oneBroker, runningNodes, someOf } from "./targets.ts"
import type { FaultTools } from "./tools.ts"

export const killFaults = (tools: FaultTools): ReadonlyArray<Fault> => [
  killing("kill", tools, async (context) => {
    const { id } = oneBroker(context)
    return { ids: [id], target: `broker ${id}` }
  }),
  killing("kill-leader", tools, async (context) => {
    const { node, target } = await aLeader(context, tools)
    return { ids: [node.id], target }
  }),
  killing("kill-majority", tools, async (context) => {
    const { chance, cluster } = context
    const majority = Math.floor(cluster.nodes.length / 2) + 1
    const ids = someOf(chance, runningNodes(context), majority).map(({ id }) => id)
    return { ids, target: brokersText(ids) }
  }),
  killing("kill-all", tools, async (context) => {
    const ids = runningNodes(context).map(({ id }) => id)
    return { ids, target: brokersText(ids) }
  }),
]

interface Victims {
  readonly ids: ReadonlyArray<number>
  readonly target: string
}

const killing = (
  kind: FaultKind,
  tools: FaultTools,
  choose: (context: FaultContext) => Promise<Victims>,
): Fault => ({
  kind,
  needs: needsOf[kind],
  async inject(context): Promise<Injected> {
    const { cluster } = context
    const { ids, target } = await choose(context)
    const struck = await strike(cluster, ids, "SIGKILL").catch(async (error: unknown) => {
      await startAllAgain(context, ids)
      throw error
    })
    return {
      target,
      nodes: ids,
      verify: () => areGone(cluster, struck, tools),
      heal: () => startAllAgain(context, ids),
    }
  },
})
