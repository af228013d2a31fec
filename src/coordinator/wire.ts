/** The requests and answers that coordinators deal in, by name. */
import type { consumerGroupDescribe } from "../protocol/messages/consumer-group-describe.ts"
import type { consumerGroupHeartbeat } from "../protocol/messages/consumer-group-heartbeat.ts"
import type { describeGroups } from "../protocol/messages/describe-groups.ts"
import type { heartbeat } from "../protocol/messages/heartbeat.ts"
import type { listGroups } from "../protocol/messages/list-groups.ts"
import type { offsetCommit } from "../protocol/messages/offset-commit.ts"
import type { offsetDelete } from "../protocol/messages/offset-delete.ts"
import type { offsetFetch } from "../protocol/messages/offset-fetch.ts"
import type { RequestOf, ResponseInput } from "../protocol/schema.ts"

type Entry<T> = NonNullable<T> extends ReadonlyArray<infer One> ? One : never

export type HeartbeatRequest = RequestOf<typeof heartbeat>
export type HeartbeatResponse = ResponseInput<typeof heartbeat>

export type OffsetCommitRequest = RequestOf<typeof offsetCommit>
export type OffsetCommitResponse = ResponseInput<typeof offsetCommit>
export type OffsetCommitTopic = Entry<OffsetCommitResponse["topics"]>

export type OffsetDeleteRequest = RequestOf<typeof offsetDelete>
export type OffsetDeleteResponse = ResponseInput<typeof offsetDelete>

/** Of one group, as version 8 and later have it. */
export type OffsetFetchGroup = RequestOf<typeof offsetFetch>["groups"][number]
export type OffsetFetchTopic = NonNullable<OffsetFetchGroup["topics"]>[number]
export type FetchedGroup = Entry<ResponseInput<typeof offsetFetch>["groups"]>
export type FetchedTopic = Entry<FetchedGroup["topics"]>
export type FetchedPartition = Entry<FetchedTopic["partitions"]>

export type ConsumerHeartbeatRequest = RequestOf<typeof consumerGroupHeartbeat>
export type ConsumerHeartbeatResponse = ResponseInput<typeof consumerGroupHeartbeat>

export type DescribedGroup = Entry<ResponseInput<typeof describeGroups>["groups"]>
export type DescribedConsumerGroup = Entry<ResponseInput<typeof consumerGroupDescribe>["groups"]>
export type ListedGroup = Entry<ResponseInput<typeof listGroups>["groups"]>
