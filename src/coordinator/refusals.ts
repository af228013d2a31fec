/** One error as the whole answer, in the shape of each request. */
import type { ErrorCode } from "../protocol/error-codes.ts"
import type { JoinRequest, JoinResponse } from "./classic/member.ts"
import type { OffsetCommitRequest, OffsetCommitResponse } from "./wire.ts"

/** Before it a protocol's name is not nullable. */
const nullableProtocolSince = 7

/** A JoinGroup answer as its version wants it: no protocol is null, or empty. */
export const joinResponse = (response: JoinResponse, apiVersion: number): JoinResponse => ({
  ...response,
  protocolName: response.protocolName ?? (apiVersion >= nullableProtocolSince ? null : ""),
})

export const refuseJoin = (
  { memberId }: JoinRequest,
  errorCode: ErrorCode,
  apiVersion: number,
): JoinResponse => joinResponse({ memberId, errorCode }, apiVersion)

export const refuseOffsetCommit = (
  { topics }: OffsetCommitRequest,
  errorCode: ErrorCode,
): OffsetCommitResponse => ({
  topics: topics.map(({ name, topicId, partitions }) => ({
    name,
    topicId,
    partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
  })),
})
