/** What a frame says, in a few words: for traces and pictures. */
import type { Message } from "../../raft/message.ts"
import type { PeerFrame } from "../peer/codec.ts"

export function frameText(frame: PeerFrame): string {
  switch (frame._tag) {
    case "Raft":
      return messageText(frame.message)
    case "Request":
    case "Response":
      return `${frame._tag} ${frame.correlationId}, ${frame.frame.length} B`
    case "Report":
      return `Report of ${frame.partitions.length} partitions`
    case "Compacted":
      return `Compacted of ${frame.groups.length} groups`
    case "Heartbeat":
      return `Heartbeat, metadata ${frame.appliedMetadataIndex}`
    case "Hello":
      return `Hello ${frame.incarnation.slice(0, 6)}`
    default:
      return frame satisfies never
  }
}

function answerText({ granted, counts }: { granted: boolean; counts: boolean }): string {
  if (!granted) return "refused"
  return counts ? "granted" : "granted uncounted"
}

export function messageText(message: Message): string {
  const { _tag, term } = message
  switch (_tag) {
    case "PreVote":
    case "RequestVote":
      return `${_tag} t${term} log ${message.lastLogTerm}.${message.lastLogIndex}`
    case "PreVoteResponse":
    case "RequestVoteResponse":
      return `${_tag.replace("Response", "")} t${term} ${answerText(message)}`
    case "AppendEntries": {
      const last = message.prevLogIndex + message.entries.length
      const entries = message.entries.length === 0 ? "" : ` +${message.prevLogIndex + 1}..${last}`
      const again = message.readmitted ? " readmitted" : ""
      const prev = `${message.prevLogTerm}.${message.prevLogIndex}`
      return `Append t${term} prev ${prev}${entries} commit ${message.leaderCommit}${again}`
    }
    case "AppendEntriesResponse": {
      const counts = message.counts ? "" : " uncounted"
      return message.success
        ? `ok t${term} match ${message.matchIndex}${counts}`
        : `no t${term} prev ${message.matchIndex} hint ${message.hintTerm}.${message.hintIndex}`
    }
    case "InstallSnapshot":
      return `Snapshot t${term} at ${message.cut.term}.${message.cut.index} from ${message.offset}`
    case "InstallSnapshotResponse":
      return `snapshot t${term} at ${message.lastIncludedIndex} next ${message.nextOffset}`
    default:
      return `${_tag} t${term}`
  }
}
