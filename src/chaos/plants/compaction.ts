/** Bugs of compaction: what it must not take, and what others must know before it does. */
import type { Plant } from "./plant.ts"

const test = (file: string): Plant["caughtBy"] => ({ _tag: "test", file })

export const compactionPlants: ReadonlyArray<Plant> = [
  {
    id: "compaction-drops-last-value",
    bug: "compaction drops the last value of a key",
    anomaly: "lost-write: a key of a compacted topic has no value any more",
    file: "src/partition/compaction-round.ts",
    edits: [
      {
        find: "record.keyTo) <= record.offset",
        replace: "record.keyTo) < record.offset",
      },
    ],
    caughtBy: test("test/partition/compaction.test.ts"),
  },
  {
    id: "tombstones-go-alone",
    bug: "the leader lets tombstones go without asking how far the other replicas are",
    anomaly: "a deleted key comes back on a replica that had been away",
    file: "src/node/compaction-decisions.ts",
    edits: [
      {
        find: "least = Math.min(least, told, isWhole ? progress.matchIndex : 0)",
        replace: "least = Math.min(least, told + expired, isWhole ? expired : expired)",
      },
    ],
    caughtBy: test("test/node/compaction.test.ts"),
  },
  {
    id: "kept-payload-unchecked",
    bug: "what compaction has left of an entry is read without comparing its CRC",
    anomaly: "inconsistent-offsets: another value at the same offset",
    file: "raft/entry.ts",
    edits: [
      {
        find: ": keptCrc(envelope, payload) === envelope.keptCrc",
        replace: ": keptCrc(envelope, payload) >= 0",
      },
    ],
    caughtBy: test("test/storage/compaction-failure.test.ts"),
  },
  {
    id: "old-copy-keeps-what-was-deleted",
    bug: "a replica that has missed rounds of compaction goes on from what it has",
    anomaly: "a deleted key comes back on a disk of which an old copy was put in place",
    file: "src/partition/compacted-log.ts",
    edits: [
      {
        find: "heldIndex > log.cut.index && tombstonesUpToIndex >",
        replace: "heldIndex < log.cut.index && tombstonesUpToIndex >",
      },
    ],
    caughtBy: test("test/node/compaction.test.ts"),
  },
]
