/**
 * A follower collects a snapshot (§7) in memory, one at a time, verifies it whole, and hands it to
 * the host, which switches to it in one commit: a crash leaves the old log or the new one.
 */
import { snapshotBytesMax } from "./config.ts"
import { crc32c } from "./crc32c.ts"
import { answerAppend, hearLeader } from "./follower.ts"
import type { InstallSnapshot } from "./message.ts"
import type { RaftState } from "./state.ts"
import type { LogCut } from "./types.ts"

/** Of this term's leader, bounded by `totalBytes`, which was checked. */
export interface Incoming {
  readonly cut: LogCut
  readonly totalBytes: number
  readonly stateCrc: number
  readonly chunks: Array<Uint8Array>
  receivedBytes: number
  /** Greatest of its chunks. */
  round: number
}

export function handleInstallSnapshot(s: RaftState, message: InstallSnapshot): void {
  hearLeader(s, message.from)
  const { cut } = message
  // It is there already, and a snapshot never takes anything back.
  if (cut.index <= s.log.commitIndex) return answerAppend(s, message, s.log.commitIndex)
  const incoming = place(s, message)
  if (incoming === null) return
  if (message.offset === incoming.receivedBytes) {
    incoming.chunks.push(message.chunk)
    incoming.receivedBytes += message.chunk.length
  }
  if (incoming.receivedBytes < incoming.totalBytes) return askFor(s, message, incoming)
  s.incoming = null
  const state = concatenated(incoming)
  if (incoming.receivedBytes !== incoming.totalBytes || crc32c(state) !== incoming.stateCrc) {
    return askFor(s, message, null)
  }
  install(s, message, state)
}

/**
 * Where this chunk belongs; null when it is too large to be taken, or of a snapshot that the leader
 * has given up (its host may offer an older one next: what is newer is told by the round).
 */
function place(s: RaftState, message: InstallSnapshot): Incoming | null {
  const held = s.incoming
  const { cut, totalBytes, stateCrc, round } = message
  if (totalBytes > snapshotBytesMax(s.config)) return null
  if (held !== null && isSame(held, message)) {
    held.round = Math.max(held.round, round)
    return held
  }
  if (held !== null && round <= held.round) return null
  s.incoming = { cut, totalBytes, stateCrc, chunks: [], receivedBytes: 0, round }
  return s.incoming
}

const isSame = (held: Incoming, { cut, totalBytes, stateCrc }: InstallSnapshot): boolean =>
  held.totalBytes === totalBytes &&
  held.stateCrc === stateCrc &&
  held.cut.index === cut.index &&
  held.cut.term === cut.term

/** Promises nothing: what is asked for is only in memory. */
function askFor(s: RaftState, message: InstallSnapshot, incoming: Incoming | null): void {
  s.outbox.send({
    _tag: "InstallSnapshotResponse",
    from: s.id,
    to: message.from,
    term: s.term,
    lastIncludedIndex: message.cut.index,
    nextOffset: incoming?.receivedBytes ?? 0,
    round: message.round,
    counts: s.counts,
  })
}

function concatenated({ chunks, receivedBytes }: Incoming): Uint8Array {
  const [first] = chunks
  if (chunks.length === 1 && first !== undefined) return first
  const whole = new Uint8Array(receivedBytes)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}

/** Everything up to the cut is committed; what the log holds behind it stays if it agrees there. */
function install(s: RaftState, message: InstallSnapshot, state: Uint8Array): void {
  const { cut } = message
  s.log.install({ cut, state })
  s.outbox.dropAcknowledgementAbove(s.log.durableIndex)
  s.membership.restart(s.log)
  s.acceptedTerm = s.term
  s.outbox.promise({
    _tag: "InstallSnapshotResponse",
    from: s.id,
    to: message.from,
    term: s.term,
    lastIncludedIndex: cut.index,
    nextOffset: message.totalBytes,
    round: message.round,
    counts: s.standing === "trusted",
  })
}
