import {
  defineApi,
  array,
  int16,
  int32,
  int64,
  int8,
  longMax,
  records,
  string,
  struct,
  uuid,
} from "../schema.ts"

/**
 * Reads record batches, by consumers and (in Kafka) by followers.
 * 4: isolation level, aborted transactions · 5: log start offset · 7: fetch sessions (KIP-227) ·
 * 9: current leader epoch (KIP-320) · 10: zstd · 11: closest replica (KIP-392) · 12: flexible,
 * last fetched and diverging epoch · 13: topic ids instead of names · 15: replica state ·
 * 16: hints to the new leader (KIP-951) · 17: directory id · 18: high watermark of the replica.
 */
export const fetch = defineApi({
  key: 1,
  name: "Fetch",
  versions: [4, 18],
  flexibleSince: 12,
  request: {
    // From followers of Kafka's metadata log.
    clusterId: string("12+", { nullable: "12+", tag: 0, default: null, ignorable: true }),
    // -1 for a consumer.
    replicaId: int32("0-14", { default: -1 }),
    replicaState: struct(
      "15+",
      {
        replicaId: int32("15+", { default: -1 }),
        replicaEpoch: int64("15+", { default: -1 }),
      },
      { tag: 1 },
    ),
    maxWaitMs: int32("0+"),
    minBytes: int32("0+"),
    // Of the whole answer; the first batch of the first partition that has any goes out whatever
    // its size.
    maxBytes: int32("3+", { default: 0x7fffffff, ignorable: true }),
    // 0 read_uncommitted · 1 read_committed.
    isolationLevel: int8("4+", { ignorable: true }),
    // Session 0 and epoch -1: a full fetch without a session.
    sessionId: int32("7+", { ignorable: true }),
    sessionEpoch: int32("7+", { default: -1, ignorable: true }),
    topics: array("0+", {
      topic: string("0-12", { ignorable: true }),
      topicId: uuid("13+", { ignorable: true }),
      partitions: array("0+", {
        partition: int32("0+"),
        // -1: do not check.
        currentLeaderEpoch: int32("9+", { default: -1, ignorable: true }),
        fetchOffset: int64("0+", { rounded: true }),
        // -1: none. Otherwise the answer may tell where the logs part.
        lastFetchedEpoch: int32("12+", { default: -1 }),
        logStartOffset: int64("5+", { default: -1, ignorable: true }),
        partitionMaxBytes: int32("0+"),
        replicaDirectoryId: uuid("17+", { tag: 0, ignorable: true }),
        // Long.MAX_VALUE: the sender does not say.
        highWatermark: int64("18+", { tag: 1, default: longMax, ignorable: true }),
      }),
    }),
    // Leave the session.
    forgottenTopicsData: array("7+", {
      topic: string("7-12", { ignorable: true }),
      topicId: uuid("13+", { ignorable: true }),
      partitions: array("7+", "int32"),
    }),
    rackId: string("11+", { ignorable: true }),
  },
  response: {
    throttleTimeMs: int32("1+", { ignorable: true }),
    errorCode: int16("7+", { ignorable: true }),
    sessionId: int32("7+"),
    responses: array("0+", {
      topic: string("0-12", { ignorable: true }),
      topicId: uuid("13+", { ignorable: true }),
      partitions: array("0+", {
        partitionIndex: int32("0+"),
        errorCode: int16("0+"),
        highWatermark: int64("0+"),
        // read_committed ends here.
        lastStableOffset: int64("4+", { default: -1, ignorable: true }),
        logStartOffset: int64("5+", { default: -1, ignorable: true }),
        // Instead of records: the asker's log is not a prefix of this one.
        divergingEpoch: struct(
          "12+",
          {
            epoch: int32("12+", { default: -1 }),
            endOffset: int64("12+", { default: -1 }),
          },
          { tag: 0 },
        ),
        currentLeader: struct(
          "12+",
          {
            leaderId: int32("12+", { default: -1 }),
            leaderEpoch: int32("12+", { default: -1 }),
          },
          { tag: 1 },
        ),
        // For followers of Kafka's metadata log.
        snapshotId: struct(
          "12+",
          {
            endOffset: int64("0+", { default: -1 }),
            epoch: int32("0+", { default: -1 }),
          },
          { tag: 2 },
        ),
        // By first offset; null for read_uncommitted.
        abortedTransactions: array(
          "4+",
          {
            producerId: int64("4+"),
            firstOffset: int64("4+"),
          },
          { nullable: "4+", ignorable: true },
        ),
        // -1: read here.
        preferredReadReplica: int32("11+", { default: -1 }),
        // Whole batches; the first may begin before the offset asked for.
        records: records("0+", { nullable: "0+" }),
      }),
    }),
    nodeEndpoints: array(
      "16+",
      {
        nodeId: int32("16+"),
        host: string("16+"),
        port: int32("16+"),
        rack: string("16+", { nullable: "16+", default: null }),
      },
      { tag: 0 },
    ),
  },
})
