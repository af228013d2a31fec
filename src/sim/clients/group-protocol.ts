/**
 * What members of a classic group tell each other in bytes that no broker reads: which topics they
 * want, and who gets what (ConsumerProtocolSubscription and ConsumerProtocolAssignment, version 0).
 */
import { Reader } from "../../protocol/reader.ts"
import { Writer } from "../../protocol/writer.ts"

const noUserData = -1

export function encodeSubscription(topic: string): Uint8Array {
  const writer = new Writer()
  writer.int16(0)
  writer.int32(1)
  writeText(writer, topic)
  writer.int32(noUserData)
  return writer.concat()
}

export function encodeAssignment(topic: string, partitions: ReadonlyArray<number>): Uint8Array {
  const writer = new Writer()
  writer.int16(0)
  writer.int32(1)
  writeText(writer, topic)
  writer.int32(partitions.length)
  for (const partition of partitions) writer.int32(partition)
  writer.int32(noUserData)
  return writer.concat()
}

function writeText(writer: Writer, text: string): void {
  const bytes = new TextEncoder().encode(text)
  writer.int16(bytes.length)
  writer.copy(bytes)
}

/** Of the one topic; empty bytes are no partitions. */
export function decodeAssignment(bytes: Uint8Array): ReadonlyArray<number> {
  if (bytes.length === 0) return []
  const reader = new Reader(bytes)
  reader.int16()
  const partitions: Array<number> = []
  for (let topics = reader.int32(); topics > 0; topics--) {
    reader.slice(reader.int16())
    for (let left = reader.int32(); left > 0; left--) partitions.push(reader.int32())
  }
  return partitions
}
