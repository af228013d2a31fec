/**
 * What a topic may be called. Rules and words are Kafka's
 * (org.apache.kafka.common.internals.Topic).
 */

export const topicNameLengthMax = 249

const legal = /^[a-zA-Z0-9._-]+$/

/** What groups have committed; its partitions' leaders coordinate the groups. */
export const consumerOffsetsTopic = "__consumer_offsets"

const internalTopics: ReadonlySet<string> = new Set([
  consumerOffsetsTopic,
  "__transaction_state",
  "__share_group_state",
])

/**
 * Kafka keeps its metadata log under this name; nobody may create or change a topic of that name.
 */
export const clusterMetadataTopic = "__cluster_metadata"

export const isInternalTopic = (name: string): boolean => internalTopics.has(name)

/** What is wrong with the name, in Kafka's words, or undefined. */
export const topicNameFault = (name: string): string | undefined => {
  if (name === "") return "Topic name is invalid: the empty string is not allowed"
  if (name === "." || name === "..") return `Topic name is invalid: '${name}' is not allowed`
  if (name.length > topicNameLengthMax) {
    return (
      `Topic name is invalid: the length of '${name}' is longer than the max allowed length ` +
      `${topicNameLengthMax}`
    )
  }
  if (!legal.test(name)) {
    return (
      `Topic name is invalid: '${name}' contains one or more characters other than ` +
      `ASCII alphanumerics, '.', '_' and '-'`
    )
  }
  return undefined
}

/**
 * Names that differ in `.` and `_` alone are one metric name to Kafka's tools, so the second one is
 * refused.
 */
export const collisionKey = (name: string): string => name.replaceAll(".", "_")

export const hasCollisionChars = (name: string): boolean => /[._]/.test(name)
