/** ListConfigResources: the names of what has, or may have, configs. */
import { ErrorCode } from "../protocol/error-codes.ts"
import type { listConfigResources } from "../protocol/messages/list-config-resources.ts"
import type { ResponseInput } from "../protocol/schema.ts"
import { ConfigResourceType } from "./config-resources.ts"
import type { MetadataImage } from "./image.ts"

type Response = ResponseInput<typeof listConfigResources>

/** In the order of Kafka's answers. */
const known: ReadonlyArray<number> = [
  ConfigResourceType.GROUP,
  ConfigResourceType.CLIENT_METRICS,
  ConfigResourceType.BROKER_LOGGER,
  ConfigResourceType.BROKER,
  ConfigResourceType.TOPIC,
]

/** `types` empty: all of them. */
export const listResources = (image: MetadataImage, types: ReadonlyArray<number>): Response => {
  if (types.some((type) => !known.includes(type))) {
    return { errorCode: ErrorCode.UNSUPPORTED_VERSION, configResources: [] }
  }
  const asked = types.length === 0 ? known : known.filter((type) => types.includes(type))
  const configResources = asked.flatMap((resourceType) =>
    namesOf(image, resourceType).map((resourceName) => ({ resourceName, resourceType })),
  )
  return { errorCode: ErrorCode.NONE, configResources }
}

const namesOf = (image: MetadataImage, type: number): ReadonlyArray<string> => {
  if (type === ConfigResourceType.TOPIC) return [...image.topics.keys()].sort()
  if (type === ConfigResourceType.GROUP || type === ConfigResourceType.CLIENT_METRICS) {
    const own = [...image.configs.values()].filter((resource) => resource.type === type)
    return own.map(({ name }) => name).sort()
  }
  return [...image.brokers.keys()].sort((a, b) => a - b).map(String)
}
