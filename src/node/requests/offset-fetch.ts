/**
 * OffsetFetch: what groups have committed. −1 says "never committed", and a consumer that hears it
 * starts over; so it is said by a coordinator alone that has loaded everything and, after a round
 * to a majority begun after the question, still leads (trap 42, hazard 31).
 */
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { offsetFetch } from "../../protocol/messages/offset-fetch.ts"
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts"
import { zeroUuid } from "../../protocol/uuid.ts"
import type { CoordinatorLookup } from "../coordination/coordination.ts"
import { answerConfirmed, originOf } from "./coordinated.ts"
import type { Outcome, RequestContext } from "./outcome.ts"

type Request = RequestOf<typeof offsetFetch>
type Group = Request["groups"][number]
type Response = ResponseInput<typeof offsetFetch>
type GroupAnswer = NonNullable<Response["groups"]>[number]

/** From here on a request asks for many groups. */
const manyGroupsVersion = 8
/** From here on an answer has an error for all. */
const topLevelErrorVersion = 2

interface Asked {
  readonly group: Group
  readonly found: CoordinatorLookup
}

/** The one group of an old request. */
const groupOf = ({ groupId, topics }: Request): Group => ({
  groupId,
  memberId: null,
  memberEpoch: -1,
  topics:
    topics?.map(({ name, partitionIndexes }) => ({ name, topicId: zeroUuid, partitionIndexes })) ??
    null,
})

const failed = ({ groupId }: Group, errorCode: ErrorCode): GroupAnswer => ({
  groupId,
  topics: [],
  errorCode,
})

export function handleOffsetFetch(request: Request, context: RequestContext): Outcome {
  const { node, apiVersion } = context
  const groups = apiVersion >= manyGroupsVersion ? request.groups : [groupOf(request)]
  const asked = groups.map((group): Asked => {
    return { group, found: node.coordination.find(group.groupId) }
  })
  const leading = asked.flatMap(({ found }) => (found._tag === "leading" ? [found] : []))
  const origin = originOf(context)
  return answerConfirmed(context, leading, (confirmed) => {
    const answers = asked.map(({ group, found }) => {
      if (found._tag === "refused") return failed(group, found.errorCode)
      if (!confirmed(found)) return failed(group, ErrorCode.NOT_COORDINATOR)
      return found.coordinator.fetchOffsets(group, origin)
    })
    if (apiVersion >= manyGroupsVersion) return { groups: answers } satisfies Response
    return oldAnswer(groups, answers, apiVersion)
  })
}

function oldAnswer(
  [group]: ReadonlyArray<Group>,
  [made]: ReadonlyArray<GroupAnswer>,
  apiVersion: number,
): Response {
  if (group === undefined || made === undefined) throw new Error("an answer without a group")
  const { errorCode = ErrorCode.NONE } = made
  if (errorCode === ErrorCode.NONE || apiVersion >= topLevelErrorVersion) {
    return { topics: made.topics ?? [], errorCode }
  }
  const topics = group.topics ?? []
  return {
    topics: topics.map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((partitionIndex) => ({
        partitionIndex,
        committedOffset: -1,
        metadata: "",
        errorCode,
      })),
    })),
  }
}
