/**
 * Makes a failing case small: faults by ddmin (Zeller and Hildebrandt, 2002), then operations,
 * brokers, partitions, time and the noise of network and disk, over and over until nothing more
 * can go or the time is over. A candidate counts only if it fails in the same way.
 *
 * Pure but for `probe`, which runs candidates, perhaps several at once in other processes.
 */
import type { SimCase } from "./case.ts"
import { reductions } from "./reductions.ts"

export interface ShrinkPorts {
  /**
   * The first of these cases, in their order, that still fails in the same way; undefined when
   * none does or the time is over.
   */
  readonly probe: (cases: ReadonlyArray<SimCase>) => Promise<number | undefined>
  readonly isOver: () => boolean
  readonly progress?: (best: SimCase, probes: number) => void
}

export interface Shrunk {
  readonly best: SimCase
  readonly probes: number
  /** False: the time was over before nothing more could go. */
  readonly isMinimal: boolean
}

export async function shrink(failing: SimCase, ports: ShrinkPorts): Promise<Shrunk> {
  const search = new Search(failing, ports)
  for (;;) {
    const before = search.best
    await ddmin(search)
    for (const reduction of reductions) await search.repeat(reduction)
    if (ports.isOver()) return { best: search.best, probes: search.probes, isMinimal: false }
    if (search.best === before) {
      return { best: search.best, probes: search.probes, isMinimal: true }
    }
  }
}

class Search {
  best: SimCase
  probes = 0
  readonly #ports: ShrinkPorts

  constructor(failing: SimCase, ports: ShrinkPorts) {
    this.best = failing
    this.#ports = ports
  }

  get isOver(): boolean {
    return this.#ports.isOver()
  }

  /** Takes the first candidate that still fails; says which it was. */
  async take(candidates: ReadonlyArray<SimCase>): Promise<number | undefined> {
    if (candidates.length === 0 || this.isOver) return undefined
    this.probes += candidates.length
    const at = await this.#ports.probe(candidates)
    const found = at === undefined ? undefined : candidates[at]
    if (found === undefined) return undefined
    this.best = found
    this.#ports.progress?.(found, this.probes)
    return at
  }

  /** As long as one of what it proposes still fails. */
  async repeat(propose: (from: SimCase) => ReadonlyArray<SimCase>): Promise<void> {
    while ((await this.take(propose(this.best))) !== undefined);
  }
}

/** Tries each of n parts alone, then all but each, then smaller parts. */
async function ddmin(search: Search): Promise<void> {
  if (search.best.plan.length === 0) return
  if ((await search.take([{ ...search.best, plan: [] }])) !== undefined) return
  let parts = 2
  while (search.best.plan.length >= 2 && !search.isOver) {
    const { plan } = search.best
    const chunks = split(plan, parts)
    const alone = chunks.map((chunk) => ({ ...search.best, plan: chunk }))
    if ((await search.take(alone)) !== undefined) {
      parts = 2
      continue
    }
    const without = chunks.map((chunk) => ({
      ...search.best,
      plan: plan.filter((fault) => !chunk.includes(fault)),
    }))
    if (parts > 2 && (await search.take(without)) !== undefined) {
      parts = Math.max(parts - 1, 2)
      continue
    }
    if (parts >= plan.length) return
    parts = Math.min(plan.length, parts * 2)
  }
}

function split<T>(items: ReadonlyArray<T>, parts: number): ReadonlyArray<ReadonlyArray<T>> {
  return Array.from({ length: parts }, (_, i) =>
    items.slice(
      Math.floor((i * items.length) / parts),
      Math.floor(((i + 1) * items.length) / parts),
    ),
  )
}
