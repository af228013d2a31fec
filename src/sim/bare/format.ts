/** Messages and Readys as short lines of text. `3/7` is term 3, index 7. */
import type { Configuration, Entry, Message, Ready } from "../../../raft/index.ts"
import { decodeConfiguration } from "../../../raft/index.ts"

const text = new TextDecoder()

export const formatEntry = (entry: Entry): string => {
  const id = `${entry.term}/${entry.index}`
  if (entry.type === "noop") return `${id} noop`
  if (entry.type === "configuration") {
    return `${id} ${formatConfiguration(decodeConfiguration(entry.payload))}`
  }
  return entry.payload.length === 0 ? id : `${id} ${text.decode(entry.payload)}`
}

export const formatEntries = (entries: ReadonlyArray<Entry>): string =>
  `[${entries.map(formatEntry).join(", ")}]`

export function formatConfiguration(c: Configuration): string {
  const voters = c.voters.join(" ")
  const parts = [
    c.votersOutgoing.length > 0 ? `${voters} && ${c.votersOutgoing.join(" ")}` : voters,
  ]
  if (c.learners.length > 0) parts.push(`learners ${c.learners.join(" ")}`)
  if (c.learnersNext.length > 0) parts.push(`learnersNext ${c.learnersNext.join(" ")}`)
  if (c.witnesses.length > 0) parts.push(`witnesses ${c.witnesses.join(" ")}`)
  return `(${parts.join("; ")})`
}

export function formatMessage(m: Message): string {
  const head = `${m.from}->${m.to} ${m._tag} term=${m.term}`
  switch (m._tag) {
    case "PreVote":
      return `${head} last=${m.lastLogTerm}/${m.lastLogIndex}`
    case "RequestVote":
      return `${head} last=${m.lastLogTerm}/${m.lastLogIndex}${m.leaderLeaseWaived ? " waived" : ""}`
    case "PreVoteResponse":
    case "RequestVoteResponse":
      return `${head} ${m.granted ? "granted" : "refused"}${m.granted && !m.counts ? " uncounted" : ""}`
    case "AppendEntries": {
      const entries = m.entries.length > 0 ? ` ${formatEntries(m.entries)}` : ""
      const prev = `prev=${m.prevLogTerm}/${m.prevLogIndex}`
      const readmitted = m.readmitted ? " readmitted" : ""
      return `${head} ${prev} commit=${m.leaderCommit} round=${m.round}${readmitted}${entries}`
    }
    case "AppendEntriesResponse":
      return m.success
        ? `${head} match=${m.matchIndex} round=${m.round}${uncounted(m)}`
        : `${head} refused=${m.matchIndex} hint=${m.hintTerm}/${m.hintIndex} round=${m.round}${uncounted(m)}`
    case "Quiesce":
      return `${head} last=${m.lastLogIndex} commit=${m.commitIndex}`
    case "QuiesceResponse":
      return `${head} last=${m.lastLogIndex} ${m.agreed ? "agreed" : "refused"}`
    case "InstallSnapshot": {
      const chunk = `${m.offset}+${m.chunk.length} of ${m.totalBytes}`
      return `${head} cut=${m.cut.term}/${m.cut.index} ${chunk} round=${m.round}`
    }
    case "InstallSnapshotResponse": {
      const what = `cut=${m.lastIncludedIndex} next=${m.nextOffset} round=${m.round}`
      return `${head} ${what}${uncounted(m)}`
    }
    default:
      return head
  }
}

const uncounted = (m: { readonly counts: boolean }): string => (m.counts ? "" : " uncounted")

export function formatReady(ready: Ready): Array<string> {
  const lines: Array<string> = []
  const { softState, hardState, committed } = ready
  if (softState !== null) lines.push(`${softState.role}, leader ${softState.leaderId ?? "none"}`)
  for (const message of ready.messages) lines.push(formatMessage(message))
  if (hardState !== null) {
    const { term, votedFor, acceptedTerm, standing } = hardState
    const what = `term=${term} votedFor=${votedFor ?? "none"} acceptedTerm=${acceptedTerm}`
    lines.push(standing === "trusted" ? `persist ${what}` : `persist ${what} ${standing}`)
  }
  if (ready.snapshot !== null) {
    const { cut, state } = ready.snapshot
    lines.push(`persist snapshot ${cut.term}/${cut.index} of ${state.length} bytes`)
  }
  if (ready.entries.length > 0) lines.push(`persist ${formatEntries(ready.entries)}`)
  for (const message of ready.afterPersist) lines.push(`then ${formatMessage(message)}`)
  if (committed.hi > committed.lo) lines.push(`committed ${committed.lo}..${committed.hi - 1}`)
  for (const { context, index } of ready.readStates) lines.push(`read ${context} at ${index}`)
  for (const context of ready.readsLost) lines.push(`read ${context} lost`)
  for (const member of ready.snapshotsNeeded) lines.push(`${member} needs a snapshot`)
  return lines
}
