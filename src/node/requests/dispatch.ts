/** API key → handler, for the APIs of advertised.ts and no others. */
import {
  alterPartitionReassignments,
  listPartitionReassignments,
} from "../../protocol/reassignments.ts"
import { alterConfigs } from "../../protocol/messages/alter-configs.ts"
import { apiVersions } from "../../protocol/messages/api-versions.ts"
import { consumerGroupDescribe } from "../../protocol/messages/consumer-group-describe.ts"
import { consumerGroupHeartbeat } from "../../protocol/messages/consumer-group-heartbeat.ts"
import { createPartitions } from "../../protocol/messages/create-partitions.ts"
import { createTopics } from "../../protocol/messages/create-topics.ts"
import { deleteRecords } from "../../protocol/messages/delete-records.ts"
import { deleteGroups } from "../../protocol/messages/delete-groups.ts"
import { deleteTopics } from "../../protocol/messages/delete-topics.ts"
import { describeCluster } from "../../protocol/messages/describe-cluster.ts"
import { describeLogDirs } from "../../protocol/messages/describe-log-dirs.ts"
import { describeConfigs } from "../../protocol/messages/describe-configs.ts"
import { describeGroups } from "../../protocol/messages/describe-groups.ts"
import { describeProducers } from "../../protocol/messages/describe-producers.ts"
import { describeQuorum } from "../../protocol/messages/describe-quorum.ts"
import { describeTopicPartitions } from "../../protocol/messages/describe-topic-partitions.ts"
import { electLeaders } from "../../protocol/messages/elect-leaders.ts"
import { fetch } from "../../protocol/messages/fetch.ts"
import { findCoordinator } from "../../protocol/messages/find-coordinator.ts"
import { incrementalAlterConfigs } from "../../protocol/messages/incremental-alter-configs.ts"
import { heartbeat } from "../../protocol/messages/heartbeat.ts"
import { initProducerId } from "../../protocol/messages/init-producer-id.ts"
import { listConfigResources } from "../../protocol/messages/list-config-resources.ts"
import { joinGroup } from "../../protocol/messages/join-group.ts"
import { leaveGroup } from "../../protocol/messages/leave-group.ts"
import { listGroups } from "../../protocol/messages/list-groups.ts"
import { listOffsets } from "../../protocol/messages/list-offsets.ts"
import { metadata } from "../../protocol/messages/metadata.ts"
import { offsetCommit } from "../../protocol/messages/offset-commit.ts"
import { offsetDelete } from "../../protocol/messages/offset-delete.ts"
import { offsetFetch } from "../../protocol/messages/offset-fetch.ts"
import { offsetForLeaderEpoch } from "../../protocol/messages/offset-for-leader-epoch.ts"
import { produce } from "../../protocol/messages/produce.ts"
import { syncGroup } from "../../protocol/messages/sync-group.ts"
import type { Api, RequestOf } from "../../protocol/schema.ts"
import { servedVersion } from "../advertised.ts"
import { handleAlterConfigs, handleIncrementalAlterConfigs } from "./alter-configs.ts"
import { handleApiVersions, unsupportedApiVersions } from "./api-versions.ts"
import { requestOf } from "./bodies.ts"
import { handleConsumerGroupDescribe } from "./consumer-group-describe.ts"
import { handleConsumerGroupHeartbeat } from "./consumer-group-heartbeat.ts"
import {
  handleCreatePartitions,
  handleCreateTopics,
  handleDeleteTopics,
} from "./controller-requests.ts"
import { handleDeleteRecords } from "./delete-records.ts"
import { handleDeleteGroups } from "./delete-groups.ts"
import { handleDescribeCluster } from "./describe-cluster.ts"
import { handleDescribeLogDirs } from "./describe-log-dirs.ts"
import { handleDescribeConfigs } from "./describe-configs.ts"
import { handleDescribeGroups } from "./describe-groups.ts"
import { handleDescribeProducers } from "./describe-producers.ts"
import { handleDescribeQuorum } from "./describe-quorum.ts"
import { handleDescribeTopicPartitions } from "./describe-topic-partitions.ts"
import { handleElectLeaders } from "./elect-leaders.ts"
import { handleFetch } from "./fetch.ts"
import { handleFindCoordinator } from "./find-coordinator.ts"
import { handleHeartbeat } from "./heartbeat.ts"
import { handleInitProducerId } from "./init-producer-id.ts"
import { handleListConfigResources } from "./list-config-resources.ts"
import { handleJoinGroup } from "./join-group.ts"
import { handleLeaveGroup } from "./leave-group.ts"
import { handleListGroups } from "./list-groups.ts"
import { handleListOffsets } from "./list-offsets.ts"
import { handleMetadata } from "./metadata.ts"
import { handleOffsetCommit } from "./offset-commit.ts"
import { handleOffsetDelete } from "./offset-delete.ts"
import { handleOffsetFetch } from "./offset-fetch.ts"
import { handleOffsetForLeaderEpoch } from "./offset-for-leader-epoch.ts"
import { answer } from "./outcome.ts"
import type { Handler, Outcome, RequestContext } from "./outcome.ts"
import {
  handleAlterPartitionReassignments,
  handleListPartitionReassignments,
} from "./partition-reassignments.ts"
import { handleProduce } from "./produce.ts"
import { handleSyncGroup } from "./sync-group.ts"

type Entry = readonly [number, Handler<object>]

const entry = <A extends Api>(api: A, handler: Handler<RequestOf<A>>): Entry => [
  api.key,
  (body, context) => handler(requestOf(api, body), context),
]

const handlers = new Map<number, Handler<object>>([
  entry(produce, handleProduce),
  entry(fetch, handleFetch),
  entry(listOffsets, handleListOffsets),
  entry(metadata, handleMetadata),
  entry(findCoordinator, handleFindCoordinator),
  entry(offsetCommit, handleOffsetCommit),
  entry(offsetFetch, handleOffsetFetch),
  entry(joinGroup, handleJoinGroup),
  entry(heartbeat, handleHeartbeat),
  entry(leaveGroup, handleLeaveGroup),
  entry(syncGroup, handleSyncGroup),
  entry(describeGroups, handleDescribeGroups),
  entry(listGroups, handleListGroups),
  entry(deleteGroups, handleDeleteGroups),
  entry(offsetDelete, handleOffsetDelete),
  entry(consumerGroupHeartbeat, handleConsumerGroupHeartbeat),
  entry(consumerGroupDescribe, handleConsumerGroupDescribe),
  entry(apiVersions, handleApiVersions),
  entry(createTopics, handleCreateTopics),
  entry(deleteTopics, handleDeleteTopics),
  entry(initProducerId, handleInitProducerId),
  entry(offsetForLeaderEpoch, handleOffsetForLeaderEpoch),
  entry(describeConfigs, handleDescribeConfigs),
  entry(alterConfigs, handleAlterConfigs),
  entry(createPartitions, handleCreatePartitions),
  entry(electLeaders, handleElectLeaders),
  entry(incrementalAlterConfigs, handleIncrementalAlterConfigs),
  entry(alterPartitionReassignments, handleAlterPartitionReassignments),
  entry(listPartitionReassignments, handleListPartitionReassignments),
  entry(deleteRecords, handleDeleteRecords),
  entry(describeLogDirs, handleDescribeLogDirs),
  entry(describeQuorum, handleDescribeQuorum),
  entry(describeCluster, handleDescribeCluster),
  entry(describeProducers, handleDescribeProducers),
  entry(listConfigResources, handleListConfigResources),
  entry(describeTopicPartitions, handleDescribeTopicPartitions),
])

/** `body` is what decoding that API's request gives; the key says which type it is. */
export function dispatch(apiKey: number, body: object, context: RequestContext): Outcome {
  if (servedVersion(apiKey, context.apiVersion) !== "served") {
    if (apiKey === apiVersions.key) return answer(unsupportedApiVersions)
    return { _tag: "close", reason: `API ${apiKey} version ${context.apiVersion} is not served` }
  }
  const handler = handlers.get(apiKey)
  if (handler === undefined) throw new Error(`API ${apiKey} is advertised and has no handler`)
  return handler(body, context)
}
