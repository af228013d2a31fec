/**
 * Events that a campaign must have met, or it has not tried what it is there to try. Whoever sees
 * one counts it under its name in `rare` of the world; a name that is not listed here is counted
 * and shown, and never missed.
 */
import { faultClasses } from "./options.ts"

const events: Readonly<Record<string, string>> = {
  leaderChanged: "a group elected another leader",
  voteSplit: "an election ended without a winner",
  transferred: "a leader handed over to another",
  oldLeaderSpoke: "a deposed leader was still heard",
  logTruncated: "a follower dropped entries for a new leader's",
  longTruncation: "a follower dropped more than ten",
  crashWithUnsynced: "a crash while writes waited for their fsync",
  unsyncedLost: "a crash lost commits that were not synced",
  unsyncedSurvived: "a crash left commits that were not synced",
  "crashBehind.commit": "a crash between a write and its fsync",
  "crashBehind.sync": "a crash behind an fsync, before anything was said of it",
  "crashBehind.send": "a crash in the middle of sending",
  crashWithQuiesced: "a crash of a broker whose groups slept",
  backBeforeSuspected: "a broker came back before anybody missed it",
  shutDown: "a broker handed over and ended in order",
  allDown: "every broker was down at once",
  burstAfterPause: "a process went on and read all it had missed",
  linkPartitioned: "frames were swallowed by a partition",
  frameLost: "a frame was lost",
  frameDuplicated: "a frame arrived twice",
  frameReordered: "a frame overtook another",
  clockJumped: "a wall clock jumped",
  fsyncFailed: "an fsync failed and stopped its broker",
  diskFull: "a disk was full",
  durableLost: "a disk lost what it had called durable",
  oldCopyRestored: "an old copy of a disk was put back",
  oldCopyNoticed: "peers told a broker that its disk is an old copy, sentinel and all",
  diskReplaced: "a broker came back with an empty disk",
  damageRead: "a damaged entry was read",
  salvaged: "an open cut off damaged entries",
  amputated: "a running broker cut off damaged entries",
  recovering: "a member found that its log had forgotten",
  amnesiac: "a member found that it may have forgotten its vote",
  remembered: "a disk that had lost its sentinel knew all its groups again",
  readmitted: "a leader took a recovering member back",
  snapshotSent: "a leader sent a snapshot",
  snapshotInstalled: "a follower got a snapshot instead of entries",
  logCut: "a log was cut",
  compacted: "less of some entries was stored than was appended",
  compactionLost: "a crash came before that was on the disk",
  membershipChanged: "a partition's replicas were changed",
}

/** Name and meaning of each. */
export const rareEvents: ReadonlyMap<string, string> = new Map([
  ...Object.entries(events),
  ...faultClasses.map((name): readonly [string, string] => [`fault.${name}`, `fault ${name}`]),
])

/** What is on the list and was never met. */
export const missing = (met: ReadonlyMap<string, number>): ReadonlyArray<string> =>
  [...rareEvents.keys()].filter((name) => (met.get(name) ?? 0) === 0)
