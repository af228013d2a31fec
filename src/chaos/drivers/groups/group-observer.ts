/**
 * Asks from outside, over and over, what every group has committed: a register is only as good as
 * the reads of it. Every broker is asked, whoever coordinates: one that does so no more, or not
 * yet, must not answer. While nobody answers, somebody is about to take over: they are asked
 * faster.
 */
import type { PartitionRef } from "../partition.ts"
import { Links } from "../raw/links.ts"
import { brokerLink, CoordinatorLink } from "./coordinator-link.ts"
import type { GroupLink } from "./coordinator-link.ts"
import { fetchCommitted } from "./group-offsets.ts"
import type { GroupPorts } from "./group-ports.ts"

interface Observed {
  readonly group: string
  readonly refs: ReadonlyArray<PartitionRef>
  readonly link: CoordinatorLink
  /** Each broker, or the coordinator alone. */
  readonly asked: ReadonlyArray<GroupLink>
  /** Place among `asked` of who answered last; −1: who did does not now. */
  answerer: number
  /** What it was told last, by `PartitionRef.key`; empty before the first answer. */
  committed: ReadonlyMap<string, number>
}

/** Of partitions, over all groups. */
const readsPerSecondMax = 60
const pauseMsMin = 50
const backOffMs = 200
const takeOverMs = 10

export class GroupObserver {
  readonly #process: string
  readonly #ports: GroupPorts
  readonly #links: Links
  readonly #groups: ReadonlyArray<Observed>
  readonly #over = new AbortController()
  #running: Promise<unknown> = Promise.resolve()

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
    const { nodes, quirks } = ports
    this.#groups = groups.map(({ group, refs }, i) => {
      const link = new CoordinatorLink(this.#links, nodes, group, i)
      const asked = quirks.oldCoordinatorsAnswer
        ? [link]
        : nodes.map((node) => brokerLink(this.#links, node, group))
      return { group, refs, link, asked, answerer: 0, committed: new Map() }
    })
  }

  start(): void {
    const places = this.#groups[0]?.asked ?? []
    this.#running = Promise.all(places.map((_, place) => this.#run(place)))
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
      while (!(await this.#askOne(observed, observed.link, this.#process, false))) {
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

  /** Each broker in its own time: one that stands still holds up nobody else. */
  async #run(place: number): Promise<void> {
    const { signal } = this.#over
    const { clock } = this.#ports
    for (let turn = place; !signal.aborted; turn++) {
      // Who was left alone by its coordinator comes first.
      const left = this.#groups.filter(({ answerer }) => answerer === -1)
      const those = left.length > 0 ? left : this.#groups
      const observed = those[turn % those.length]
      const link = observed?.asked[place]
      if (observed === undefined || link === undefined) return
      const isAnswered = await this.#askOne(observed, link, `${this.#process}-${place}`, true)
      if (isAnswered) observed.answerer = place
      else if (observed.answerer === place) observed.answerer = -1
      const restMs = observed.answerer === -1 ? takeOverMs : this.#restMs(observed)
      await clock.sleep(restMs, signal).catch(() => undefined)
    }
  }

  #restMs({ refs }: Observed): number {
    return Math.max(pauseMsMin, (refs.length * 1000) / readsPerSecondMax)
  }

  async #askOne(
    observed: Observed,
    link: GroupLink,
    process: string,
    onlyAnswers: boolean,
  ): Promise<boolean> {
    const caller = { process, ports: this.#ports, link }
    const found = await fetchCommitted(caller, observed.refs, onlyAnswers)
    if (found._tag !== "offsets") return false
    observed.committed = found.offsets
    return true
  }
}
