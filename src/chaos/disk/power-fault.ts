/** Power goes: of one broker, or of all of them at the same moment. */
import type { Fault, FaultContext, Injected } from "../fault.ts"
import { startAllAgain, strike } from "../faults/processes.ts"
import { brokersText } from "../faults/targets.ts"
import type { Cut } from "./power/power-disk.ts"
import { anyBroker, disksOf } from "./target.ts"

export const powerFault: Fault = {
  kind: "power",
  needs: ["signals", "power"],
  async inject(context): Promise<Injected> {
    const { chance, cluster } = context
    const disks = disksOf(context)
    const running = cluster.nodes
      .map(({ id }) => id)
      .filter((id) => cluster.pidOf(id) !== undefined)
    const ids = chance.below(2) === 0 ? running : [anyBroker(context).node.id]
    // A third of all disks keep the order of the writes of a file.
    const inOrder = chance.below(3) === 0
    try {
      await strike(cluster, ids, "SIGKILL")
      const cuts = ids.map((id) => disks.cut(id, chance, inOrder))
      return injected(context, ids, cuts)
    } catch (error) {
      await startAllAgain(context, ids)
      throw error
    }
  },
}

function injected(
  context: FaultContext,
  ids: ReadonlyArray<number>,
  cuts: ReadonlyArray<Cut>,
): Injected {
  const total = (of: (cut: Cut) => number) => cuts.reduce((sum, cut) => sum + of(cut), 0)
  const unsynced = total((cut) => cut.unsynced)
  const lost = total((cut) => cut.lost)
  const all = ids.length === context.cluster.nodes.length ? "all brokers" : brokersText(ids)
  return {
    target: all,
    nodes: ids,
    async verify() {
      const down = ids.every((id) => context.cluster.pidOf(id) === undefined)
      const evidence =
        `${brokersText(ids)} without power; ${unsynced} changes were not fsynced, ` +
        `${lost} of them are lost (${cuts[0]?.writes ?? "nothing"})`
      return { effective: down && unsynced > 0, evidence }
    },
    heal: () => startAllAgain(context, ids),
  }
}
