/**
 * A snapshot on its way to one member (§7): chunks go out by a small window, and go back to what
 * was last asked for when heartbeats find that nothing has moved.
 */
import { snapshotChunkBytes } from "./config.ts"
import { crc32c } from "./crc32c.ts"
import type { LeaderState } from "./leader-state.ts"
import type { Progress } from "./progress.ts"
import type { RaftState } from "./state.ts"
import type { Snapshot } from "./types.ts"

/** Chunks on the way beyond the one that is asked for. */
const WINDOW_CHUNKS = 4

export class Shipment {
  readonly snapshot: Snapshot
  readonly stateCrc: number
  /** The member has everything below. */
  askedFor = 0
  /** Round of the answer that said so: a later one is believed even if it asks for less. */
  askedRound = 0
  /** Everything below was sent; −1: not even an empty state's only chunk. */
  sentTo = -1
  /** `askedFor` at the last heartbeat: equal again = something may be lost. */
  stalledAt = -1

  constructor(snapshot: Snapshot) {
    this.snapshot = snapshot
    this.stateCrc = crc32c(snapshot.state)
  }
}

/** What fits the window, at each Ready; an empty state is one empty chunk. */
export function shipChunks(s: RaftState, leader: LeaderState, progress: Progress): void {
  const { shipment } = progress
  if (shipment === null) return
  const chunkBytes = snapshotChunkBytes(s.config)
  const { length } = shipment.snapshot.state
  const limit = Math.min(shipment.askedFor + WINDOW_CHUNKS * chunkBytes, length)
  while (shipment.sentTo < limit) {
    const offset = Math.max(shipment.sentTo, 0)
    shipment.sentTo = Math.min(offset + chunkBytes, length)
    sendChunk(s, leader, progress, shipment, offset)
  }
}

function sendChunk(
  s: RaftState,
  leader: LeaderState,
  progress: Progress,
  { snapshot, stateCrc, sentTo }: Shipment,
  offset: number,
): void {
  s.outbox.send({
    _tag: "InstallSnapshot",
    from: s.id,
    to: progress.member,
    term: s.term,
    cut: snapshot.cut,
    totalBytes: snapshot.state.length,
    stateCrc,
    offset,
    chunk: snapshot.state.subarray(offset, sentTo),
    round: leader.round,
    stripped: progress.witness,
  })
  progress.silentTicks = 0
}

/** With each heartbeat: ask the host again, or send again what has not moved since the last one. */
export function pushSnapshot(s: RaftState, leader: LeaderState, progress: Progress): void {
  const { shipment } = progress
  if (shipment === null) {
    s.outbox.snapshotsNeeded.push(progress.member)
    return
  }
  if (shipment.stalledAt === shipment.askedFor) {
    shipment.sentTo = shipment.askedFor === 0 ? -1 : shipment.askedFor
    shipment.stalledAt = -1
    leader.sendDue = true
  } else shipment.stalledAt = shipment.askedFor
}
