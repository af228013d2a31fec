/**
 * Asks from outside, over and over, what every group has committed: a register is only as good as
 * the reads of it.
 */
import type { PartitionRef } from "../partition.ts"
import { Links } from "../raw/links.ts"
import { CoordinatorLink } from "./coordinator-link.ts"
import { fetchCommitted } from "./group-offsets.ts"
import type { GroupPorts } from "./group-ports.ts"

interface Observed {
  readonly group: string
  readonly refs: ReadonlyArray<PartitionRef>
  readonly link: CoordinatorLink
  /** What it was told last, by `PartitionRef.key`; empty before the first answer. */
  committed: ReadonlyMap<string, number>
}

/** Of partitions, over all groups. */
const readsPerSecondMax = 60
const pauseMsMin = 50
const backOffMs = 200

export class GroupObserver {
  readonly #process: string
  readonly #ports: GroupPorts
  readonly #links: Links
  readonly #groups: ReadonlyArray<Observed>
  readonly #over = new AbortController()
  #running: Promise<void> = Promise.resolve()

  constructor(
    process: string,
    ports: GroupPorts,
    groups: ReadonlyArray<{
      readonly group: string
      readonly refs: ReadonlyArray<PartitionRef>
    }>,
  ) {
    this.#process = process
    this.#ports = ports
    this.#links = new Links(ports.connect, ports.connections)
    this.#groups = groups.map(({ group, refs }, i) => ({
      group,
      refs,
      link: new CoordinatorLink(this.#links, ports.nodes, group, i),
      committed: new Map(),
    }))
  }

  start(): void {
    this.#running = this.#run()
  }

  /** What is known to be committed, by group. */
  get committed(): ReadonlyMap<string, ReadonlyMap<string, number>> {
    return new Map(this.#groups.map(({ group, committed }) => [group, committed]))
  }

  async stop(): Promise<void> {
    this.#over.abort()
    await this.#running
  }

  /**
   * Asks every group until it has answered. Rejects with those that are left after `timeoutMs`.
   */
  async askAll(timeoutMs: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#ports
    const deadlineMs = clock.nowMs() + timeoutMs
    const asks = this.#groups.map(async (observed) => {
      while (!(await this.#ask(observed))) {
        if (clock.nowMs() > deadlineMs) return [observed.group]
        await clock.sleep(backOffMs, signal)
      }
      return []
    })
    const left = (await Promise.all(asks)).flat()
    if (left.length > 0) throw new Error(`nobody tells what ${left.join(", ")} has committed`)
  }

  close(): void {
    this.#over.abort()
    this.#links.close()
  }

  async #run(): Promise<void> {
    const { signal } = this.#over
    const { clock } = this.#ports
    for (let turn = 0; !signal.aborted; turn++) {
      const observed = this.#groups[turn % this.#groups.length]
      if (observed === undefined) return
      await this.#ask(observed)
      const pauseMs = Math.max(pauseMsMin, (observed.refs.length * 1000) / readsPerSecondMax)
      await clock.sleep(pauseMs, signal).catch(() => undefined)
    }
  }

  async #ask(observed: Observed): Promise<boolean> {
    const { refs, link } = observed
    const found = await fetchCommitted({ process: this.#process, ports: this.#ports, link }, refs)
    if (found._tag === "offsets") observed.committed = found.offsets
    return found._tag === "offsets"
  }
}
