/** The records that every reader is to process, and what the readers have done. */
import { operationsOf } from "../chaos/history/history.ts"
import type { Append, CommitCall, Operation, ProcessCall } from "../chaos/history/history.ts"

export interface ExpectedRecord {
  readonly partition: string
  /** −1: not known. */
  readonly offset: number
  readonly value: string
  /** Who wrote it; undefined: nobody that the history knows. */
  readonly append: Operation<Append> | undefined
}

export type Effect = Operation<ProcessCall>

export const topicOf = (partition: string): string => partition.slice(0, partition.lastIndexOf("/"))

/** By topic and value; the same value may lie in two topics. */
export const nameOf = (partition: string, value: string): string => `${topicOf(partition)} ${value}`

/** By name the first that sent it, and whether it was refused for certain every time. */
export class Senders {
  readonly #byName: ReadonlyMap<string, ReadonlyArray<Operation<Append>>>

  constructor(operations: ReadonlyArray<Operation>) {
    this.#byName = Map.groupBy(operationsOf(operations, "append"), ({ partition, values }) =>
      nameOf(partition, values[0] ?? ""),
    )
  }

  of(partition: string, value: string): ReadonlyArray<Operation<Append>> {
    return this.#byName.get(nameOf(partition, value)) ?? []
  }

  /** One of each name. */
  get firsts(): ReadonlyArray<Operation<Append>> {
    return [...this.#byName.values()].flatMap(
      (appends) => appends.find(({ outcome }) => outcome === "ok") ?? appends[0] ?? [],
    )
  }
}

/**
 * What the log holds, of partitions that were read back; of others what was acknowledged. A record
 * that compaction may take away before it is read nobody need process.
 */
export function expectedRecords(
  operations: ReadonlyArray<Operation>,
  senders: Senders,
): ReadonlyArray<ExpectedRecord> {
  const drains = operationsOf(operations, "drain").filter(({ outcome }) => outcome === "ok")
  const longest = new Map<string, (typeof drains)[number]>()
  for (const drain of drains) {
    const known = longest.get(drain.partition)
    if (known === undefined || drain.highWatermark > known.highWatermark) {
      longest.set(drain.partition, drain)
    }
  }
  const held = [...longest.values()].flatMap(({ partition, records }) =>
    records.map(([offset, value]): ExpectedRecord => {
      return { partition, offset, value, append: senders.of(partition, value)[0] }
    }),
  )
  const topicsHeld = new Set([...longest.keys()].map(topicOf))
  const acknowledged = senders.firsts.flatMap((append): ReadonlyArray<ExpectedRecord> => {
    const { partition, offset, values, outcome } = append
    if (outcome !== "ok" || append.acks === 0 || topicsHeld.has(topicOf(partition))) return []
    return [{ partition, offset, value: values[0] ?? "", append }]
  })
  return [...held, ...acknowledged].sort((a, b) => a.offset - b.offset)
}

/** One reader: a group, or a process of its own. */
export interface Reader {
  readonly name: string
  readonly effects: ReadonlyArray<Effect>
  readonly commits: ReadonlyArray<Operation<CommitCall>>
}

/** Those that have processed or committed anything. */
export function readersOf(operations: ReadonlyArray<Operation>): ReadonlyArray<Reader> {
  const effects = Map.groupBy(operationsOf(operations, "process"), ({ group }) => group)
  const commits = Map.groupBy(operationsOf(operations, "commit"), ({ group }) => group)
  return [...new Set([...effects.keys(), ...commits.keys()])].map((name) => ({
    name,
    effects: effects.get(name) ?? [],
    commits: commits.get(name) ?? [],
  }))
}
