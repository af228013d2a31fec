/** ListGroups: the groups of every partition that this broker coordinates. */
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { listGroups } from "../../protocol/messages/list-groups.ts"
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts"
import type { Leading } from "../coordination/coordination.ts"
import { answerConfirmed } from "./coordinated.ts"
import type { Outcome, RequestContext } from "./outcome.ts"
import { answer } from "./outcome.ts"

type Response = ResponseInput<typeof listGroups>

export function handleListGroups(
  request: RequestOf<typeof listGroups>,
  context: RequestContext,
): Outcome {
  const leading: Array<Leading> = []
  for (const found of context.node.coordination.all()) {
    // A list with groups missing would look whole: Kafka gives none then.
    if (found._tag === "refused") {
      return answer({ errorCode: found.errorCode, groups: [] } satisfies Response)
    }
    leading.push(found)
  }
  const filters = { states: request.statesFilter, types: request.typesFilter }
  return answerConfirmed(context, leading, (confirmed) => {
    const groups = leading
      .filter(confirmed)
      .flatMap(({ coordinator }) => coordinator.listGroups(filters))
    return { errorCode: ErrorCode.NONE, groups } satisfies Response
  })
}
