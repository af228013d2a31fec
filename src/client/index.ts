/**
 * A small client over our own codec: for the command line, tests, the load generator, and whoever
 * embeds it.
 */
export { ConnectionLost, KafkaError, UnsupportedApi } from "./client-error.ts"
export { ClientConnection } from "./connection.ts"
export type { ConnectionOptions, RequestOptions } from "./connection.ts"
export { Client, parseBootstrap } from "./client.ts"
export type { ClientOptions, ClusterMetadata, PartitionLeader } from "./client.ts"
export { IdempotentProducer, produceBatch, produceRecords } from "./produce.ts"
export type { Produced, ProduceOptions } from "./produce.ts"
export { Producer } from "./producer.ts"
export type { ProducedRecord, ProducerOptions, Receipt } from "./producer.ts"
export { mergeByTime } from "./merge-by-time.ts"
export { earliest, fetchOnce, latest, offsetOf, readAll } from "./consume.ts"
export type { Fetched, FetchOptions } from "./consume.ts"
export { Consumer } from "./consumer.ts"
export type { GroupOptions } from "./consumer.ts"
export type { ConsumedRecord } from "./fetched-records.ts"
export {
  committedOffsets,
  commitOffsets,
  listLogOffsets,
  logOffsets,
  offsetNames,
} from "./offsets.ts"
export {
  deleteGroup,
  deleteOffsets,
  describeGroup,
  findGroupCoordinator,
  listAllGroups,
} from "./groups.ts"
export type { GroupDescription, GroupListing, GroupMember } from "./groups.ts"
export { partitionName } from "./topic-partition.ts"
export type { TopicPartition } from "./topic-partition.ts"
