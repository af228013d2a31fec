/** ListConfigResources; version 0 knows client metrics alone. */
import { ConfigResourceType } from "../../cluster/config-resources.ts"
import { listResources } from "../../cluster/list-config-resources.ts"
import type { listConfigResources } from "../../protocol/messages/list-config-resources.ts"
import type { RequestOf } from "../../protocol/schema.ts"
import type { Outcome, RequestContext } from "./outcome.ts"
import { answer } from "./outcome.ts"

export function handleListConfigResources(
  { resourceTypes }: RequestOf<typeof listConfigResources>,
  { apiVersion, node }: RequestContext,
): Outcome {
  const asked = apiVersion === 0 ? [ConfigResourceType.CLIENT_METRICS] : resourceTypes
  return answer(listResources(node.image, asked))
}
