/** Bugs of consensus: what the Raft paper forbids, one at a time. */
import type { Plant } from "./plant.ts"

const core = (seeds: number): Plant["caughtBy"] => ({ _tag: "core", seeds })
const test = (file: string): Plant["caughtBy"] => ({ _tag: "test", file })
const transcripts = "test/raft/interaction.test.ts"

export const votingPlants: ReadonlyArray<Plant> = [
  {
    id: "vote-not-persisted",
    bug: "the vote is never written to disk",
    anomaly: "Election Safety: a voter votes twice in a term",
    file: "raft/ready-maker.ts",
    edits: [
      { find: "    return s.handed\n", replace: "    return { ...s.handed, votedFor: null }\n" },
    ],
    caughtBy: core(500),
  },
  {
    id: "vote-before-fsync",
    bug: "the answer to RequestVote leaves before the vote is durable",
    anomaly: "Election Safety: two leaders in a term",
    file: "raft/candidate.ts",
    edits: [
      {
        find: "if (granted) s.outbox.promise(answer)\n  else s.outbox.send(answer)",
        replace: "s.outbox.send(answer)",
      },
    ],
    caughtBy: core(500),
  },
  {
    id: "votes-twice",
    bug: "a voter grants every candidate of a term its vote",
    anomaly: "Election Safety: a voter votes twice in a term",
    file: "raft/candidate.ts",
    edits: [
      {
        find: "return s.votedFor === candidate || (s.votedFor === null && s.leaderId === null)",
        replace: "return s.votedFor === candidate || s.leaderId === null",
      },
    ],
    caughtBy: core(500),
  },
  {
    id: "counts-stale-votes",
    bug: "a candidate counts votes that were granted in an older term",
    anomaly: "Election Safety: two leaders in a term",
    file: "raft/step.ts",
    edits: [
      {
        find: "if (message.term < s.term) return answerBelow(s, message)",
        replace:
          'if (message.term < s.term && message._tag !== "RequestVoteResponse") return answerBelow(s, message)',
      },
    ],
    caughtBy: test("test/raft/paper.test.ts"),
  },
  {
    id: "no-log-check",
    bug: "a vote is granted to a candidate whose log is behind",
    anomaly: "Leader Completeness, lost-write",
    file: "raft/candidate.ts",
    edits: [
      {
        find: "mayVoteFor(s, message.from) &&\n    s.log.isUpToDate(message.lastLogIndex, message.lastLogTerm)\n  if",
        replace: "mayVoteFor(s, message.from)\n  if",
      },
    ],
    caughtBy: core(500),
  },
  {
    id: "no-check-quorum",
    bug: "a leader that reaches no majority goes on leading",
    anomaly: "clients wait at a leader that can commit nothing",
    file: "raft/leader.ts",
    edits: [{ find: "leader.roundOfQuorum < liveRound", replace: "leader.roundOfQuorum < 0" }],
    caughtBy: test("test/raft/paper-service.test.ts"),
  },
  {
    id: "joint-by-one-majority",
    bug: "a joint configuration commits with the majority of the new voters alone",
    anomaly: "State Machine Safety",
    file: "raft/quorum.ts",
    edits: [
      {
        find: "return Math.min(majorityReached(incoming, value), majorityReached(outgoing, value))",
        replace: "return majorityReached(incoming, value)",
      },
    ],
    caughtBy: test("test/raft/quorum.test.ts"),
  },
  {
    id: "membership-before-commit",
    bug: "membership changes before the leader has committed in its own term",
    anomaly: "two majorities that do not meet: two leaders",
    file: "raft/reconfigure.ts",
    edits: [
      {
        find: 'if (s.log.commitIndex < leader.noopIndex) return refused("notCommittedInTerm")',
        replace: "",
      },
    ],
    caughtBy: test(transcripts),
  },
]

export const replicationPlants: ReadonlyArray<Plant> = [
  {
    id: "ack-before-fsync",
    bug: "a follower acknowledges entries that are not durable",
    anomaly: "lost-write, Leader Completeness",
    file: "raft/follower.ts",
    edits: [{ find: "else s.outbox.acknowledge(answer)", replace: "else s.outbox.send(answer)" }],
    caughtBy: core(500),
  },
  {
    id: "leader-counts-itself-early",
    bug: "the leader counts its own copy before its fsync",
    anomaly: "lost-write, Leader Completeness",
    file: "raft/leader.ts",
    edits: [
      {
        find: "  own.matchIndex = s.log.durableIndex",
        replace: "  own.matchIndex = s.log.lastIndex",
      },
    ],
    caughtBy: core(500),
  },
  {
    id: "figure-8",
    bug: "entries of earlier terms are committed by counting copies",
    anomaly: "Leader Completeness, lost-write",
    file: "raft/leader.ts",
    edits: [{ find: " || index < leader.noopIndex", replace: "" }],
    caughtBy: test(transcripts),
  },
  {
    id: "no-consistency-check",
    bug: "AppendEntries is taken without comparing the term before it",
    anomaly: "Log Matching, inconsistent-offsets",
    file: "raft/follower.ts",
    edits: [
      {
        find: "s.log.term(message.prevLogIndex) === message.prevLogTerm",
        replace: "message.prevLogIndex <= s.log.lastIndex",
      },
    ],
    caughtBy: core(500),
  },
  {
    id: "no-conflict-truncation",
    bug: "entries that conflict with the leader's stay",
    anomaly: "State Machine Safety, inconsistent-offsets",
    file: "raft/follower.ts",
    edits: [
      {
        find: "log.term(index) !== entry.term) replaceFrom(s, entry)",
        replace: "log.term(index) !== entry.term) continue",
      },
    ],
    caughtBy: core(500),
  },
  {
    id: "truncates-always",
    bug: "every AppendEntries truncates what follows it, also a late one",
    anomaly: "committed entries truncated, lost-write",
    file: "raft/follower.ts",
    edits: [
      {
        find: "index > log.commitIndex && log.term(index) !== entry.term",
        replace: "index > log.commitIndex",
      },
    ],
    caughtBy: core(500),
  },
  {
    id: "commits-with-minority",
    bug: "one copy commits",
    anomaly: "lost-write",
    file: "raft/quorum.ts",
    edits: [{ find: "return scratch[count >> 1]!", replace: "return scratch[0]!" }],
    caughtBy: core(500),
  },
  {
    id: "stale-append-entries",
    bug: "AppendEntries of a deposed leader is taken",
    anomaly: "committed entries truncated",
    file: "raft/step.ts",
    edits: [
      {
        find: "if (message.term < s.term) return answerBelow(s, message)",
        replace:
          'if (message.term < s.term && message._tag !== "AppendEntries") return answerBelow(s, message)',
      },
    ],
    caughtBy: core(500),
  },
  {
    id: "no-noop",
    bug: "a new leader appends no entry of its own term",
    anomaly: "no progress: entries of earlier terms never commit",
    file: "raft/leader.ts",
    edits: [
      {
        find: "matchIndex = s.log.durableIndex\n  appendNoop(s, leader)",
        replace: "matchIndex = s.log.durableIndex",
      },
    ],
    caughtBy: core(500),
  },
  {
    id: "commit-beyond-verified",
    bug: "a follower commits min(leaderCommit, lastIndex)",
    anomaly: "State Machine Safety",
    file: "raft/follower.ts",
    edits: [
      {
        find: "Math.min(message.leaderCommit, matchIndex)",
        replace: "Math.min(message.leaderCommit, s.log.lastIndex)",
      },
    ],
    caughtBy: test("test/raft/paper-log.test.ts"),
  },
  {
    id: "acks-end-of-log",
    bug: "a follower acknowledges its last index instead of what the message showed",
    anomaly: "lost-write",
    file: "raft/follower.ts",
    edits: [
      {
        find: "const matchIndex = takeEntries(s, message)",
        replace: "takeEntries(s, message)\n  const matchIndex = s.log.lastIndex",
      },
    ],
    caughtBy: test("test/raft/paper-log.test.ts"),
  },
  {
    id: "late-token",
    bug: "what waited for the disk is released although the term has moved on",
    anomaly: "a stale acknowledgement counts (etcd's ABA race)",
    file: "raft/raft-node.ts",
    edits: [{ find: "if (token.term !== s.term) return false", replace: "" }],
    caughtBy: test(transcripts),
  },
]

export const recoveryPlants: ReadonlyArray<Plant> = [
  {
    id: "recovering-votes",
    bug: "the vote of a member that has lost a part of its log counts in full",
    anomaly: "Leader Completeness, lost-write",
    file: "raft/candidate.ts",
    edits: [{ find: 'counts ? "granted" : "uncounted"', replace: '"granted"' }],
    caughtBy: core(500),
  },
  {
    id: "recovering-counts",
    bug: "copies of a member that has lost a part of its log count for the commit",
    anomaly: "committed entries that no majority holds, lost-write",
    file: "raft/leader-state.ts",
    edits: [{ find: "progress.counts ? progress.matchIndex : 0", replace: "progress.matchIndex" }],
    caughtBy: test("test/raft/standing.test.ts"),
  },
  {
    id: "snapshot-below-commit",
    bug: "a late snapshot replaces a log that has gone on",
    anomaly: "committed entries truncated",
    file: "raft/snapshot-receiver.ts",
    edits: [
      {
        find: "if (cut.index <= s.log.commitIndex) return answerAppend(s, message, s.log.commitIndex)",
        replace: "",
      },
    ],
    caughtBy: core(500),
  },
  {
    id: "witness-ahead-of-data",
    bug: "a witness gets entries that no data voter has on its disk yet",
    anomaly: "no progress: the witness refuses everybody who could lead",
    file: "raft/witness.ts",
    edits: [
      { find: "return Math.min(s.log.durableIndex, reached)", replace: "return s.log.lastIndex" },
    ],
    caughtBy: test("test/raft/witness.test.ts"),
  },
]
