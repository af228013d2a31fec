/**
 * The table of all declared APIs. Declared is not served: which APIs and versions a broker offers
 * is the business of `src/node`.
 */
import { addOffsetsToTxn } from "./messages/add-offsets-to-txn.ts"
import { addPartitionsToTxn } from "./messages/add-partitions-to-txn.ts"
import { allocateProducerIds } from "./messages/allocate-producer-ids.ts"
import { alterClientQuotas } from "./messages/alter-client-quotas.ts"
import { alterConfigs } from "./messages/alter-configs.ts"
import { alterPartitionReassignments } from "./messages/alter-partition-reassignments.ts"
import { alterReplicaLogDirs } from "./messages/alter-replica-log-dirs.ts"
import { alterShareGroupOffsets } from "./messages/alter-share-group-offsets.ts"
import { alterUserScramCredentials } from "./messages/alter-user-scram-credentials.ts"
import { apiVersions } from "./messages/api-versions.ts"
import { brokerRegistration } from "./messages/broker-registration.ts"
import { changeMembership } from "./messages/change-membership.ts"
import { consumerGroupDescribe } from "./messages/consumer-group-describe.ts"
import { consumerGroupHeartbeat } from "./messages/consumer-group-heartbeat.ts"
import { createAcls } from "./messages/create-acls.ts"
import { createDelegationToken } from "./messages/create-delegation-token.ts"
import { createPartitions } from "./messages/create-partitions.ts"
import { createTopics } from "./messages/create-topics.ts"
import { deleteAcls } from "./messages/delete-acls.ts"
import { deleteGroups } from "./messages/delete-groups.ts"
import { deleteRecords } from "./messages/delete-records.ts"
import { deleteShareGroupOffsets } from "./messages/delete-share-group-offsets.ts"
import { deleteTopics } from "./messages/delete-topics.ts"
import { describeAcls } from "./messages/describe-acls.ts"
import { describeClientQuotas } from "./messages/describe-client-quotas.ts"
import { describeCluster } from "./messages/describe-cluster.ts"
import { describeConfigs } from "./messages/describe-configs.ts"
import { describeDelegationToken } from "./messages/describe-delegation-token.ts"
import { describeGroups } from "./messages/describe-groups.ts"
import { describeLogDirs } from "./messages/describe-log-dirs.ts"
import { describeProducers } from "./messages/describe-producers.ts"
import { describeQuorum } from "./messages/describe-quorum.ts"
import { describeShareGroupOffsets } from "./messages/describe-share-group-offsets.ts"
import { describeTopicPartitions } from "./messages/describe-topic-partitions.ts"
import { describeTransactions } from "./messages/describe-transactions.ts"
import { describeUserScramCredentials } from "./messages/describe-user-scram-credentials.ts"
import { electLeaders } from "./messages/elect-leaders.ts"
import { endTxn } from "./messages/end-txn.ts"
import { expireDelegationToken } from "./messages/expire-delegation-token.ts"
import { fetch } from "./messages/fetch.ts"
import { findCoordinator } from "./messages/find-coordinator.ts"
import { heartbeat } from "./messages/heartbeat.ts"
import { incrementalAlterConfigs } from "./messages/incremental-alter-configs.ts"
import { initProducerId } from "./messages/init-producer-id.ts"
import { joinGroup } from "./messages/join-group.ts"
import { leaveGroup } from "./messages/leave-group.ts"
import { listConfigResources } from "./messages/list-config-resources.ts"
import { listGroups } from "./messages/list-groups.ts"
import { listOffsets } from "./messages/list-offsets.ts"
import { listPartitionReassignments } from "./messages/list-partition-reassignments.ts"
import { listTransactions } from "./messages/list-transactions.ts"
import { metadata } from "./messages/metadata.ts"
import { offsetCommit } from "./messages/offset-commit.ts"
import { offsetDelete } from "./messages/offset-delete.ts"
import { offsetFetch } from "./messages/offset-fetch.ts"
import { offsetForLeaderEpoch } from "./messages/offset-for-leader-epoch.ts"
import { produce } from "./messages/produce.ts"
import { renewDelegationToken } from "./messages/renew-delegation-token.ts"
import { saslAuthenticate } from "./messages/sasl-authenticate.ts"
import { saslHandshake } from "./messages/sasl-handshake.ts"
import { shareAcknowledge } from "./messages/share-acknowledge.ts"
import { shareFetch } from "./messages/share-fetch.ts"
import { shareGroupDescribe } from "./messages/share-group-describe.ts"
import { shareGroupHeartbeat } from "./messages/share-group-heartbeat.ts"
import { syncGroup } from "./messages/sync-group.ts"
import { txnOffsetCommit } from "./messages/txn-offset-commit.ts"
import { unregisterBroker } from "./messages/unregister-broker.ts"
import { updateFeatures } from "./messages/update-features.ts"
import { writeTxnMarkers } from "./messages/write-txn-markers.ts"
import type { Api } from "./schema.ts"

/** By key, ascending. */
export const allApis: ReadonlyArray<Api> = [
  produce,
  fetch,
  listOffsets,
  metadata,
  offsetCommit,
  offsetFetch,
  findCoordinator,
  joinGroup,
  heartbeat,
  leaveGroup,
  syncGroup,
  describeGroups,
  listGroups,
  saslHandshake,
  apiVersions,
  createTopics,
  deleteTopics,
  deleteRecords,
  initProducerId,
  offsetForLeaderEpoch,
  addPartitionsToTxn,
  addOffsetsToTxn,
  endTxn,
  writeTxnMarkers,
  txnOffsetCommit,
  describeAcls,
  createAcls,
  deleteAcls,
  describeConfigs,
  alterConfigs,
  alterReplicaLogDirs,
  describeLogDirs,
  saslAuthenticate,
  createPartitions,
  createDelegationToken,
  renewDelegationToken,
  expireDelegationToken,
  describeDelegationToken,
  deleteGroups,
  electLeaders,
  incrementalAlterConfigs,
  alterPartitionReassignments,
  listPartitionReassignments,
  offsetDelete,
  describeClientQuotas,
  alterClientQuotas,
  describeUserScramCredentials,
  alterUserScramCredentials,
  describeQuorum,
  updateFeatures,
  describeCluster,
  describeProducers,
  brokerRegistration,
  unregisterBroker,
  describeTransactions,
  listTransactions,
  allocateProducerIds,
  consumerGroupHeartbeat,
  consumerGroupDescribe,
  listConfigResources,
  describeTopicPartitions,
  shareGroupHeartbeat,
  shareGroupDescribe,
  shareFetch,
  shareAcknowledge,
  describeShareGroupOffsets,
  alterShareGroupOffsets,
  deleteShareGroupOffsets,
]

/** Not Kafka's, and never offered to clients: spoken between brokers. */
const brokerApis: ReadonlyArray<Api> = [changeMembership]

const byKey = new Map([...allApis, ...brokerApis].map((api) => [api.key, api]))

export const apiByKey = (key: number): Api | undefined => byKey.get(key)
