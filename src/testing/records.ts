/** Records as tests and client libraries have them, and what a history calls them. */

/** What libraries give and take: text, bytes, nothing. */
export type Content = string | Uint8Array | null | undefined

/** Offsets are numbers, or texts and bigints in clients that fear 2^53. */
export type Offset = number | string | bigint

export interface SentRecord {
  readonly topic: string
  /** Where the test chooses it; else what the library tells, if it does. */
  readonly partition?: number
  readonly key?: Content
  /** In one test no two records have the same: they are told apart by it (`identify`). */
  readonly value: Content
}

/** One that a consumer was given; the records of most libraries are such as they are. */
export interface ReadRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: Offset
  readonly key?: Content
  readonly value: Content
}

export interface RecordContent {
  readonly topic: string
  readonly key: string
  readonly value: string
  /** The value is null: the record deletes its key. */
  readonly isTombstone: boolean
}

/** "orders/0"; −1: not known which. */
export const partitionName = (topic: string, partition: number): string => `${topic}/${partition}`

/** Text where it is text, else hexadecimal digits. */
export function textOf(content: Content): string {
  if (content === null || content === undefined) return ""
  if (typeof content === "string") return content
  const text = Buffer.from(content).toString()
  return text.includes("\uFFFD") ? `0x${Buffer.from(content).toString("hex")}` : text
}

export const contentOf = (
  topic: string,
  record: { readonly key?: Content; readonly value: Content },
): RecordContent => ({
  topic,
  key: textOf(record.key),
  value: textOf(record.value),
  isTombstone: record.value === null || record.value === undefined,
})

export const isTombstone = (record: { readonly value: Content }): boolean =>
  record.value === null || record.value === undefined

/** By its value; of one that deletes its key, by the key. */
export const identifyByValue = ({ key, value, isTombstone: deletes }: RecordContent): string =>
  deletes ? `deletion of ${key}` : value
