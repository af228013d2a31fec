/**
 * The records of `__consumer_offsets`, as Kafka 4.3 defines them. A key begins with its type, a
 * value with its version (both int16); the fields follow as on the wire. Keys have one version and
 * are never flexible.
 */
import {
  array,
  defineApi,
  int32,
  int64,
  int8,
  string,
  struct,
  uuid,
  bytes,
} from "../../protocol/schema.ts"
import type { Api, Fields, Versions } from "../../protocol/schema.ts"

export interface RecordType<K extends Fields = Fields, V extends Fields = Fields> {
  readonly type: number
  readonly key: Api<K>
  readonly value: Api<V>
  /** The version that is written unless another is asked for. */
  readonly writes: number
}

interface Options<K extends Fields, V extends Fields> {
  readonly type: number
  readonly key: K
  readonly value: V
  readonly versionMax?: number
  readonly flexibleSince?: number | undefined
  readonly writes?: number
}

const define = <const K extends Fields, const V extends Fields>(
  name: string,
  options: Options<K, V>,
): RecordType<K, V> => {
  const { type, key, value, versionMax = 0, flexibleSince } = options
  return {
    type,
    key: defineApi({
      key: type,
      name: `${name}Key`,
      versions: [0, 0],
      flexibleSince: undefined,
      request: key,
      response: {},
    }),
    value: defineApi({
      key: type,
      name: `${name}Value`,
      versions: [0, versionMax],
      flexibleSince,
      request: value,
      response: {},
    }),
    writes: options.writes ?? versionMax,
  }
}

const groupIdKey = { groupId: string("0") }
const memberKey = { groupId: string("0"), memberId: string("0") }
const offsetKey = { group: string("0"), topic: string("0"), partition: int32("0") }

const currentPartitions = {
  topicId: uuid("0+"),
  partitions: array("0+", "int32"),
  assignmentEpochs: array("0+", "int32", { nullable: "0+", tag: 0, default: null }),
} satisfies Record<string, { readonly versions: Versions }>

/** Not Kafka's: what reads its log passes over records of types that it does not know. */
const topicsVersionType = 0x5641

/** Declared by the numbers of their keys; 0 is what brokers before Kafka 0.8.2 wrote. */
export const recordTypes = {
  LegacyOffsetCommit: define("LegacyOffsetCommit", {
    type: 0,
    key: offsetKey,
    value: {
      offset: int64("0"),
      metadata: string("0"),
      commitTimestamp: int64("0"),
    },
  }),
  OffsetCommit: define("OffsetCommit", {
    type: 1,
    key: offsetKey,
    versionMax: 4,
    flexibleSince: 4,
    value: {
      offset: int64("0+"),
      leaderEpoch: int32("3+", { default: -1, ignorable: true }),
      metadata: string("0+"),
      commitTimestamp: int64("0+"),
      expireTimestamp: int64("1", { default: -1, ignorable: true }),
      topicId: uuid("4+", { tag: 0, ignorable: true }),
    },
  }),
  GroupMetadata: define("GroupMetadata", {
    type: 2,
    key: { group: string("0") },
    versionMax: 4,
    flexibleSince: 4,
    // As Kafka: the highest that older brokers can read.
    writes: 3,
    value: {
      protocolType: string("0+"),
      generation: int32("0+"),
      protocol: string("0+", { nullable: "0+" }),
      leader: string("0+", { nullable: "0+" }),
      currentStateTimestamp: int64("2+", { default: -1, ignorable: true }),
      members: array("0+", {
        memberId: string("0+"),
        groupInstanceId: string("3+", { nullable: "3+", default: null, ignorable: true }),
        clientId: string("0+"),
        clientHost: string("0+"),
        rebalanceTimeout: int32("1+", { default: -1, ignorable: true }),
        sessionTimeout: int32("0+"),
        subscription: bytes("0+"),
        assignment: bytes("0+"),
      }),
    },
  }),
  ConsumerGroupMetadata: define("ConsumerGroupMetadata", {
    type: 3,
    key: groupIdKey,
    flexibleSince: 0,
    value: {
      epoch: int32("0+"),
      metadataHash: int64("0+", { tag: 0, default: 0, rounded: true }),
    },
  }),
  /** Until Kafka 4.0, which has the hash in its place. */
  ConsumerGroupPartitionMetadata: define("ConsumerGroupPartitionMetadata", {
    type: 4,
    key: groupIdKey,
    flexibleSince: 0,
    value: {
      topics: array("0+", {
        topicId: uuid("0+"),
        topicName: string("0+"),
        numPartitions: int32("0+"),
        partitionMetadata: array("0+", {
          partition: int32("0+"),
          racks: array("0+", "string"),
        }),
      }),
    },
  }),
  ConsumerGroupMemberMetadata: define("ConsumerGroupMemberMetadata", {
    type: 5,
    key: memberKey,
    flexibleSince: 0,
    value: {
      instanceId: string("0+", { nullable: "0+" }),
      rackId: string("0+", { nullable: "0+" }),
      clientId: string("0+"),
      clientHost: string("0+"),
      subscribedTopicNames: array("0+", "string"),
      subscribedTopicRegex: string("0+", { nullable: "0+" }),
      rebalanceTimeoutMs: int32("0+", { default: -1 }),
      serverAssignor: string("0+", { nullable: "0+" }),
      classicMemberMetadata: struct(
        "0+",
        {
          sessionTimeoutMs: int32("0+"),
          supportedProtocols: array("0+", {
            name: string("0+"),
            metadata: bytes("0+"),
          }),
        },
        { nullable: "0+", tag: 0, default: null },
      ),
    },
  }),
  ConsumerGroupTargetAssignmentMetadata: define("ConsumerGroupTargetAssignmentMetadata", {
    type: 6,
    key: groupIdKey,
    flexibleSince: 0,
    value: {
      assignmentEpoch: int32("0+"),
      assignmentTimestamp: int64("0+", { tag: 0, default: 0, ignorable: true }),
    },
  }),
  ConsumerGroupTargetAssignmentMember: define("ConsumerGroupTargetAssignmentMember", {
    type: 7,
    key: memberKey,
    flexibleSince: 0,
    value: {
      topicPartitions: array("0+", {
        topicId: uuid("0+"),
        partitions: array("0+", "int32"),
      }),
    },
  }),
  ConsumerGroupCurrentMemberAssignment: define("ConsumerGroupCurrentMemberAssignment", {
    type: 8,
    key: memberKey,
    flexibleSince: 0,
    value: {
      memberEpoch: int32("0+"),
      previousMemberEpoch: int32("0+"),
      state: int8("0+"),
      assignedPartitions: array("0+", currentPartitions),
      partitionsPendingRevocation: array("0+", currentPartitions),
    },
  }),
  ConsumerGroupRegularExpression: define("ConsumerGroupRegularExpression", {
    type: 16,
    key: { groupId: string("0"), regularExpression: string("0") },
    flexibleSince: 0,
    value: {
      topics: array("0+", "string"),
      version: int64("0+"),
      timestamp: int64("0+"),
    },
  }),
  /** How far the metadata was known when topics were committed to for the first time. */
  TopicsVersion: define("TopicsVersion", {
    type: topicsVersionType,
    key: {},
    flexibleSince: 0,
    value: { version: int64("0+") },
  }),
} as const
