/** Brokers that cannot reach each other, or their clients. Shapes as in Jepsen's nemesis. */
import type { Fault, FaultContext, FaultKind } from "../fault.ts"
import type { Network } from "../network.ts"
import { cut } from "./cuts.ts"
import type { CutPlan } from "./cuts.ts"
import { clientLinksTo, linksAcross, linksBetween } from "./links.ts"
import { needsOf } from "./needs.ts"
import { aLeader, brokersText, oneBroker, someOf } from "./targets.ts"
import type { FaultTools } from "./tools.ts"

type Shape = (context: FaultContext) => CutPlan | Promise<CutPlan>

export const partitionFaults = (tools: FaultTools): ReadonlyArray<Fault> => [
  partition("partition-one", (context) => {
    const { id } = oneBroker(context)
    return isolated(context, id, `broker ${id}`)
  }),
  partition("partition-leader", async (context) => {
    const { node, target } = await aLeader(context, tools)
    return isolated(context, node.id, target)
  }),
  partition("partition-halves", halves),
  partition("partition-one-way", oneWay),
  partition("partition-bridge", bridge),
  partition("partition-ring", ring),
  partition("partition-clients", (context) => {
    const { id } = oneBroker(context)
    const links = clientLinksTo(context.cluster.network, [id])
    return { links, nodes: [id], target: `clients | broker ${id}` }
  }),
]

const partition = (kind: FaultKind, shape: Shape): Fault => ({
  kind,
  needs: needsOf[kind],
  inject: async (context) => cut(context, await shape(context)),
})

const idsOf = ({ cluster }: FaultContext): ReadonlyArray<number> =>
  cluster.nodes.map(({ id }) => id)

/** From its peers; clients go on reaching it: a leader must notice by itself that it is none. */
function isolated(context: FaultContext, id: number, target: string): CutPlan {
  const others = idsOf(context).filter((one) => one !== id)
  const links = linksAcross(context.cluster.network, [id], others)
  return { links, nodes: [id], target: `${target} | ${brokersText(others)}` }
}

/** A minority that is as large as can be, and the rest. */
function halves(context: FaultContext): CutPlan {
  const ids = idsOf(context)
  const minority = someOf(context.chance, ids, Math.floor((ids.length - 1) / 2))
  const majority = ids.filter((id) => !minority.includes(id))
  return {
    links: linksAcross(context.cluster.network, minority, majority),
    nodes: minority,
    target: `${brokersText(minority)} | ${brokersText(majority)}`,
  }
}

/** It can send and hears nothing, or hears and is not heard. */
function oneWay(context: FaultContext): CutPlan {
  const { id } = oneBroker(context)
  const { network } = context.cluster
  const others = idsOf(context).filter((one) => one !== id)
  const isDeaf = context.chance.below(2) === 0
  const links = isDeaf ? linksBetween(network, others, [id]) : linksBetween(network, [id], others)
  return { links, nodes: [id], target: `broker ${id} is ${isDeaf ? "deaf" : "mute"}` }
}

/** Two halves that see each other only through one broker between them. */
function bridge(context: FaultContext): CutPlan {
  const ids = someOf(context.chance, idsOf(context), Number.MAX_SAFE_INTEGER)
  const [middle, ...rest] = ids
  const left = rest.slice(0, Math.floor(rest.length / 2))
  const right = rest.slice(left.length)
  return {
    links: linksAcross(context.cluster.network, left, right),
    nodes: [...left, ...right],
    target: `${brokersText(left)} | ${brokersText(right)}, bridged by broker ${middle}`,
  }
}

/** Everybody sees a majority, no two the same one. */
function ring(context: FaultContext): CutPlan {
  const ids = someOf(context.chance, idsOf(context), Number.MAX_SAFE_INTEGER)
  const links = farApart(context.cluster.network, ids)
  return { links, nodes: ids, target: `ring ${ids.join("–")}` }
}

/** Links between those who are further apart on the ring than a majority around each reaches. */
function farApart(network: Network, ids: ReadonlyArray<number>) {
  const reach = Math.ceil(Math.floor(ids.length / 2) / 2)
  return ids.flatMap((from, i) => {
    const far = ids.filter((_, j) => {
      const apart = Math.abs(i - j)
      return Math.min(apart, ids.length - apart) > reach
    })
    return linksBetween(network, [from], far)
  })
}
