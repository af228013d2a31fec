import { defineApi, array, int16, int32, string, struct, uuid } from "../schema.ts"

const topicPartitions = {
  topicId: uuid("0+"),
  partitions: array("0+", "int32"),
}

/**
 * Membership in the new group protocol (KIP-848): join, stay and leave in one request.
 * 1: subscription by pattern; members name themselves.
 */
export const consumerGroupHeartbeat = defineApi({
  key: 68,
  name: "ConsumerGroupHeartbeat",
  versions: [0, 1],
  flexibleSince: 0,
  request: {
    groupId: string("0+"),
    memberId: string("0+"),
    // 0 joins · -1 leaves · -2 a static member leaves for a while.
    memberEpoch: int32("0+"),
    instanceId: string("0+", { nullable: "0+", default: null }),
    rackId: string("0+", { nullable: "0+", default: null }),
    rebalanceTimeoutMs: int32("0+", { default: -1 }),
    // Null: as before.
    subscribedTopicNames: array("0+", "string", { nullable: "0+", default: null }),
    subscribedTopicRegex: string("1+", { nullable: "1+", default: null }),
    serverAssignor: string("0+", { nullable: "0+", default: null }),
    topicPartitions: array(
      "0+",
      {
        topicId: uuid("0+"),
        partitions: array("0+", "int32"),
      },
      { nullable: "0+", default: null },
    ),
  },
  response: {
    throttleTimeMs: int32("0+"),
    errorCode: int16("0+"),
    errorMessage: string("0+", { nullable: "0+", default: null }),
    memberId: string("0+", { nullable: "0+", default: null }),
    memberEpoch: int32("0+"),
    heartbeatIntervalMs: int32("0+"),
    // Null: as before.
    assignment: struct(
      "0+",
      {
        topicPartitions: array("0+", topicPartitions),
      },
      { nullable: "0+", default: null },
    ),
  },
})
