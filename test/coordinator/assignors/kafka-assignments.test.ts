import { describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assignors } from "../../../src/coordinator/assignors/by-name.ts"

/**
 * What the assignors of Kafka 4.3.1 made of the same members and topics: topics by their place in
 * the case, member → topic → partitions.
 */
interface Case {
  readonly assignor: string
  readonly homogeneous: boolean
  readonly topics: ReadonlyArray<readonly [id: string, partitions: number]>
  readonly members: ReadonlyArray<{
    readonly id: string
    readonly instance: string | null
    readonly topics: ReadonlyArray<number>
    readonly assigned: Partitions
  }>
  readonly expected: Readonly<Record<string, Partitions>>
}

type Partitions = Readonly<Record<string, ReadonlyArray<number>>>

const path = join(import.meta.dir, "kafka-assignments.jsonl")
const cases = readFileSync(path, "utf8")
  .trim()
  .split("\n")
  .map((line): Case => JSON.parse(line))

const assign = ({ assignor, homogeneous, topics, members }: Case) => {
  const idOf = (at: number | string) => topics[Number(at)]?.[0] ?? ""
  const counts = new Map(topics)
  return assignors.get(assignor)?.({
    isHomogeneous: homogeneous,
    partitionsOf: (id) => counts.get(id) ?? 0,
    members: new Map(
      members.map((member) => [
        member.id,
        {
          instanceId: member.instance,
          rackId: null,
          topicIds: new Set(member.topics.map(idOf)),
          assigned: new Map(
            Object.entries(member.assigned).map(([at, own]) => [idOf(at), new Set(own)]),
          ),
        },
      ]),
    ),
  })
}

describe("the same members and topics get the same partitions as from Kafka", () => {
  test.each(cases.map((one, at) => [`${at}: ${one.assignor}`, one] as const))("%s", (_, one) => {
    const places = new Map(one.topics.map(([id], at) => [id, at]))
    const found = [...(assign(one) ?? [])].map(([member, topics]) => [
      member,
      Object.fromEntries(
        [...topics].map(([id, own]) => [`${places.get(id)}`, [...own].sort((a, b) => a - b)]),
      ),
    ])
    expect(Object.fromEntries(found)).toEqual(one.expected)
  })
})
