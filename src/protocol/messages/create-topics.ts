import { defineApi, array, bool, int16, int32, int8, string, uuid } from "../schema.ts"

/**
 * 2: the oldest · 4: -1 for the broker's defaults of partitions and replicas (KIP-464) ·
 * 5: flexible, tells the configs of the new topic (KIP-525) · 6: THROTTLING_QUOTA_EXCEEDED ·
 * 7: tells the topic id.
 */
export const createTopics = defineApi({
  key: 19,
  name: "CreateTopics",
  versions: [2, 7],
  flexibleSince: 5,
  request: {
    topics: array("0+", {
      name: string("0+"),
      // -1: default, or given by the assignments.
      numPartitions: int32("0+"),
      replicationFactor: int16("0+"),
      // Replicas chosen by the client; the two numbers above are -1 then.
      assignments: array("0+", {
        partitionIndex: int32("0+"),
        brokerIds: array("0+", "int32"),
      }),
      configs: array("0+", {
        name: string("0+"),
        value: string("0+", { nullable: "0+" }),
      }),
    }),
    timeoutMs: int32("0+", { default: 60000 }),
    validateOnly: bool("1+"),
  },
  response: {
    throttleTimeMs: int32("2+", { ignorable: true }),
    topics: array("0+", {
      name: string("0+"),
      topicId: uuid("7+", { ignorable: true }),
      errorCode: int16("0+"),
      errorMessage: string("1+", { nullable: "0+", ignorable: true }),
      // Why there are no configs below.
      topicConfigErrorCode: int16("5+", { tag: 0, ignorable: true }),
      numPartitions: int32("5+", { default: -1, ignorable: true }),
      replicationFactor: int16("5+", { default: -1, ignorable: true }),
      configs: array(
        "5+",
        {
          name: string("5+"),
          value: string("5+", { nullable: "5+" }),
          readOnly: bool("5+"),
          configSource: int8("5+", { default: -1, ignorable: true }),
          isSensitive: bool("5+"),
        },
        { nullable: "5+", ignorable: true },
      ),
    }),
  },
})
