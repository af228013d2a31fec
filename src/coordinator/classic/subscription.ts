/**
 * The topics in a consumer's subscription. Its first version is the prefix of all later ones, so
 * nothing here depends on which version a client speaks.
 */
import { DecodeError } from "../../protocol/errors.ts"
import { Reader } from "../../protocol/reader.ts"

/** What group members of `protocolType` "consumer" send (ConsumerProtocol in Kafka). */
export const consumerProtocolType = "consumer"

/** A string takes at least its length. */
const topicBytesMin = 2

/** Undefined: the bytes are not a subscription. */
export const subscribedTopics = (subscription: Uint8Array): ReadonlyArray<string> | undefined => {
  try {
    const reader = new Reader(subscription)
    if (reader.int16() < 0) return undefined
    const topics: Array<string> = []
    for (let left = reader.arrayLength(topicBytesMin); left > 0; left--) {
      const topic = reader.string()
      if (topic === null) return undefined
      topics.push(topic)
    }
    return topics
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}
