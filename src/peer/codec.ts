/**
 * What brokers say to each other: frames of int32 length, uint8 type, body, behind the magic that
 * tells a peer connection from a Kafka one. Pure: no sockets, and nothing here knows who may speak
 * (that is the node's decision).
 *
 * Encoding gives parts and copies no payload; decoding gives views on the frame. Any
 * PeerDecodeError closes the link.
 */
import type { Message } from "../../raft/message.ts"
import type { LogIndex, Term } from "../../raft/types.ts"
import { ByteReader, ByteWriter, PeerDecodeError } from "./bytes.ts"
import { envelopeBytes } from "./entry-codec.ts"
import { peerFrameBytesMax } from "./frame-splitter.ts"
import { readMessage, writeMessage } from "./message-codec.ts"
import type { LinkMembers } from "./message-codec.ts"

export { PeerDecodeError } from "./bytes.ts"
export { firstFrameBytesMax, PeerFrameSplitter, peerFrameBytesMax } from "./frame-splitter.ts"
export type { LinkMembers } from "./message-codec.ts"

/**
 * The first 8 bytes of a peer connection; as the length of a Kafka frame 1.4 GB, which none has.
 */
export const PEER_MAGIC: Uint8Array = Buffer.from("VARVEPR1", "latin1")

export const peerVersion = 4

type GroupId = number

/** How high a group's log stands on the disk of who says it (VERIFICATION D3). */
export interface GroupHeight {
  readonly group: GroupId
  /** The group's current term there. */
  readonly term: Term
  readonly acceptedTerm: Term
  readonly lastIndex: LogIndex
}

/**
 * What the sender has seen of the receiver's disk in a group (VERIFICATION D3): the highest entry
 * that it acknowledged to the sender, or had committed as its leader (0: none), and the greatest
 * term in which it promised anything. A disk that knows less has lost something.
 */
export interface Witnessed {
  readonly group: GroupId
  readonly index: LogIndex
  /** Of the entry at `index`. */
  readonly entryTerm: Term
  /** Of the leader at that time. */
  readonly leaderTerm: Term
  /** 0: none was seen. */
  readonly promisedTerm: Term
  /** In that term it gave its vote, to the sender or to itself. */
  readonly voted: boolean
}

/** Who leads a group, as its leader says; leader −1: the sender led it and does so no more. */
export interface PartitionReport {
  readonly group: GroupId
  readonly leader: number
  readonly term: Term
  readonly isr: ReadonlyArray<number>
}

export interface CompactedGroup {
  readonly group: GroupId
  readonly index: LogIndex
}

export type PeerFrame =
  | {
      readonly _tag: "Hello"
      readonly version: typeof peerVersion
      readonly clusterId: string
      readonly nodeId: number
      readonly diskUuid: string
      readonly incarnation: string
      readonly appliedMetadataIndex: LogIndex
      readonly heights: ReadonlyArray<GroupHeight>
      /** Of which disk `witnessed` speaks; empty when the sender knows of none. */
      readonly witnessedDisk: string
      readonly witnessed: ReadonlyArray<Witnessed>
    }
  | {
      readonly _tag: "Heartbeat"
      readonly appliedMetadataIndex: LogIndex
      /** The sender's disk is nearly full: it should lead nothing. */
      readonly lowSpace: boolean
    }
  | {
      readonly _tag: "Raft"
      readonly group: GroupId
      readonly appliedMetadataIndex: LogIndex
      readonly message: Message
    }
  /** `frame`: a whole Kafka request, header and body, without its length. */
  | { readonly _tag: "Request"; readonly correlationId: number; readonly frame: Uint8Array }
  /** `frame`: the body of a Kafka response; both sides know API and version. */
  | { readonly _tag: "Response"; readonly correlationId: number; readonly frame: Uint8Array }
  | { readonly _tag: "Report"; readonly partitions: ReadonlyArray<PartitionReport> }
  /** To the leader of these groups: how far they are compacted on the sender's disk. */
  | { readonly _tag: "Compacted"; readonly groups: ReadonlyArray<CompactedGroup> }

/** Numbers on the wire: never reused. */
const FrameType = {
  Hello: 1,
  Heartbeat: 2,
  Raft: 3,
  Request: 4,
  Response: 5,
  Report: 6,
  Compacted: 7,
} as const

const heightBytes = 28
const witnessedBytes = 37
/** Without the ISR's members. */
const reportBytes = 20
const compactedBytes = 12

/** The frame with its length, in parts to be sent one behind the other. Payloads are not copied. */
export const encodePeerFrame = (frame: PeerFrame): ReadonlyArray<Uint8Array> => {
  const writer = new ByteWriter(bytesExpected(frame))
  writer.int32(0)
  writer.uint8(FrameType[frame._tag])
  const tail = writeBody(writer, frame)
  let length = writer.length - 4
  for (const part of tail) length += part.length
  if (length > peerFrameBytesMax) throw new RangeError(`a peer frame of ${length} bytes`)
  writer.patchInt32(0, length)
  return [writer.finish(), ...tail]
}

const bytesExpected = (frame: PeerFrame): number => {
  switch (frame._tag) {
    case "Hello":
      return 256 + frame.heights.length * heightBytes + frame.witnessed.length * witnessedBytes
    case "Report":
      return 16 + frame.partitions.length * (reportBytes + 16)
    case "Compacted":
      return 16 + frame.groups.length * compactedBytes
    case "Raft": {
      const { message } = frame
      const entries = message._tag === "AppendEntries" ? message.entries.length : 0
      return 80 + entries * envelopeBytes
    }
    default:
      return 16
  }
}

const writeBody = (writer: ByteWriter, frame: PeerFrame): ReadonlyArray<Uint8Array> => {
  switch (frame._tag) {
    case "Raft":
      writer.int32(frame.group)
      writer.int64(frame.appliedMetadataIndex)
      return writeMessage(writer, frame.message)
    case "Heartbeat":
      writer.int64(frame.appliedMetadataIndex)
      writer.bool(frame.lowSpace)
      return []
    case "Request":
    case "Response":
      writer.int32(frame.correlationId)
      return [frame.frame]
    case "Hello":
      writeHello(writer, frame)
      return []
    case "Compacted":
      writeCompacted(writer, frame.groups)
      return []
    default:
      writeReport(writer, frame.partitions)
      return []
  }
}

/**
 * `bytes`: one frame as the splitter gives it. `members`: the two ends of the link, for Raft
 * messages.
 */
export const decodePeerFrame = (bytes: Uint8Array, members: LinkMembers): PeerFrame => {
  const reader = new ByteReader(bytes)
  const frame = readBody(reader, members)
  reader.end()
  return frame
}

const readBody = (reader: ByteReader, members: LinkMembers): PeerFrame => {
  const type = reader.uint8()
  switch (type) {
    case FrameType.Raft: {
      const group = reader.int32()
      const appliedMetadataIndex = reader.natural()
      const message = readMessage(reader, members)
      return { _tag: "Raft", group, appliedMetadataIndex, message }
    }
    case FrameType.Heartbeat: {
      const appliedMetadataIndex = reader.natural()
      return { _tag: "Heartbeat", appliedMetadataIndex, lowSpace: reader.bool() }
    }
    case FrameType.Request:
      return { _tag: "Request", correlationId: reader.int32(), frame: reader.rest() }
    case FrameType.Response:
      return { _tag: "Response", correlationId: reader.int32(), frame: reader.rest() }
    case FrameType.Hello:
      return readHello(reader)
    case FrameType.Report:
      return readReport(reader)
    case FrameType.Compacted:
      return readCompacted(reader)
    default:
      throw new PeerDecodeError(`a peer frame of type ${type}`)
  }
}

const writeHello = (
  writer: ByteWriter,
  hello: Extract<PeerFrame, { readonly _tag: "Hello" }>,
): void => {
  writer.int32(hello.version)
  writer.string(hello.clusterId)
  writer.int32(hello.nodeId)
  writer.string(hello.diskUuid)
  writer.string(hello.incarnation)
  writer.int64(hello.appliedMetadataIndex)
  writer.int32(hello.heights.length)
  for (const { group, term, acceptedTerm, lastIndex } of hello.heights) {
    writer.int32(group)
    writer.int64(term)
    writer.int64(acceptedTerm)
    writer.int64(lastIndex)
  }
  writer.string(hello.witnessedDisk)
  writer.int32(hello.witnessed.length)
  for (const { group, index, entryTerm, leaderTerm, promisedTerm, voted } of hello.witnessed) {
    writer.int32(group)
    writer.int64(index)
    writer.int64(entryTerm)
    writer.int64(leaderTerm)
    writer.int64(promisedTerm)
    writer.bool(voted)
  }
}

const readHello = (reader: ByteReader): PeerFrame => {
  const version = reader.int32()
  if (version !== peerVersion) throw new PeerDecodeError(`the peer speaks version ${version}`)
  const clusterId = reader.string()
  const nodeId = reader.int32()
  const diskUuid = reader.string()
  const incarnation = reader.string()
  const appliedMetadataIndex = reader.natural()
  const heights: Array<GroupHeight> = []
  for (let left = reader.count(heightBytes); left > 0; left--) {
    const group = reader.int32()
    const term = reader.natural()
    const acceptedTerm = reader.natural()
    heights.push({ group, term, acceptedTerm, lastIndex: reader.natural() })
  }
  const witnessedDisk = reader.string()
  const witnessed: Array<Witnessed> = []
  for (let left = reader.count(witnessedBytes); left > 0; left--) {
    const group = reader.int32()
    const index = reader.natural()
    const entryTerm = reader.natural()
    const leaderTerm = reader.natural()
    const promisedTerm = reader.natural()
    const voted = reader.bool()
    witnessed.push({ group, index, entryTerm, leaderTerm, promisedTerm, voted })
  }
  const identity = { clusterId, nodeId, diskUuid, incarnation }
  const memory = { heights, witnessedDisk, witnessed }
  return { _tag: "Hello", version, ...identity, appliedMetadataIndex, ...memory }
}

const writeReport = (writer: ByteWriter, partitions: ReadonlyArray<PartitionReport>): void => {
  writer.int32(partitions.length)
  for (const { group, leader, term, isr } of partitions) {
    writer.int32(group)
    writer.int32(leader)
    writer.int64(term)
    writer.int32(isr.length)
    for (const id of isr) writer.int32(id)
  }
}

const readReport = (reader: ByteReader): PeerFrame => {
  const partitions: Array<PartitionReport> = []
  for (let left = reader.count(reportBytes); left > 0; left--) {
    const group = reader.int32()
    const leader = reader.int32()
    const term = reader.natural()
    const isr: Array<number> = []
    for (let members = reader.count(4); members > 0; members--) isr.push(reader.int32())
    partitions.push({ group, leader, term, isr })
  }
  return { _tag: "Report", partitions }
}

const writeCompacted = (writer: ByteWriter, groups: ReadonlyArray<CompactedGroup>): void => {
  writer.int32(groups.length)
  for (const { group, index } of groups) {
    writer.int32(group)
    writer.int64(index)
  }
}

const readCompacted = (reader: ByteReader): PeerFrame => {
  const groups: Array<CompactedGroup> = []
  for (let left = reader.count(compactedBytes); left > 0; left--) {
    const group = reader.int32()
    groups.push({ group, index: reader.natural() })
  }
  return { _tag: "Compacted", groups }
}
