/**
 * Raft messages on a peer link. `from` and `to` do not travel: they are the two ends of the link,
 * known since Hello.
 */
import type { Message, SteppedDown, TimeoutNow } from "../../raft/message.ts"
import type { MemberId, Term } from "../../raft/types.ts"
import { PeerDecodeError } from "./bytes.ts"
import type { ByteReader, ByteWriter } from "./bytes.ts"
import { readCut, writeCut } from "./cut-codec.ts"
import { readEntries, writeEnvelopes } from "./entry-codec.ts"

export interface LinkMembers {
  readonly fromMember: MemberId
  readonly toMember: MemberId
}

/** Numbers on the wire: never reused. */
const codes = {
  PreVote: 1,
  PreVoteResponse: 2,
  RequestVote: 3,
  RequestVoteResponse: 4,
  AppendEntries: 5,
  AppendEntriesResponse: 6,
  InstallSnapshot: 7,
  InstallSnapshotResponse: 8,
  TimeoutNow: 9,
  Quiesce: 10,
  QuiesceResponse: 11,
  SteppedDown: 12,
} as const satisfies Record<Message["_tag"], number>

const tagNames: ReadonlyArray<Message["_tag"]> = [
  "PreVote",
  "PreVoteResponse",
  "RequestVote",
  "RequestVoteResponse",
  "AppendEntries",
  "AppendEntriesResponse",
  "InstallSnapshot",
  "InstallSnapshotResponse",
  "TimeoutNow",
  "Quiesce",
  "QuiesceResponse",
  "SteppedDown",
]
const tags: ReadonlyMap<number, Message["_tag"]> = new Map(tagNames.map((tag) => [codes[tag], tag]))

const none: ReadonlyArray<Uint8Array> = []

/** What has to follow the writer's bytes, by reference. */
export const writeMessage = (writer: ByteWriter, message: Message): ReadonlyArray<Uint8Array> => {
  writer.uint8(codes[message._tag])
  writer.int64(message.term)
  switch (message._tag) {
    case "AppendEntries":
      writer.int64(message.prevLogIndex)
      writer.int64(message.prevLogTerm)
      writer.int64(message.leaderCommit)
      writer.int64(message.round)
      writer.int64(message.durableIndex)
      writer.bool(message.readmitted)
      writer.bool(message.stripped)
      writeEnvelopes(writer, message.entries, message.prevLogIndex)
      return message.entries.map((entry) => entry.payload)
    case "AppendEntriesResponse":
      writer.bool(message.success)
      writer.int64(message.matchIndex)
      writer.int64(message.hintIndex)
      writer.int64(message.hintTerm)
      writer.int64(message.round)
      writer.bool(message.counts)
      return none
    case "PreVote":
    case "RequestVote":
      writer.int64(message.lastLogIndex)
      writer.int64(message.lastLogTerm)
      if (message._tag === "RequestVote") writer.bool(message.leaderLeaseWaived)
      return none
    case "PreVoteResponse":
    case "RequestVoteResponse":
      writer.bool(message.granted)
      writer.bool(message.counts)
      return none
    case "InstallSnapshot":
      writeCut(writer, message.cut)
      writer.int64(message.totalBytes)
      writer.int32(message.stateCrc)
      writer.int64(message.offset)
      writer.int64(message.round)
      writer.bool(message.stripped)
      return [message.chunk]
    case "InstallSnapshotResponse":
      writer.int64(message.lastIncludedIndex)
      writer.int64(message.nextOffset)
      writer.int64(message.round)
      writer.bool(message.counts)
      return none
    case "Quiesce":
      writer.int64(message.lastLogIndex)
      writer.int64(message.commitIndex)
      return none
    case "QuiesceResponse":
      writer.int64(message.lastLogIndex)
      writer.bool(message.agreed)
      return none
    default:
      return bare(message)
  }
}

/** The rest says nothing but its term. */
const bare = (_message: TimeoutNow | SteppedDown): ReadonlyArray<Uint8Array> => none

interface Envelope {
  readonly from: MemberId
  readonly to: MemberId
  readonly term: Term
}

export const readMessage = (reader: ByteReader, members: LinkMembers): Message => {
  const code = reader.uint8()
  const tag = tags.get(code)
  if (tag === undefined) throw new PeerDecodeError(`a raft message of type ${code}`)
  const envelope = { from: members.fromMember, to: members.toMember, term: reader.natural() }
  switch (tag) {
    case "AppendEntries":
      return readAppendEntries(reader, envelope)
    case "AppendEntriesResponse":
      return readAppendEntriesResponse(reader, envelope)
    case "PreVote": {
      const lastLogIndex = reader.natural()
      return { _tag: tag, ...envelope, lastLogIndex, lastLogTerm: reader.natural() }
    }
    case "RequestVote":
      return readRequestVote(reader, envelope)
    case "PreVoteResponse":
    case "RequestVoteResponse": {
      const granted = reader.bool()
      return { _tag: tag, ...envelope, granted, counts: reader.bool() }
    }
    case "InstallSnapshot":
      return readInstallSnapshot(reader, envelope)
    case "InstallSnapshotResponse":
      return readInstallSnapshotResponse(reader, envelope)
    case "Quiesce": {
      const lastLogIndex = reader.natural()
      return { _tag: tag, ...envelope, lastLogIndex, commitIndex: reader.natural() }
    }
    case "QuiesceResponse": {
      const lastLogIndex = reader.natural()
      return { _tag: tag, ...envelope, lastLogIndex, agreed: reader.bool() }
    }
    default:
      return { _tag: tag, ...envelope }
  }
}

const readAppendEntries = (reader: ByteReader, { from, to, term }: Envelope): Message => {
  const prevLogIndex = reader.natural()
  const prevLogTerm = reader.natural()
  const leaderCommit = reader.natural()
  const round = reader.natural()
  const durableIndex = reader.natural()
  const readmitted = reader.bool()
  const stripped = reader.bool()
  const entries = readEntries(reader, prevLogIndex)
  return {
    _tag: "AppendEntries",
    from,
    to,
    term,
    prevLogIndex,
    prevLogTerm,
    entries,
    leaderCommit,
    round,
    durableIndex,
    readmitted,
    stripped,
  }
}

const readAppendEntriesResponse = (reader: ByteReader, { from, to, term }: Envelope): Message => {
  const success = reader.bool()
  const matchIndex = reader.natural()
  const hintIndex = reader.natural()
  const hintTerm = reader.natural()
  const round = reader.natural()
  const counts = reader.bool()
  const _tag = "AppendEntriesResponse"
  return { _tag, from, to, term, success, matchIndex, hintIndex, hintTerm, round, counts }
}

const readRequestVote = (reader: ByteReader, envelope: Envelope): Message => {
  const lastLogIndex = reader.natural()
  const lastLogTerm = reader.natural()
  const leaderLeaseWaived = reader.bool()
  return { _tag: "RequestVote", ...envelope, lastLogIndex, lastLogTerm, leaderLeaseWaived }
}

const readInstallSnapshot = (reader: ByteReader, { from, to, term }: Envelope): Message => {
  const cut = readCut(reader)
  const totalBytes = reader.natural()
  const stateCrc = reader.uint32()
  const offset = reader.natural()
  const round = reader.natural()
  const stripped = reader.bool()
  const chunk = reader.rest()
  const _tag = "InstallSnapshot"
  return { _tag, from, to, term, cut, totalBytes, stateCrc, offset, chunk, round, stripped }
}

const readInstallSnapshotResponse = (reader: ByteReader, envelope: Envelope): Message => {
  const lastIncludedIndex = reader.natural()
  const nextOffset = reader.natural()
  const round = reader.natural()
  const counts = reader.bool()
  const _tag = "InstallSnapshotResponse"
  return { _tag, ...envelope, lastIncludedIndex, nextOffset, round, counts }
}
