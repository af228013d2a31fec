/** Connections that end from one moment to the next, with an RST on both sides. */
import type { Fault, Injected } from "../fault.ts"
import { FaultImpossible } from "../fault.ts"
import { beside } from "./beside.ts"
import { linksText, Watched } from "./links.ts"
import { needsOf } from "./needs.ts"
import { someOf } from "./targets.ts"

export const resets: Fault = {
  kind: "resets",
  needs: needsOf.resets,
  async inject(context, untilMs): Promise<Injected> {
    const { chance, clock, cluster } = context
    const { network } = cluster
    const count = 1 + chance.below(network.links.length)
    const links = someOf(chance, network.links, count)
    if (links.length === 0) throw new FaultImpossible("there are no links")
    const watched = new Watched(network, links)
    let told = 0
    const loop = beside(context, async (signal) => {
      while (!signal.aborted && clock.nowMs() < untilMs) {
        for (const link of someOf(chance, links, 1 + chance.below(links.length))) {
          told += network.reset(link)
        }
        await clock.sleep(100 + chance.below(1_400), signal)
      }
    })
    return {
      target: linksText(links),
      nodes: [...new Set(links.map(({ to }) => to))],
      async verify() {
        await loop.ended(2_000)
        const counted = watched.rose("resets")
        const evidence = `${counted} connections were reset`
        return { effective: told > 0 && counted > 0, evidence }
      },
      heal: () => loop.stop(),
    }
  },
}
