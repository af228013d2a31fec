/**
 * The order in which Kafka's coordinator walks through members, topics and partitions: that of a
 * java.util.HashMap. Where an assignment leaves a choice (who gets the odd partition, which one is
 * given up), this order makes it; taking the same makes the same choice as Kafka.
 *
 * Keys that fall into one bucket keep the order in which they were put in: the order given here.
 */
import type { Uuid } from "../../protocol/schema.ts"

const loadFactor = 0.75
const capacityMin = 16

/** String.hashCode of Java: over UTF-16 units, wrapping at 32 bits. */
export function hashOfString(text: string): number {
  let hash = 0
  for (let at = 0; at < text.length; at++) hash = (Math.imul(hash, 31) + text.charCodeAt(at)) | 0
  return hash
}

/** Uuid.hashCode of Kafka: the four 32-bit words exclusive-ored. */
export function hashOfUuid(id: Uuid): number {
  let hash = 0
  for (let at = 0; at < 32; at += 8) hash ^= Number.parseInt(id.slice(at, at + 8), 16)
  return hash
}

/** Of a table that grew while `size` keys were put into it. */
function grownCapacity(size: number): number {
  let capacity = capacityMin
  while (size > capacity * loadFactor) capacity *= 2
  return capacity
}

/** Of a table that was made for a copy of `size` keys. */
function copiedCapacity(size: number): number {
  const wanted = Math.max(Math.floor(size / loadFactor) + 1, capacityMin)
  let capacity = capacityMin
  while (capacity < wanted) capacity *= 2
  return capacity
}

function inBucketOrder<K>(keys: ReadonlyArray<K>, hash: (key: K) => number, capacity: number) {
  const bucket = (key: K) => {
    const value = hash(key)
    return (value ^ (value >>> 16)) & (capacity - 1)
  }
  return keys
    .map((key) => ({ key, bucket: bucket(key) }))
    .sort((a, b) => a.bucket - b.bucket)
    .map(({ key }) => key)
}

export const membersInOrder = (memberIds: Iterable<string>): string[] => {
  const given = [...memberIds]
  return inBucketOrder(given, hashOfString, grownCapacity(given.length))
}

export const subscribedNamesInOrder = (names: Iterable<string>): string[] => {
  const given = [...names]
  return inBucketOrder(given, hashOfString, copiedCapacity(given.length))
}

export const subscribedTopicsInOrder = (topicIds: Iterable<Uuid>): Uuid[] => {
  const given = [...topicIds]
  return inBucketOrder(given, hashOfUuid, copiedCapacity(given.length))
}

export const assignedTopicsInOrder = (topicIds: Iterable<Uuid>): Uuid[] => {
  const given = [...topicIds]
  return inBucketOrder(given, hashOfUuid, grownCapacity(given.length))
}

export const partitionsInOrder = (partitions: Iterable<number>): number[] => {
  const given = [...partitions]
  return inBucketOrder(given, (partition) => partition, copiedCapacity(given.length))
}
