/**
 * DeleteTopics (20): topics by name or, from version 6, by id. Codes and words are Kafka 4.3's
 * (ControllerApis).
 */
import { ErrorCode } from "../protocol/error-codes.ts"
import type { deleteTopics as schema } from "../protocol/messages/delete-topics.ts"
import type { RequestOf, ResponseInput, Uuid } from "../protocol/schema.ts"
import { zeroUuid } from "../protocol/uuid.ts"
import type { Decision } from "./controller.ts"
import type { MetadataImage, TopicInfo } from "./image.ts"
import type { TopicDeleted } from "./records.ts"

export type DeleteTopicsRequest = RequestOf<typeof schema>
export type DeleteTopicsResponse = ResponseInput<typeof schema>
type Result = NonNullable<DeleteTopicsResponse["responses"]>[number]

const refused = (
  name: string | null,
  topicId: Uuid,
  errorCode: ErrorCode,
  errorMessage: string,
): Result => ({ name, topicId, errorCode, errorMessage })

const invalid = (name: string | null, topicId: Uuid, message: string): Result =>
  refused(name, topicId, ErrorCode.INVALID_REQUEST, message)

/**
 * Kafka shuffles the results; here malformed entries come first, then ids, then names, each as they
 * were asked.
 */
export const deleteTopics = (
  image: MetadataImage,
  request: DeleteTopicsRequest,
): Decision<DeleteTopicsResponse> => {
  const { names, ids, results } = sortOut(request)
  const doomed = new Map<Uuid, TopicInfo>()
  for (const id of ids.unique) {
    const topic = image.topicsById.get(id)
    if (topic !== undefined) doomed.set(id, topic)
    else {
      const message = "This server does not host this topic ID."
      results.push(refused(null, id, ErrorCode.UNKNOWN_TOPIC_ID, message))
    }
  }
  for (const name of names.unique) {
    const found = findByName(image, name, doomed, ids.repeated)
    if (found._tag === "refused") results.push(found.result)
    else doomed.set(found.topic.id, found.topic)
  }
  const records: Array<TopicDeleted> = []
  for (const { id, name } of doomed.values()) {
    records.push({ _tag: "TopicDeleted", topicId: id })
    results.push({ name, topicId: id, errorCode: ErrorCode.NONE, errorMessage: null })
  }
  return { records, response: { throttleTimeMs: 0, responses: results } }
}

type Found =
  | { readonly _tag: "found"; readonly topic: TopicInfo }
  | { readonly _tag: "refused"; readonly result: Result }

const findByName = (
  image: MetadataImage,
  name: string,
  doomed: Map<Uuid, TopicInfo>,
  repeatedIds: ReadonlySet<Uuid>,
): Found => {
  const topic = image.topics.get(name)
  if (topic === undefined) {
    const message = "This server does not host this topic-partition."
    const code = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    return { _tag: "refused", result: refused(name, zeroUuid, code, message) }
  }
  if (!repeatedIds.has(topic.id) && !doomed.has(topic.id)) return { _tag: "found", topic }
  // Asked for twice, in two ways: Kafka deletes it in neither.
  doomed.delete(topic.id)
  const message = "The provided topic name maps to an ID that was already supplied."
  return { _tag: "refused", result: invalid(name, topic.id, message) }
}

/** What was asked for once, and what was asked for more often. */
class Asked<T> {
  readonly unique = new Set<T>()
  readonly repeated = new Set<T>()

  add(item: T): void {
    if (this.repeated.has(item)) return
    if (!this.unique.has(item)) this.unique.add(item)
    else {
      this.unique.delete(item)
      this.repeated.add(item)
    }
  }
}

const sortOut = (
  request: DeleteTopicsRequest,
): { names: Asked<string>; ids: Asked<Uuid>; results: Array<Result> } => {
  const names = new Asked<string>()
  const ids = new Asked<Uuid>()
  const results: Array<Result> = []
  for (const name of request.topicNames) names.add(name)
  for (const { name, topicId } of request.topics) {
    if (topicId === zeroUuid) {
      if (name !== null) names.add(name)
      else results.push(invalid(null, zeroUuid, "Neither topic name nor id were specified."))
    } else if (name === null) ids.add(topicId)
    else {
      const message = "You may not specify both topic name and topic id."
      results.push(invalid(name, topicId, message))
    }
  }
  for (const name of names.repeated) results.push(invalid(name, zeroUuid, "Duplicate topic name."))
  for (const id of ids.repeated) results.push(invalid(null, id, "Duplicate topic id."))
  return { names, ids, results }
}
