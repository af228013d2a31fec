/**
 * The whole image as bytes: the state in group 0's snapshots. Sorted throughout, so that equal
 * images have equal bytes however they came about; the tests compare images by it.
 */
import { decodeRequest, encodeRequest } from "../protocol/codec.ts"
import { Reader } from "../protocol/reader.ts"
import { array, bool, defineApi, int32, int64, int8, string, uuid } from "../protocol/schema.ts"
import type { RequestOf } from "../protocol/schema.ts"
import { Writer } from "../protocol/writer.ts"
import { resourceKey } from "./config-resources.ts"
import type { BrokerInfo, MetadataImage, PartitionInfo, TopicInfo } from "./image.ts"
import { LayeredMap } from "./layered-map.ts"
import { collisionKey, hasCollisionChars, isInternalTopic } from "./topic-names.ts"

const partition = {
  group: int32("0+"),
  replicas: array("0+", "int32"),
  adding: array("0+", "int32"),
  removing: array("0+", "int32"),
  departing: array("0+", "int32"),
  witness: int32("0+"),
  leavingWitnesses: array("0+", "int32"),
  vacating: array("0+", "int32"),
  /** Places in `members` of the snapshot; so are `voters` and `foundingWitness` (−1: none). */
  members: array("0+", "int32"),
  voters: array("0+", "int32"),
  foundingWitness: int32("0+"),
  membershipIndex: int64("0+"),
  claimTerm: int64("0+"),
  assignedLeader: int32("0+"),
  assignedIndex: int64("0+"),
  byTransfer: bool("0+"),
}

const schema = defineApi({
  key: 0,
  name: "MetadataSnapshot",
  versions: [0, 1],
  flexibleSince: 0,
  request: {
    index: int64("0+"),
    clusterId: string("0+"),
    nextGroupId: int32("0+"),
    nextProducerId: int64("0+"),
    brokers: array("0+", {
      id: int32("0+"),
      diskUuid: string("0+"),
      incarnation: string("0+"),
      epoch: int64("0+"),
      host: string("0+"),
      port: int32("0+"),
      rack: string("0+", { nullable: "0+" }),
      fenced: bool("0+"),
    }),
    members: array("0+", "string"),
    topics: array("0+", {
      id: uuid("0+"),
      name: string("0+"),
      configs: array("0+", { name: string("0+"), value: string("0+") }),
      partitions: array("0+", partition),
    }),
    configs: array("1+", {
      type: int8("1+"),
      name: string("1+"),
      configs: array("1+", { name: string("1+"), value: string("1+") }),
    }),
  },
  response: {},
})

type Snapshot = RequestOf<typeof schema>
type TopicRow = Snapshot["topics"][number]
type PartitionRow = TopicRow["partitions"][number]

/** 1: with configs. Written only where there are some: older programs read what they can. */
const snapshotVersionMax = 1
const elementsMax = 100_000_000

const byText = (a: string, b: string): number => (a < b ? -1 : Number(a > b))

export const encodeSnapshot = (image: MetadataImage): Uint8Array => {
  const topics = [...image.topics.values()].sort((a, b) => byText(a.name, b.name))
  const members = memberTable(topics)
  const places = new Map(members.map((member, place) => [member, place]))
  const { index, clusterId, nextGroupId, nextProducerId } = image
  const brokers = [...image.brokers.values()].sort((a, b) => a.id - b.id)
  const rows = topics.map((topic) => topicRow(topic, places))
  const configs = configRows(image)
  const version = configs.length === 0 ? 0 : snapshotVersionMax
  const writer = new Writer(1024)
  writer.uint16(version)
  encodeRequest(
    schema,
    version,
    { index, clusterId, nextGroupId, nextProducerId, brokers, members, topics: rows, configs },
    writer,
  )
  return writer.concat()
}

const configRows = (image: MetadataImage): Snapshot["configs"] =>
  [...image.configs.values()]
    .sort((a, b) => a.type - b.type || byText(a.name, b.name))
    .map(({ type, name, configs }) => ({ type, name, configs: sortedConfigs(configs) }))

const sortedConfigs = (configs: ReadonlyMap<string, string>) =>
  [...configs].map(([name, value]) => ({ name, value })).sort((a, b) => byText(a.name, b.name))

/** Member names are long and few: each is written once. */
const memberTable = (topics: ReadonlyArray<TopicInfo>): ReadonlyArray<string> => {
  const members = new Set<string>()
  for (const topic of topics) {
    for (const info of topic.partitions) {
      for (const member of [...info.members, ...info.voters]) members.add(member)
      if (info.foundingWitness !== null) members.add(info.foundingWitness)
    }
  }
  return [...members].sort(byText)
}

const topicRow = (topic: TopicInfo, places: ReadonlyMap<string, number>): TopicRow => ({
  id: topic.id,
  name: topic.name,
  configs: sortedConfigs(topic.configs),
  partitions: topic.partitions.map((info) => partitionRow(info, places)),
})

const partitionRow = (info: PartitionInfo, places: ReadonlyMap<string, number>): PartitionRow => {
  const { group, replicas, adding, removing, departing, witness } = info
  const { leavingWitnesses, vacating } = info
  const { members, voters, foundingWitness, membershipIndex, claimTerm } = info
  const placeOf = (member: string): number => places.get(member) ?? -1
  return {
    group,
    replicas,
    adding,
    removing,
    departing,
    witness,
    leavingWitnesses,
    vacating,
    members: members.map(placeOf),
    voters: voters.map(placeOf),
    foundingWitness: foundingWitness === null ? -1 : placeOf(foundingWitness),
    membershipIndex,
    claimTerm,
    assignedLeader: info.assignedLeader,
    assignedIndex: info.assignedIndex,
    byTransfer: info.assignedHow === "transfer",
  }
}

/** Throws DecodeError, or an Error for a snapshot of a version that this program does not know. */
export const decodeSnapshot = (bytes: Uint8Array): MetadataImage => {
  const version = new Reader(bytes).uint16()
  if (version > snapshotVersionMax) throw new Error(`a metadata snapshot of version ${version}`)
  const snapshot = decodeRequest(schema, version, new Reader(bytes.subarray(2), { elementsMax }))
  const topics = snapshot.topics.map((row) => topicOf(row, snapshot.members))
  const brokers = snapshot.brokers.map((broker): [number, BrokerInfo] => [broker.id, broker])
  const groups = topics.flatMap((topic) =>
    topic.partitions.map((info): [number, PartitionInfo] => [info.group, info]),
  )
  return {
    index: snapshot.index,
    clusterId: snapshot.clusterId,
    brokers: new Map(brokers),
    topics: LayeredMap.of(topics.map((topic) => [topic.name, topic])),
    topicsById: LayeredMap.of(topics.map((topic) => [topic.id, topic])),
    groups: LayeredMap.of(groups),
    collisions: LayeredMap.of(collisionsOf(topics)),
    configs: LayeredMap.of(snapshot.configs.map(resourceOf)),
    nextGroupId: snapshot.nextGroupId,
    nextProducerId: snapshot.nextProducerId,
  }
}

const resourceOf = ({ type, name, configs }: Snapshot["configs"][number]) =>
  [resourceKey(type, name), { type, name, configs: mapOf(configs) }] as const

const mapOf = (rows: ReadonlyArray<{ readonly name: string; readonly value: string }>) =>
  new Map(rows.map(({ name, value }) => [name, value]))

const collisionsOf = (topics: ReadonlyArray<TopicInfo>) => {
  const collisions = new Map<string, ReadonlyArray<string>>()
  for (const { name } of topics) {
    if (!hasCollisionChars(name)) continue
    const key = collisionKey(name)
    collisions.set(key, [...(collisions.get(key) ?? []), name])
  }
  return collisions
}

const topicOf = (row: TopicRow, members: ReadonlyArray<string>): TopicInfo => ({
  name: row.name,
  id: row.id,
  configs: mapOf(row.configs),
  internal: isInternalTopic(row.name),
  partitions: row.partitions.map((info, number) => partitionOf(row, info, number, members)),
})

const partitionOf = (
  topic: TopicRow,
  row: PartitionRow,
  number: number,
  members: ReadonlyArray<string>,
): PartitionInfo => {
  const { byTransfer, ...rest } = row
  const memberAt = (place: number): string => members[place] ?? unknownMember(place)
  return {
    ...rest,
    topicId: topic.id,
    topic: topic.name,
    partition: number,
    members: row.members.map(memberAt),
    voters: row.voters.map(memberAt),
    foundingWitness: row.foundingWitness === -1 ? null : memberAt(row.foundingWitness),
    assignedHow: byTransfer ? "transfer" : "campaign",
  }
}

const unknownMember = (place: number): never => {
  throw new Error(`a metadata snapshot without member ${place}`)
}
