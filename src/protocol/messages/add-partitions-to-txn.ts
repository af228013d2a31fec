import { defineApi, array, bool, int16, int32, int64, string } from "../schema.ts"

const addPartitionsToTxnTopic = {
  name: string("0+"),
  partitions: array("0+", "int32"),
}

const addPartitionsToTxnPartitionResult = {
  partitionIndex: int32("0+"),
  partitionErrorCode: int16("0+"),
}

const addPartitionsToTxnTopicResult = {
  name: string("0+"),
  resultsByPartition: array("0+", addPartitionsToTxnPartitionResult),
}

/**
 * Adds partitions to a transaction. Up to version 3 a client sends one transaction, from 4 on
 * brokers send many, or ask whether partitions are in one.
 * 2: PRODUCER_FENCED · 3: flexible · 4: many transactions · 5: TRANSACTION_ABORTABLE.
 */
export const addPartitionsToTxn = defineApi({
  key: 24,
  name: "AddPartitionsToTxn",
  versions: [0, 5],
  flexibleSince: 3,
  request: {
    transactions: array("4+", {
      transactionalId: string("4+"),
      producerId: int64("4+"),
      producerEpoch: int16("4+"),
      verifyOnly: bool("4+"),
      topics: array("4+", addPartitionsToTxnTopic),
    }),
    v3AndBelowTransactionalId: string("0-3"),
    v3AndBelowProducerId: int64("0-3"),
    v3AndBelowProducerEpoch: int16("0-3"),
    v3AndBelowTopics: array("0-3", addPartitionsToTxnTopic),
  },
  response: {
    throttleTimeMs: int32("0+"),
    errorCode: int16("4+", { ignorable: true }),
    resultsByTransaction: array("4+", {
      transactionalId: string("4+"),
      topicResults: array("4+", addPartitionsToTxnTopicResult),
    }),
    resultsByTopicV3AndBelow: array("0-3", addPartitionsToTxnTopicResult),
  },
})
