/** Bugs of consumer groups: what is committed, and who may say so. */
import type { Plant } from "./plant.ts"

const test: Plant["caughtBy"] = { _tag: "test", file: "test/node/coordination/hosting.test.ts" }
const simulator = (seeds: number): Plant["caughtBy"] => ({ _tag: "simulator", seeds })

export const groupPlants: ReadonlyArray<Plant> = [
  {
    id: "commit-before-replication",
    bug: "an offset commit is acknowledged when the coordinator alone has it",
    anomaly: "stale-commit, lost-commits: a group goes back behind what it has committed",
    file: "src/node/coordination/hosted-coordinator.ts",
    edits: [{ find: "{ acks: -1, wallMs }", replace: "{ acks: 1, wallMs }" }],
    caughtBy: simulator(500),
  },
  {
    id: "answers-while-loading",
    bug: "a coordinator that has not loaded its groups yet answers that they have committed nothing",
    anomaly: "lost-commits: -1 after a commit",
    file: "src/node/coordination/coordination.ts",
    edits: [
      {
        find: "if (!hosted.isElected) return loading",
        replace:
          "if (!hosted.isElected) { const empty = hosted.fresh(); empty.elected(1); " +
          'return { _tag: "leading", coordinator: empty.coordinator, partition } }',
      },
    ],
    caughtBy: simulator(500),
  },
  {
    id: "stale-offset-fetch",
    bug: "a coordinator answers OffsetFetch without making sure that it still leads",
    anomaly: "stale-commit: an old coordinator's offset",
    file: "src/node/requests/coordinated.ts",
    edits: [
      { find: "check.done || expired", replace: "check.done || !expired || expired" },
      { find: "check.confirmed(partition)", replace: "partition.isLeader || check.done" },
    ],
    caughtBy: test,
  },
  {
    id: "coordinator-starts-empty",
    bug: "a coordinator forgets what its checkpoint or snapshot says",
    anomaly: "lost-commits, generation-regress; replicas at one index differ",
    file: "src/node/coordination/hosted-coordinator.ts",
    edits: [{ find: "this.coordinator.restore(state)", replace: "void state" }],
    caughtBy: test,
  },
  {
    id: "timeouts-follow-wall-clock",
    bug: "a wall clock that runs fast or is set takes the broker's timeouts with it",
    anomaly: "owners-overlap: a session that is shorter than was promised",
    file: "src/broker/clock.ts",
    edits: [
      {
        find: "return Math.floor(this.#originMs + this.#monotonicMs)",
        replace: "return Math.floor(this.#slewedMs)",
      },
    ],
    caughtBy: { _tag: "test", file: "test/node/clocks.test.ts" },
  },
]
