/** API key → handler, for the APIs of advertised.ts and no others. */
import type { createPartitions } from "../../protocol/messages/create-partitions.ts"
import { apiVersions } from "../../protocol/messages/api-versions.ts"
import type { createTopics } from "../../protocol/messages/create-topics.ts"
import type { deleteTopics } from "../../protocol/messages/delete-topics.ts"
import type { describeCluster } from "../../protocol/messages/describe-cluster.ts"
import type { describeTopicPartitions } from "../../protocol/messages/describe-topic-partitions.ts"
import type { fetch } from "../../protocol/messages/fetch.ts"
import type { initProducerId } from "../../protocol/messages/init-producer-id.ts"
import type { listOffsets } from "../../protocol/messages/list-offsets.ts"
import type { metadata } from "../../protocol/messages/metadata.ts"
import type { offsetForLeaderEpoch } from "../../protocol/messages/offset-for-leader-epoch.ts"
import type { produce } from "../../protocol/messages/produce.ts"
import type { RequestOf } from "../../protocol/schema.ts"
import { servedVersion } from "../advertised.ts"
import { handleApiVersions, unsupportedApiVersions } from "./api-versions.ts"
import {
  handleCreatePartitions,
  handleCreateTopics,
  handleDeleteTopics,
} from "./controller-requests.ts"
import { handleDescribeCluster } from "./describe-cluster.ts"
import { handleDescribeTopicPartitions } from "./describe-topic-partitions.ts"
import { handleFetch } from "./fetch.ts"
import { handleInitProducerId } from "./init-producer-id.ts"
import { handleListOffsets } from "./list-offsets.ts"
import { handleMetadata } from "./metadata.ts"
import { handleOffsetForLeaderEpoch } from "./offset-for-leader-epoch.ts"
import { answer } from "./outcome.ts"
import type { Outcome, RequestContext } from "./outcome.ts"
import { handleProduce } from "./produce.ts"

/** `body` is what decoding that API's request gives; the key says which type it is. */
export function dispatch(apiKey: number, body: object, context: RequestContext): Outcome {
  if (servedVersion(apiKey, context.apiVersion) !== "served") {
    if (apiKey === apiVersions.key) return answer(unsupportedApiVersions)
    return { _tag: "close", reason: `API ${apiKey} version ${context.apiVersion} is not served` }
  }
  switch (apiKey) {
    case 0:
      return handleProduce(body as RequestOf<typeof produce>, context)
    case 1:
      return handleFetch(body as RequestOf<typeof fetch>, context)
    case 2:
      return handleListOffsets(body as RequestOf<typeof listOffsets>, context)
    case 3:
      return handleMetadata(body as RequestOf<typeof metadata>, context)
    case 18:
      return handleApiVersions(body as RequestOf<typeof apiVersions>, context)
    case 19:
      return handleCreateTopics(body as RequestOf<typeof createTopics>, context)
    case 20:
      return handleDeleteTopics(body as RequestOf<typeof deleteTopics>, context)
    case 22:
      return handleInitProducerId(body as RequestOf<typeof initProducerId>, context)
    case 23:
      return handleOffsetForLeaderEpoch(body as RequestOf<typeof offsetForLeaderEpoch>, context)
    case 37:
      return handleCreatePartitions(body as RequestOf<typeof createPartitions>, context)
    case 60:
      return handleDescribeCluster(body as RequestOf<typeof describeCluster>, context)
    case 75:
      return handleDescribeTopicPartitions(
        body as RequestOf<typeof describeTopicPartitions>,
        context,
      )
    default:
      throw new Error(`API ${apiKey} is advertised and has no handler`)
  }
}
