/**
 * What of a frame goes into the hash of the run: enough that two that differ in effect differ here.
 */
import type { Message } from "../../raft/message.ts"
import type { PeerFrame } from "../peer/codec.ts"
import type { RollingHash } from "./rolling-hash.ts"

const frameCodes: Readonly<Record<PeerFrame["_tag"], number>> = {
  Hello: 1,
  Heartbeat: 2,
  Raft: 3,
  Request: 4,
  Response: 5,
  Report: 6,
  Compacted: 7,
}

export function hashFrame(hash: RollingHash, frame: PeerFrame): void {
  switch (frame._tag) {
    case "Raft":
      hash.number(frame.group)
      hash.number(frame.appliedMetadataIndex)
      return hashMessage(hash, frame.message)
    case "Request":
    case "Response":
      hash.number(frameCodes[frame._tag])
      hash.number(frame.correlationId)
      return hash.bytes(frame.frame)
    case "Report":
      hash.number(frameCodes.Report)
      for (const { group, leader, term } of frame.partitions) {
        hash.number(group)
        hash.number(leader)
        hash.number(term)
      }
      return
    case "Compacted":
      hash.number(frameCodes.Compacted)
      for (const { group, index } of frame.groups) {
        hash.number(group)
        hash.number(index)
      }
      return
    case "Heartbeat":
      hash.number(frameCodes.Heartbeat)
      return hash.number(frame.appliedMetadataIndex)
    case "Hello":
      hash.number(frameCodes.Hello)
      hash.text(frame.incarnation)
      return hash.number(frame.appliedMetadataIndex)
    default:
      // Every frame that is made anew and not told apart here counts by its kind.
      return hash.text((frame as PeerFrame)._tag)
  }
}

function hashMessage(hash: RollingHash, message: Message): void {
  hash.number(message._tag.length * 32 + message._tag.charCodeAt(0))
  hash.number(message.term)
  switch (message._tag) {
    case "AppendEntries": {
      hash.number(message.prevLogIndex)
      hash.number(message.leaderCommit)
      hash.number(message.round)
      hash.number((message.readmitted ? 1 : 0) + (message.stripped ? 2 : 0))
      for (const entry of message.entries) hash.number(entry.entryCrc)
      return
    }
    case "AppendEntriesResponse":
      hash.number(message.success ? 1 : 0)
      hash.number(message.counts ? 1 : 0)
      hash.number(message.matchIndex)
      return hash.number(message.round)
    case "InstallSnapshot":
      hash.number(message.cut.index)
      return hash.number(message.offset)
    case "InstallSnapshotResponse":
      return hash.number(message.nextOffset)
    case "PreVoteResponse":
    case "RequestVoteResponse":
      return hash.number((message.granted ? 1 : 0) + (message.counts ? 2 : 0))
    case "PreVote":
    case "RequestVote":
    case "Quiesce":
    case "QuiesceResponse":
      return hash.number(message.lastLogIndex)
    case "TimeoutNow":
    case "SteppedDown":
      return
  }
}
