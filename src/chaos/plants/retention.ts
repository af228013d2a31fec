/** Bugs of retention: what it may take, and who must know where a log begins. */
import type { Plant } from "./plant.ts"

const test = (file: string): Plant["caughtBy"] => ({ _tag: "test", file })

export const retentionPlants: ReadonlyArray<Plant> = [
  {
    id: "retention-takes-one-more",
    bug: "retention.bytes takes the batch with which less than it stays",
    anomaly: "log start: a batch that is to stay goes",
    file: "src/partition/retention.ts",
    edits: [
      { find: "else if (this.#excess >= payloadBytes)", replace: "else if (this.#excess > 0)" },
    ],
    caughtBy: { _tag: "simulator", seeds: 60, soon: true },
  },
  {
    id: "read-below-log-start",
    bug: "what lies below the log's start is served until it is cut off",
    anomaly: "a deleted record is read; the start of a log goes back at the next leader",
    file: "src/partition/partition.ts",
    edits: [
      {
        find: "return Math.max(this.#state.logStartOffset, this.#log.cut.lastOffset + 1)",
        replace: "return this.#log.cut.lastOffset + 1",
      },
    ],
    caughtBy: test("test/node/retention.test.ts"),
  },
  {
    id: "log-start-forgotten",
    bug: "a checkpoint or snapshot comes back without the log's start",
    anomaly: "stale-offsets: deleted records are back after a restart",
    file: "src/partition/committed-state.ts",
    edits: [
      {
        find: "this.logStartOffset = state.logStartOffset",
        replace: "this.logStartOffset = 0 * state.logStartOffset",
      },
    ],
    caughtBy: test("test/partition/control-entry.test.ts"),
  },
  {
    id: "deleted-before-committed",
    bug: "DeleteRecords takes an unknown outcome for done",
    anomaly: "stale-offsets: the next leader has what was said to be deleted",
    file: "src/node/requests/delete-records.ts",
    edits: [{ find: '_tag === "committed" ?', replace: '_tag !== "durable" ?' }],
    caughtBy: test("test/node/retention.test.ts"),
  },
]
