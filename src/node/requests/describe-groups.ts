/** DescribeGroups: groups of the classic protocol, each with its own error. */
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { describeGroups } from "../../protocol/messages/describe-groups.ts"
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts"
import { groupOperations } from "./authorized-operations.ts"
import { answerConfirmed, inAnswerOrder, originOf } from "./coordinated.ts"
import type { Outcome, RequestContext } from "./outcome.ts"

type Response = ResponseInput<typeof describeGroups>
type GroupAnswer = NonNullable<Response["groups"]>[number]

const failed = (groupId: string, errorCode: ErrorCode): GroupAnswer => ({
  errorCode,
  groupId,
  groupState: "",
  protocolType: "",
  protocolData: "",
  members: [],
})

export function handleDescribeGroups(
  request: RequestOf<typeof describeGroups>,
  context: RequestContext,
): Outcome {
  const { node } = context
  const asked = inAnswerOrder(node, request.groups).map((groupId) => {
    return { groupId, found: node.coordination.find(groupId) }
  })
  const leading = asked.flatMap(({ found }) => (found._tag === "leading" ? [found] : []))
  const origin = originOf(context)
  return answerConfirmed(context, leading, (confirmed) => {
    const groups = asked.map(({ groupId, found }): GroupAnswer => {
      if (found._tag === "refused") return failed(groupId, found.errorCode)
      if (!confirmed(found)) return failed(groupId, ErrorCode.NOT_COORDINATOR)
      const described = found.coordinator.describeGroup(groupId, origin)
      if (!request.includeAuthorizedOperations || described.errorCode !== ErrorCode.NONE) {
        return described
      }
      return { ...described, authorizedOperations: groupOperations }
    })
    return { groups } satisfies Response
  })
}
