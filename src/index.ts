/** The public face of varve: a client for any cluster, varve's or Kafka's. */
export * from "./client/index.ts"
