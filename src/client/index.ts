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
export { earliest, fetchOnce, latest, offsetOf, readAll } from "./consume.ts"
export type { Fetched, FetchOptions } from "./consume.ts"
