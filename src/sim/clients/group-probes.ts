/** Asks, once all is healed, what every group has committed: whether its coordinator answers. */
import { backOffMs, Client } from "./client.ts"
import type { ClientPorts } from "./client.ts"
import { GroupLink } from "./group-link.ts"
import { fetchCommitted } from "./group-offsets.ts"

export class GroupProbes {
  readonly waitsFor: Set<string>
  readonly #client: Client

  constructor(name: string, seed: number, ports: ClientPorts, groups: ReadonlyArray<string>) {
    this.#client = new Client(name, seed, ports)
    this.waitsFor = new Set(groups)
  }

  start(): void {
    const lasting = this.#client.ports.topics.all.filter(({ isLasting }) => isLasting)
    ;[...this.waitsFor].forEach((group, place) => {
      const topic = lasting[place % Math.max(1, lasting.length)]
      if (topic === undefined) return
      const refs = Array.from({ length: topic.partitions }, (_, partition) => ({
        topic,
        partition,
      }))
      const link = new GroupLink(this.#client, group)
      const ask = (): void =>
        fetchCommitted(this.#client, link, refs, (offsets) => {
          if (offsets !== undefined) {
            this.waitsFor.delete(group)
            return
          }
          link.forget()
          this.#client.after(backOffMs, ask)
        })
      ask()
    })
  }
}
