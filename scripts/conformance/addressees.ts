/** What a question is about, found by field names that all APIs share. */
import { deleteRecords } from "../../src/protocol/messages/delete-records.ts"
import { describeProducers } from "../../src/protocol/messages/describe-producers.ts"
import { fetch } from "../../src/protocol/messages/fetch.ts"
import { initProducerId } from "../../src/protocol/messages/init-producer-id.ts"
import { listOffsets } from "../../src/protocol/messages/list-offsets.ts"
import { offsetForLeaderEpoch } from "../../src/protocol/messages/offset-for-leader-epoch.ts"
import { produce } from "../../src/protocol/messages/produce.ts"
import { fieldOf, objectsIn, textIn, type Plain, type PlainObject } from "./values.ts"

/** FindCoordinator's key types. */
export type CoordinatorType = 0 | 1

export interface Coordinated {
  readonly type: CoordinatorType
  readonly key: string
}

const text = (value: Plain): ReadonlyArray<string> =>
  typeof value === "string" && value !== "" ? [value] : []

const texts = (value: Plain): ReadonlyArray<string> =>
  Array.isArray(value) ? value.flatMap(text) : []

/** API key → its list of group ids. */
const groupLists: Readonly<Record<number, string>> = { 15: "groups", 42: "groupsNames" }
/** AddOffsetsToTxn names a group and goes to the coordinator of the transaction. */
const ofTransactions = new Set<number>([initProducerId.key, 24, 25, 26, 65])
/** What goes by a group id or a transactional id, but not to its coordinator. */
const elsewhere = new Set<number>([produce.key, fetch.key, 10, 78, 79])

/** The group or transaction whose coordinator a request is for. */
export function coordinatedBy(apiKey: number, request: Plain): Coordinated | undefined {
  if (elsewhere.has(apiKey)) return undefined
  if (ofTransactions.has(apiKey)) {
    const named = ["transactionalId", "v3AndBelowTransactionalId"]
    const [key] = [
      ...named.flatMap((name) => text(fieldOf(request, name))),
      ...texts(fieldOf(request, "transactionalIds")),
    ]
    return key === undefined ? undefined : { type: 1, key }
  }
  const list = groupLists[apiKey]
  const [key] = [
    ...text(fieldOf(request, "groupId")),
    ...texts(fieldOf(request, "groupIds")),
    ...(list === undefined ? [] : texts(fieldOf(request, list))),
    ...objectsIn(fieldOf(request, "groups")).flatMap((group) => text(group["groupId"])),
  ]
  return key === undefined ? undefined : { type: 0, key }
}

export interface PartitionOf {
  /** Empty where the version knows topics by id alone. */
  readonly name: string
  readonly topicId: string
  readonly partition: number
}

const toLeaders = new Set<number>([
  produce.key,
  fetch.key,
  listOffsets.key,
  offsetForLeaderEpoch.key,
  deleteRecords.key,
  describeProducers.key,
])

const firstOf = (value: Plain): Plain => (Array.isArray(value) ? value[0] : undefined)

function partitionIn(topic: PlainObject): number {
  const one = firstOf(topic["partitionData"] ?? topic["partitions"] ?? topic["partitionIndexes"])
  const index = fieldOf(one, "index") ?? fieldOf(one, "partitionIndex") ?? fieldOf(one, "partition")
  return Number(index ?? (typeof one === "number" ? one : 0))
}

/** The partition whose leader a request is for. */
export function ledBy(apiKey: number, request: Plain): PartitionOf | undefined {
  if (!toLeaders.has(apiKey)) return undefined
  const topic = objectsIn(fieldOf(request, "topicData") ?? fieldOf(request, "topics"))[0]
  if (topic === undefined) return undefined
  const name = textIn(topic, "name") + textIn(topic, "topic")
  return { name, topicId: textIn(topic, "topicId"), partition: partitionIn(topic) }
}
