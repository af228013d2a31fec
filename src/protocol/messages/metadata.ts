import { defineApi, array, bool, int16, int32, string, uuid } from "../schema.ts"

/**
 * The brokers, and who leads which partition.
 * 1: racks, controller, internal topics; an empty list is no topic (in 0 it is every topic) ·
 * 2: cluster id · 4: whether missing topics are to be made · 5: offline replicas · 7: leader
 * epochs · 8: authorized operations · 9: flexible · 10: topic ids · 11: the cluster's operations
 * go to DescribeCluster · 12: asks by topic id · 13: top-level error.
 */
export const metadata = defineApi({
  key: 3,
  name: "Metadata",
  versions: [0, 13],
  flexibleSince: 9,
  request: {
    // Null: all (in version 0: empty).
    topics: array(
      "0+",
      {
        topicId: uuid("10+", { ignorable: true }),
        name: string("0+", { nullable: "10+" }),
      },
      { nullable: "1+" },
    ),
    allowAutoTopicCreation: bool("4+", { default: true }),
    includeClusterAuthorizedOperations: bool("8-10"),
    includeTopicAuthorizedOperations: bool("8+"),
  },
  response: {
    throttleTimeMs: int32("3+", { ignorable: true }),
    brokers: array("0+", {
      nodeId: int32("0+"),
      host: string("0+"),
      port: int32("0+"),
      rack: string("1+", { nullable: "1+", default: null, ignorable: true }),
    }),
    clusterId: string("2+", { nullable: "2+", default: null, ignorable: true }),
    // A live broker that takes admin requests.
    controllerId: int32("1+", { default: -1, ignorable: true }),
    topics: array("0+", {
      errorCode: int16("0+"),
      name: string("0+", { nullable: "12+" }),
      topicId: uuid("10+", { ignorable: true }),
      isInternal: bool("1+", { ignorable: true }),
      partitions: array("0+", {
        errorCode: int16("0+"),
        partitionIndex: int32("0+"),
        // -1: none known.
        leaderId: int32("0+"),
        leaderEpoch: int32("7+", { default: -1, ignorable: true }),
        replicaNodes: array("0+", "int32"),
        isrNodes: array("0+", "int32"),
        offlineReplicas: array("5+", "int32", { ignorable: true }),
      }),
      topicAuthorizedOperations: int32("8+", { default: -0x80000000 }),
    }),
    clusterAuthorizedOperations: int32("8-10", { default: -0x80000000 }),
    errorCode: int16("13+", { ignorable: true }),
  },
})
