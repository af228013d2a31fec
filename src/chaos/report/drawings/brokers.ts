/** Brokers have one colour everywhere; beyond seven the colours begin again. */
import type { RunResult } from "../../result.ts"

const colours = 7

export const brokerClass = (node: number): string =>
  node < 0 ? "broker-none" : `broker-${node % colours}`

/** Ids, ascending: those that the run names, and the rest of as many as there were. */
export function brokersOf({ options, faults, leaders }: RunResult): ReadonlyArray<number> {
  const named = new Set<number>()
  for (const { nodes } of faults) for (const node of nodes) named.add(node)
  for (const { leader } of leaders) if (leader >= 0) named.add(leader)
  const first = named.has(options.nodes) && !named.has(0) ? 1 : 0
  for (let node = first; named.size < options.nodes && node < first + options.nodes; node++)
    named.add(node)
  return [...named].toSorted((a, b) => a - b)
}
