/** Bugs of the log on disk: found with the real SQLite. */
import type { Plant } from "./plant.ts"

const test = (file: string): Plant["caughtBy"] => ({ _tag: "test", file })

export const storagePlants: ReadonlyArray<Plant> = [
  {
    id: "no-checksum-on-read",
    bug: "entries are read from the file without comparing their CRC",
    anomaly: "inconsistent-offsets: another value at the same offset",
    file: "storage/sqlite-group-log.ts",
    edits: [
      {
        find: " || !isIntact(envelope, payload)",
        replace: " || (isIntact(envelope, payload) && payloadBytes < 0)",
      },
    ],
    caughtBy: test("test/storage/corruption.test.ts"),
  },
  {
    id: "synchronous-normal",
    bug: "commits are not fsynced, and the check of the settings is gone",
    anomaly: "lost-write after a power cut",
    file: "storage/schema.ts",
    edits: [
      {
        find: 'db.run("PRAGMA journal_mode = WAL")\n  db.run("PRAGMA synchronous = FULL")',
        replace: 'db.run("PRAGMA journal_mode = WAL")\n  db.run("PRAGMA synchronous = NORMAL")',
      },
      { find: "pragmas.synchronous < 2", replace: "pragmas.synchronous < 1" },
    ],
    caughtBy: test("test/storage/power-loss.test.ts"),
  },
  {
    id: "ignores-fsync-error",
    bug: "a commit whose fsync failed is reported as durable, and the log goes on",
    anomaly: "lost-write, or a write that comes back from the dead",
    file: "storage/wal-worker.ts",
    edits: [
      {
        find: "      commit(message.transaction)\n",
        replace: "      try {\n        commit(message.transaction)\n      } catch {}\n",
      },
    ],
    caughtBy: test("test/storage/fsync-error.test.ts"),
  },
  {
    id: "skips-autopsy",
    bug: "the journal is not read before SQLite opens it",
    anomaly: "lost-write: a flipped bit in the journal takes acknowledged entries, unsaid",
    file: "storage/admission.ts",
    edits: [{ find: 'if (found.verdict !== "corruptMiddle") continue', replace: "continue" }],
    caughtBy: test("test/storage/journal-loss.test.ts"),
  },
  {
    id: "sentinel-forgets-votes",
    bug: "a vote is reported durable before the sentinel has it",
    anomaly: "two leaders in a term after the end of the journal is lost",
    file: "storage/sentinel.ts",
    edits: [
      {
        find: "if (urgent || this.dueMs(nowMs) === 0) this.flush(nowMs)",
        replace: "if (this.dueMs(nowMs) === 0) this.flush(nowMs)",
      },
    ],
    caughtBy: test("test/storage/sentinel.test.ts"),
  },
  {
    id: "heights-by-index-alone",
    bug: "a log's height is its last index, whatever the term",
    anomaly: "correct followers that were truncated are taken for forgetful ones",
    file: "storage/verdict.ts",
    edits: [
      {
        find: "a.acceptedTerm < b.acceptedTerm ||\n  (a.acceptedTerm === b.acceptedTerm && a.lastIndex < b.lastIndex)",
        replace: "a.lastIndex < b.lastIndex",
      },
    ],
    caughtBy: test("test/storage/verdict.test.ts"),
  },
  {
    id: "never-recovering",
    bug: "a log that has lost acknowledged entries is believed",
    anomaly: "Leader Completeness, lost-write",
    file: "storage/verdict.ts",
    edits: [
      {
        find: 'reasons.length > 0 ? worse(before, "recovering") : before',
        replace: "before",
      },
    ],
    caughtBy: { _tag: "simulator", seeds: 200 },
  },
]
