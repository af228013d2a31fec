import { defineApi, array, int16, int32, int64, records, string, struct, uuid } from "../schema.ts"

/**
 * Appends one record batch per partition.
 * 3: transactional id, batches of magic 2 · 5: log start offset · 7: zstd · 8: record errors ·
 * 9: flexible · 10: hints to the new leader (KIP-951) · 11: TRANSACTION_ABORTABLE · 12: adds the
 * partition to the transaction (KIP-890) · 13: topic ids instead of names. acks=0 has no answer at
 * all.
 */
export const produce = defineApi({
  key: 0,
  name: "Produce",
  versions: [3, 13],
  flexibleSince: 9,
  request: {
    transactionalId: string("3+", { nullable: "3+", default: null }),
    // 0: no answer · 1: written by the leader · -1: by all in-sync replicas.
    acks: int16("0+"),
    timeoutMs: int32("0+"),
    topicData: array("0+", {
      name: string("0-12", { ignorable: true }),
      topicId: uuid("13+", { ignorable: true }),
      partitionData: array("0+", {
        index: int32("0+"),
        // Exactly one batch of magic 2.
        records: records("0+", { nullable: "0+" }),
      }),
    }),
  },
  response: {
    responses: array("0+", {
      name: string("0-12", { ignorable: true }),
      topicId: uuid("13+", { ignorable: true }),
      partitionResponses: array("0+", {
        index: int32("0+"),
        errorCode: int16("0+"),
        // Of the first record; -1 after an error.
        baseOffset: int64("0+"),
        // -1 unless the topic stamps records with LogAppendTime.
        logAppendTimeMs: int64("2+", { default: -1, ignorable: true }),
        logStartOffset: int64("5+", { default: -1, ignorable: true }),
        recordErrors: array(
          "8+",
          {
            batchIndex: int32("8+"),
            batchIndexErrorMessage: string("8+", { nullable: "8+", default: null }),
          },
          { ignorable: true },
        ),
        errorMessage: string("8+", { nullable: "8+", default: null, ignorable: true }),
        // Who leads instead, where the error is NOT_LEADER_OR_FOLLOWER; left out when not sure.
        currentLeader: struct(
          "10+",
          {
            leaderId: int32("10+", { default: -1 }),
            leaderEpoch: int32("10+", { default: -1 }),
          },
          { tag: 0 },
        ),
      }),
    }),
    throttleTimeMs: int32("1+", { ignorable: true }),
    // Addresses of the leaders named above.
    nodeEndpoints: array(
      "10+",
      {
        nodeId: int32("10+"),
        host: string("10+"),
        port: int32("10+"),
        rack: string("10+", { nullable: "10+", default: null }),
      },
      { tag: 0 },
    ),
  },
})
