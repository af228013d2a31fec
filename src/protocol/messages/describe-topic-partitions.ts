import { defineApi, array, bool, int16, int32, string, struct, uuid } from "../schema.ts"

/** Topics with their partitions, page by page. */
export const describeTopicPartitions = defineApi({
  key: 75,
  name: "DescribeTopicPartitions",
  versions: [0, 0],
  flexibleSince: 0,
  request: {
    topics: array("0+", {
      name: string("0+"),
    }),
    responsePartitionLimit: int32("0+", { default: 2000 }),
    // Where the page begins; null: at the start.
    cursor: struct(
      "0+",
      {
        topicName: string("0+"),
        partitionIndex: int32("0+"),
      },
      { nullable: "0+", default: null },
    ),
  },
  response: {
    throttleTimeMs: int32("0+", { ignorable: true }),
    topics: array("0+", {
      errorCode: int16("0+"),
      name: string("0+", { nullable: "0+" }),
      topicId: uuid("0+", { ignorable: true }),
      isInternal: bool("0+", { ignorable: true }),
      partitions: array("0+", {
        errorCode: int16("0+"),
        partitionIndex: int32("0+"),
        leaderId: int32("0+"),
        leaderEpoch: int32("0+", { default: -1, ignorable: true }),
        replicaNodes: array("0+", "int32"),
        isrNodes: array("0+", "int32"),
        eligibleLeaderReplicas: array("0+", "int32", { nullable: "0+", default: null }),
        lastKnownElr: array("0+", "int32", { nullable: "0+", default: null }),
        offlineReplicas: array("0+", "int32", { ignorable: true }),
      }),
      topicAuthorizedOperations: int32("0+", { default: -0x80000000 }),
    }),
    // Null: that was all.
    nextCursor: struct(
      "0+",
      {
        topicName: string("0+"),
        partitionIndex: int32("0+"),
      },
      { nullable: "0+", default: null },
    ),
  },
})
