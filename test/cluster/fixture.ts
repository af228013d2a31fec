/** Clusters to decide on: brokers, context and applied records without a raft group around them. */
import { applyRecords, emptyImage } from "../../src/cluster/image.ts"
import type { MetadataImage } from "../../src/cluster/image.ts"
import type { ControllerContext } from "../../src/cluster/controller.ts"
import { createTopics } from "../../src/cluster/create-topics.ts"
import type { CreateTopicsRequest } from "../../src/cluster/create-topics.ts"
import { decodeRecords, encodeRecords } from "../../src/cluster/records.ts"
import type { MetadataRecord } from "../../src/cluster/records.ts"

export const diskOf = (id: number, generation = 0): string =>
  `${generation}`.padStart(16, "d") + `${id}`.padStart(16, "0")

export const registered = (id: number, rack: string | null = null): MetadataRecord => ({
  _tag: "BrokerRegistered",
  brokerId: id,
  diskUuid: diskOf(id),
  incarnation: `${id}`.padStart(32, "f"),
  host: "127.0.0.1",
  port: 9092 + id,
  rack,
})

/** As the log does it: through bytes. */
export const commit = (
  image: MetadataImage,
  records: ReadonlyArray<MetadataRecord>,
): MetadataImage => {
  if (records.length === 0) return image
  return applyRecords(image, decodeRecords(encodeRecords(records)), image.index + 1)
}

export const clusterOf = (
  brokers: number,
  rackOf: (id: number) => string | null = () => null,
): MetadataImage => {
  const ids = Array.from({ length: brokers }, (_, id) => id)
  return commit(
    emptyImage("c"),
    ids.map((id) => registered(id, rackOf(id))),
  )
}

export const contextOf = (
  image: MetadataImage,
  overrides: Partial<ControllerContext> = {},
): ControllerContext => {
  let ids = image.index * 1_000_000
  return {
    nodeId: 0,
    defaults: { numPartitions: 1, replicationFactor: 1, brokerConfigs: new Map() },
    liveBrokers: new Set(image.brokers.keys()),
    placeWitnesses: false,
    newUuid: () => (++ids).toString(16).padStart(32, "a"),
    ...overrides,
  }
}

type Topic = CreateTopicsRequest["topics"][number]

export const topicRequest = (
  topics: ReadonlyArray<Partial<Topic> & { readonly name: string }>,
  validateOnly = false,
): CreateTopicsRequest => ({
  topics: topics.map((topic) => ({
    numPartitions: -1,
    replicationFactor: -1,
    assignments: [],
    configs: [],
    ...topic,
  })),
  timeoutMs: 1000,
  validateOnly,
})

export const ascending = (numbers: Iterable<number>): ReadonlyArray<number> =>
  [...numbers].sort((a, b) => a - b)

export const withTopic = (
  image: MetadataImage,
  name: string,
  numPartitions: number,
  replicationFactor: number,
): MetadataImage => {
  const request = topicRequest([{ name, numPartitions, replicationFactor }])
  const { records, response } = createTopics(image, request, contextOf(image))
  const refused = response.topics?.find((topic) => topic.errorCode !== 0)
  if (refused !== undefined) throw new Error(refused.errorMessage ?? "refused")
  return commit(image, records)
}
