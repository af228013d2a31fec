/** What brokers said of topics and leaders. They may lag; none may go back. */
import type { MetadataCall, Operation } from "../history/history.ts"
import { operationsOf, partitionKey } from "../history/history.ts"
import type { Anomalies } from "./anomaly.ts"

interface Named {
  readonly leader: number
  readonly by: Operation
}

export function checkMetadata(operations: ReadonlyArray<Operation>, anomalies: Anomalies): void {
  const answers = operationsOf(operations, "metadata")
    .filter(({ outcome }) => outcome === "ok")
    .toSorted((a, b) => a.returned - b.returned)
  const leaders = new Map<string, Named>()
  const epochs = new Map<string, { readonly epoch: number; readonly by: Operation }>()
  const presence = new Presence(anomalies)
  for (const answer of answers) {
    presence.see(answer)
    for (const topic of answer.topics) {
      topic.partitions.forEach(({ leader, epoch }, index) => {
        const partition = partitionKey(topic.name, topic.id, index)
        if (leader >= 0 && epoch >= 0)
          checkLeader(partition, leader, epoch, answer, leaders, anomalies)
        const key = `${answer.process} ${answer.node} ${answer.connection} ${partition}`
        const before = epochs.get(key)
        if (before !== undefined && epoch < before.epoch && epoch >= 0) {
          const detail = `broker ${answer.node}: epoch ${epoch} after ${before.epoch}`
          anomalies.add("epoch-regress", partition, detail, [before.by, answer])
        }
        if (epoch >= 0) epochs.set(key, { epoch, by: answer })
      })
    }
  }
}

function checkLeader(
  partition: string,
  leader: number,
  epoch: number,
  answer: Operation,
  leaders: Map<string, Named>,
  anomalies: Anomalies,
): void {
  const key = `${partition} ${epoch}`
  const before = leaders.get(key)
  if (before === undefined) leaders.set(key, { leader, by: answer })
  else if (before.leader !== leader) {
    const detail = `brokers ${before.leader} and ${leader} lead epoch ${epoch}`
    anomalies.add("two-leaders", partition, detail, [before.by, answer])
  }
}

/** By connection: which topic ids had been there, and are not any more. */
class Presence {
  readonly #anomalies: Anomalies
  readonly #seen = new Map<string, string>()
  readonly #gone = new Map<string, Operation>()

  constructor(anomalies: Anomalies) {
    this.#anomalies = anomalies
  }

  see(answer: Operation<MetadataCall>): void {
    const connection = `${answer.process} ${answer.node} ${answer.connection}`
    for (const { name, id } of answer.topics) {
      if (id === "") continue
      const gone = this.#gone.get(`${connection} ${id}`)
      if (gone !== undefined) {
        const detail = `broker ${answer.node}: ${name} (${id}) had been deleted`
        this.#anomalies.add("resurrected-topic", "", detail, [gone, answer])
      }
      const before = this.#seen.get(`${connection} ${name}`)
      if (before !== undefined && before !== id) this.#gone.set(`${connection} ${before}`, answer)
      this.#seen.set(`${connection} ${name}`, id)
    }
    for (const name of answer.missing) {
      const id = this.#seen.get(`${connection} ${name}`)
      if (id !== undefined) this.#gone.set(`${connection} ${id}`, answer)
    }
  }
}
