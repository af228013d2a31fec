/** A snapshot as the leader sees it (§7): what its host offers, what the member answers. */
import { invariant } from "./assert.ts"
import { snapshotBytesMax } from "./config.ts"
import { acknowledged } from "./leader.ts"
import type { InstallSnapshotResponse } from "./message.ts"
import { heardStanding } from "./readmission.ts"
import { Shipment } from "./shipment.ts"
import type { RaftState } from "./state.ts"
import type { MemberId, Snapshot } from "./types.ts"

/**
 * The host's answer to `Ready.snapshotsNeeded`. False: nobody waits for it any more, or a newer cut
 * has made it useless. Its cut must be committed and of this log.
 */
export function offerSnapshot(s: RaftState, member: MemberId, snapshot: Snapshot): boolean {
  const { leader, log } = s
  const progress = leader?.progress.get(member)
  if (leader === null || progress === undefined || progress.state !== "snapshot") return false
  const { cut, state } = snapshot
  if (cut.index < log.cut.index || progress.shipment !== null) return false
  if (state.length > snapshotBytesMax(s.config)) {
    throw new RangeError(`a snapshot of ${state.length} bytes is above snapshotBytesMax`)
  }
  invariant(cut.index <= log.commitIndex, "a snapshot is of what is committed")
  invariant(log.term(cut.index) === cut.term, "a snapshot is of this log")
  leader.round++
  progress.shipment = new Shipment(snapshot)
  leader.sendDue = true
  return true
}

export function handleInstallSnapshotResponse(
  s: RaftState,
  message: InstallSnapshotResponse,
): void {
  const { leader } = s
  const progress = leader?.progress.get(message.from)
  if (leader === null || progress === undefined || message.from === s.id) return
  if (message.round < progress.countedRound) return
  progress.quietTicks = 0
  if (!heardStanding(s, leader, progress, message, true)) return
  if (progress.counts) progress.answeredRound = Math.max(progress.answeredRound, message.round)
  const { shipment } = progress
  if (shipment?.snapshot.cut.index !== message.lastIncludedIndex) return
  const { length } = shipment.snapshot.state
  if (message.nextOffset >= length) {
    acknowledged(s, leader, progress, shipment.snapshot.cut.index)
  } else if (isNews(shipment, message)) {
    shipment.askedFor = message.nextOffset
    shipment.askedRound = Math.max(shipment.askedRound, message.round)
    shipment.sentTo = Math.max(shipment.sentTo, message.nextOffset)
    leader.sendDue = true
  }
}

/**
 * More than before, or all of it again: the member has begun anew. If a chunk that was late came to
 * it first it asks for neither, but in answer to a later round.
 */
const isNews = (
  { askedFor, askedRound }: Shipment,
  { nextOffset, round }: InstallSnapshotResponse,
): boolean => nextOffset > askedFor || nextOffset === 0 || round > askedRound
