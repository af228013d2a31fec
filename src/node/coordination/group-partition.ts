/** Which partition of `__consumer_offsets` a group belongs to. */

/** Java's String.hashCode: over UTF-16 units, in 32 bits. */
export function javaHashCode(text: string): number {
  let hash = 0
  for (let i = 0; i < text.length; i++) hash = (Math.imul(31, hash) + text.charCodeAt(i)) | 0
  return hash
}

/**
 * As Kafka has it (GroupCoordinatorService.partitionFor; Utils.abs makes 0 of the one number
 * without a positive twin).
 */
export function groupPartition(groupId: string, partitions: number): number {
  const hash = javaHashCode(groupId)
  return hash === -(2 ** 31) ? 0 : Math.abs(hash) % partitions
}
