/** Bugs of what is built on consensus: partitions, offsets, producers, the cluster. */
import type { Plant } from "./plant.ts"

const simulator = (seeds: number): Plant["caughtBy"] => ({ _tag: "simulator", seeds })
const soon = (seeds: number): Plant["caughtBy"] => ({ _tag: "simulator", seeds, soon: true })

export const brokerPlants: ReadonlyArray<Plant> = [
  {
    id: "acks-before-quorum",
    bug: "acks=all is answered when the leader alone has the records",
    anomaly: "lost-write",
    file: "src/partition/leadership.ts",
    edits: [{ find: 'acks === 1 ? "durable" : "committed"', replace: '"durable"' }],
    caughtBy: simulator(200),
  },
  {
    id: "no-dedupe",
    bug: "sequence numbers of idempotent producers are ignored",
    anomaly: "duplicate",
    file: "src/partition/leadership.ts",
    edits: [{ find: "if (producerId < 0) return", replace: "if (producerId >= -1) return" }],
    caughtBy: soon(100),
  },
  {
    id: "duplicate-gets-new-offset",
    bug: "a repeated batch is answered with the end of the log",
    anomaly: "inconsistent-offsets: an acknowledged value is not at its offset",
    file: "src/partition/leadership.ts",
    edits: [
      {
        find: "this.#settle(answer, batch.firstOffset, batch.timestamp, reply)",
        replace: "this.#settle(answer, group.node.lastOffset + 1, batch.timestamp, reply)",
      },
    ],
    caughtBy: soon(200),
  },
  {
    id: "fetch-above-watermark",
    bug: "Fetch hands out what is not committed",
    anomaly: "read-then-lost, inconsistent-offsets",
    file: "src/partition/partition.ts",
    edits: [
      {
        find: "if (offset >= this.highWatermark) return this.#readResult(this.#beyondWatermark(offset))",
        replace:
          "if (offset > this.#log.lastOffset) return this.#readResult(this.#beyondWatermark(offset))",
      },
      {
        find: "const hi = this.raftGroup.appliedIndex + 1\n      const read",
        replace: "const hi = this.#log.lastIndex + 1\n      const read",
      },
    ],
    caughtBy: soon(200),
  },
  {
    id: "definite-error-after-propose",
    bug: "an append whose outcome is unknown is answered with NOT_LEADER_OR_FOLLOWER",
    anomaly: "aborted-read (G1a): a write that failed for certain is read",
    file: "src/partition/leadership.ts",
    edits: [
      {
        find: "const unknown = failedReply(ErrorCode.REQUEST_TIMED_OUT, logStartOffset)",
        replace: "const unknown = failedReply(ErrorCode.NOT_LEADER_OR_FOLLOWER, logStartOffset)",
      },
    ],
    caughtBy: simulator(200),
  },
  {
    id: "stale-list-offsets",
    bug: "ListOffsets is answered without making sure that this broker still leads",
    anomaly: "stale end offset after an acknowledged write",
    file: "src/node/requests/list-offsets.ts",
    edits: [
      {
        find: "partition.raftGroup.readIndex((outcome) => {",
        replace:
          'const now = (then: (outcome: string) => void) => then("ready")\n    now((outcome) => {',
      },
    ],
    caughtBy: simulator(500),
  },
  {
    id: "wiped-disk-votes",
    bug: "a member is its node id alone: a wiped disk votes again",
    anomaly: "lost-write",
    file: "src/cluster/members.ts",
    edits: [
      {
        find: "`${nodeId}/${diskUuid}`",
        replace: '`${nodeId}/${diskUuid === "" ? "" : "disk"}`',
      },
    ],
    caughtBy: simulator(500),
  },
  {
    id: "checkpoint-without-producers",
    bug: "a checkpoint or snapshot comes back without the producers",
    anomaly: "duplicate: a repeated batch is appended again",
    file: "src/partition/committed-state.ts",
    edits: [
      { find: "this.producers.restore(state.producers)", replace: "this.producers.restore([])" },
    ],
    caughtBy: soon(500),
  },
  {
    id: "old-copy-votes",
    bug: "nobody compares an old copy of a disk with what its peers remember of its votes",
    anomaly: "Election Safety: a voter votes twice in a term",
    file: "src/partition/witnessed.ts",
    edits: [
      {
        find: "term < promisedTerm || (term === promisedTerm && voted && votedFor === null)",
        replace: "term < 0 && promisedTerm < 0 && voted && votedFor === null",
      },
    ],
    caughtBy: { _tag: "test", file: "test/node/recovery.test.ts" },
  },
]
