/** Where records lie that were sent, as the client libraries tell it. */
import type { Offset, SentRecord } from "./records.ts"

/** Of the first record of a partition; −1 where the library does not tell the offset. */
export interface Place {
  readonly topic?: string
  readonly partition: number
  readonly offset: Offset
}

interface RecordPlace {
  readonly partition: number
  readonly offset: number
}

/**
 * What can be understood of an answer: varve's `Receipt` and `Produced`, kafkajs' list of
 * `{ partition, baseOffset }`, @platformatic/kafka's `{ offsets: [{ partition, offset }] }`.
 */
export function placesIn(answer: unknown): ReadonlyArray<Place> {
  if (Array.isArray(answer)) return answer.flatMap(placesIn)
  if (!isObject(answer)) return []
  if (Array.isArray(answer["offsets"])) return answer["offsets"].flatMap(placesIn)
  const offset = offsetOf(answer["baseOffset"] ?? answer["offset"])
  if (offset === undefined) return []
  const { partition = -1, topic, topicName = topic } = answer
  return [
    {
      partition: typeof partition === "number" ? partition : -1,
      offset,
      ...(typeof topicName === "string" ? { topic: topicName } : {}),
    },
  ]
}

/**
 * Of each record its place; undefined where that does not follow: several partitions are told, and
 * the record does not say which one it was sent to.
 */
export function placeRecords(
  records: ReadonlyArray<SentRecord>,
  places: ReadonlyArray<Place>,
): ReadonlyArray<RecordPlace | undefined> {
  const counts = new Map<string, number>()
  return records.map(({ topic, partition }) => {
    const own = places.filter((place) => place.topic === undefined || place.topic === topic)
    const told = own.filter((place) => place.partition === partition)
    const [place, another] =
      partition === undefined || told.length === 0
        ? own.filter((one) => partition === undefined || one.partition === -1)
        : told
    const known = partition ?? place?.partition ?? -1
    if (place === undefined || another !== undefined || known < 0) {
      return partition === undefined ? undefined : { partition, offset: -1 }
    }
    const name = `${topic}/${known}`
    const nth = counts.get(name) ?? 0
    counts.set(name, nth + 1)
    const offset = Number(place.offset)
    return { partition: known, offset: offset < 0 ? -1 : offset + nth }
  })
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

function offsetOf(value: unknown): Offset | undefined {
  return typeof value === "number" || typeof value === "string" || typeof value === "bigint"
    ? value
    : undefined
}
