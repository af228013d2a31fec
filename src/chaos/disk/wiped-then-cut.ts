/**
 * A second failure before the first is repaired. Some brokers (late) are cut off and miss what is
 * written; then a broker that has it loses its disk, the late ones are let in again, and those that
 * alone still have all (keepers) are cut off. The late ones and the wiped one are a majority
 * without what was acknowledged: they must wait for the keepers, however long that takes.
 */
import { FaultImpossible } from "../fault.ts"
import type { Fault, FaultContext, Injected } from "../fault.ts"
import { effectOf } from "../faults/cuts.ts"
import { linksAcross, Watched } from "../faults/links.ts"
import { startAgain } from "../faults/processes.ts"
import { brokersText, someOf } from "../faults/targets.ts"
import { untilWhole } from "./health.ts"
import { disksOf, theVictim } from "./target.ts"
import { wipe } from "./wipe.ts"
import type { Wiped } from "./wipe.ts"

/** Until every replica is where it belongs, before it begins. */
const wholeBeforeMs = 10_000
/** The same, once everybody is back. */
const wholeAfterMs = 60_000
/** The late ones miss something for so long at least, and for this share of the whole. */
const lateMs = 1_500
const lateShare = 0.4

interface Roles {
  readonly wiped: number
  readonly late: ReadonlyArray<number>
  readonly keepers: ReadonlyArray<number>
}

export const wipedThenCut: Fault = {
  kind: "wiped-then-cut",
  needs: ["signals", "files", "peerLinks"],
  async inject(context, untilMs): Promise<Injected> {
    const { cluster, clock, signal } = context
    const { node } = theVictim(context)
    const missing = await untilWhole(cluster, wholeBeforeMs)
    if (missing !== undefined) throw new FaultImpossible(`not whole: ${missing}`)
    const roles = rolesOf(context, node.id)
    const { network } = cluster
    const fromLate = linksAcross(network, roles.late, [roles.wiped, ...roles.keepers])
    const fromKeepers = linksAcross(network, roles.keepers, [roles.wiped, ...roles.late])
    const lateCut = new Watched(network, fromLate)
    const keepersCut = new Watched(network, fromKeepers)
    try {
      lateCut.trouble({ cut: "drop" })
      await clock.sleep(Math.max(lateMs, (untilMs - clock.nowMs()) * lateShare), signal)
      const missed = effectOf(cluster, lateCut, new Set())
      await cluster.signal(node.id, "SIGKILL")
      const wiped = wipe(node)
      keepersCut.trouble({ cut: "drop" })
      // Between them and the keepers it stays cut: they get nothing of what they have missed.
      for (const link of fromLate) if (!fromKeepers.includes(link)) network.heal(link)
      context.log(`wiped-then-cut: ${textOf(roles)}: ${wiped.what}`)
      await cluster.start(node.id)
      return injected(context, roles, { missed, wiped, lateCut, keepersCut })
    } catch (error) {
      lateCut.heal()
      keepersCut.heal()
      await startAgain(cluster, node.id)
      throw error
    }
  },
}

/** The keepers are no majority, but were one with the wiped broker. */
function rolesOf({ cluster, chance }: FaultContext, wiped: number): Roles {
  const others = cluster.nodes.map(({ id }) => id).filter((id) => id !== wiped)
  const late = someOf(chance, others, Math.floor(others.length / 2))
  return { wiped, late, keepers: others.filter((id) => !late.includes(id)) }
}

const textOf = ({ wiped, late, keepers }: Roles): string =>
  `${brokersText(keepers)} | broker ${wiped} wiped, ${brokersText(late)} late`

interface Deed {
  readonly missed: { readonly effective: boolean; readonly evidence: string }
  readonly wiped: Wiped
  readonly lateCut: Watched
  readonly keepersCut: Watched
}

function injected(
  context: FaultContext,
  roles: Roles,
  { missed, wiped, lateCut, keepersCut }: Deed,
): Injected {
  const { cluster } = context
  return {
    target: textOf(roles),
    nodes: [roles.wiped, ...roles.keepers],
    async verify() {
      const seen = await wiped.look()
      const cut = effectOf(cluster, keepersCut, new Set())
      const { what, changed } = wiped
      return {
        effective: missed.effective && changed && seen.effective && cut.effective,
        evidence:
          `late: ${missed.evidence}; broker ${roles.wiped}: ${what}, ${seen.evidence}; ` +
          `keepers: ${cut.evidence}`,
      }
    },
    async heal() {
      lateCut.heal()
      keepersCut.heal()
      await startAgain(cluster, roles.wiped)
      const missing = await untilWhole(cluster, wholeAfterMs)
      if (missing === undefined) return disksOf(context).victim.isWhole(roles.wiped)
      throw new Error(`not whole ${wholeAfterMs} ms after the links were healed: ${missing}`)
    },
  }
}
