import { describe, expect, test } from "bun:test"
import type { Message, RaftConfig } from "../../raft/index.ts"
import { MemoryWal } from "../../storage/memory-wal.ts"
import { Backlog } from "../../src/partition/backlog.ts"
import { RaftGroup } from "../../src/partition/raft-group.ts"
import { TurnRunner } from "../../src/partition/turn.ts"
import type { TurnLimits } from "../../src/partition/turn.ts"

const text = new TextDecoder()
const bytes = (value: string): Uint8Array => new TextEncoder().encode(value)

function raftConfig(voters: ReadonlyArray<string>): RaftConfig {
  return {
    id: "a",
    bootstrap: { voters, votersOutgoing: [], learners: [], learnersNext: [], witnesses: [] },
    electionTicks: 10,
    heartbeatTicks: 3,
    quiesceTicks: 0,
    commitNoticeTicks: 0,
    appendBytesMax: 1 << 20,
    inflightMessagesMax: 64,
    inflightBytesMax: 8 << 20,
    seed: 1,
  }
}

/** One group of one node, with a state machine that writes down what it is given. */
function open(
  voters: ReadonlyArray<string> = ["a"],
  limits: Partial<TurnLimits> = {},
  disk?: MemoryWal,
) {
  const events = { onDurable: (through: number): void => turn.durable(through) }
  const wal = disk === undefined ? new MemoryWal(events) : disk.crash(0, events)
  const turn = new TurnRunner(wal, limits)
  const applied: Array<string> = []
  const roles: Array<string> = []
  const sent: Array<Message> = []
  const backlog = new Backlog(100)
  const group = new RaftGroup({
    group: 0,
    raft: raftConfig(voters),
    wal,
    outbox: { send: (_, message) => sent.push(message), log: () => {} },
    machine: {
      apply: (meta, payload) => applied.push(`${meta.type} ${text.decode(payload())}`.trim()),
      roleChanged: (soft, term) => roles.push(`${soft.role} ${term}`),
    },
    onDirty: (dirty) => turn.markDirty(dirty),
    backlog,
  })
  const settle = (): void => {
    do {
      turn.run()
      wal.flush()
    } while (turn.dirty)
  }
  const outcomes: Array<string> = []
  const propose = (value: string): void => {
    group.proposePayload(bytes(value), 0, ({ _tag }) => outcomes.push(`${value} ${_tag}`))
  }
  const lead = (): void => {
    group.campaign("assigned")
    settle()
  }
  return { wal, turn, group, applied, roles, sent, backlog, settle, outcomes, propose, lead }
}

describe("a group with a state machine of its own", () => {
  test("applies payloads in order, settles their proposals, and again from the start when reopened", () => {
    const one = open()
    one.lead()
    for (const value of ["x", "y", "z"]) one.propose(value)
    one.settle()
    expect(one.applied).toEqual(["noop", "data x", "data y", "data z"])
    expect(one.outcomes).toEqual(["x committed", "y committed", "z committed"])
    expect(one.roles).toEqual(["candidate 1", "leader 1"])
    const two = open(["a"], {}, one.wal)
    two.lead()
    expect(two.applied).toEqual(["noop", "data x", "data y", "data z", "noop"])
  })

  test("a proposal made by an answer goes to the log in the same run", () => {
    const { group, lead, turn, wal, propose } = open()
    lead()
    group.proposePayload(bytes("first"), 0, () => propose("second"))
    turn.run()
    wal.flush()
    turn.run()
    expect(wal.pendingCommits).toBe(1)
    expect(turn.dirty).toBe(false)
  })

  test("a long log is applied piece by piece, and `run` says that more is to come", () => {
    const one = open()
    one.lead()
    for (let i = 0; i < 10; i++) one.propose(`${i}`)
    one.settle()
    const two = open(["a"], { applyMax: 4 }, one.wal)
    two.group.campaign("assigned")
    const sizes: Array<number> = []
    while (two.applied.length < 12) {
      two.turn.run()
      two.wal.flush()
      if (two.applied.length > (sizes.at(-1) ?? 0)) sizes.push(two.applied.length)
    }
    expect(sizes).toEqual([4, 8, 12])
  })

  test("a commit is closed when it is large enough", () => {
    const { lead, propose, turn, wal, settle } = open(["a"], { commitBytesMax: 10 })
    lead()
    propose("0123456789")
    turn.run()
    propose("0123456789")
    turn.run()
    expect(wal.pendingCommits).toBe(2)
    settle()
  })

  test("the shared backlog counts what is proposed and not settled", () => {
    const { lead, propose, group, backlog, settle } = open()
    lead()
    propose("0123456789")
    expect([backlog.bytes, group.backlogBytes]).toEqual([10, 10])
    expect(group.backlogFull(1000)).toBe(false)
    propose("x".repeat(100))
    expect(group.backlogFull(1000)).toBe(true)
    settle()
    expect([backlog.bytes, group.backlogBytes]).toEqual([0, 0])
  })

  test("closed: waiters are told once, nothing more is written, late fsyncs are ignored", () => {
    const { lead, propose, group, turn, wal, outcomes, backlog } = open()
    lead()
    propose("x")
    turn.run()
    group.close()
    group.close()
    wal.flush()
    turn.run()
    expect(outcomes).toEqual(["x unknown"])
    expect(backlog.bytes).toBe(0)
    expect(wal.pendingCommits).toBe(0)
  })
})

describe("ReadIndex", () => {
  test("is ready once everything committed before it is applied", () => {
    const { group, lead, propose, settle, applied } = open()
    lead()
    propose("x")
    const seen: Array<unknown> = []
    group.readIndex((outcome) => seen.push([outcome, applied.length]))
    settle()
    group.readIndex((outcome) => seen.push([outcome, applied.length]))
    settle()
    expect(seen).toEqual([
      ["ready", 1],
      ["ready", 2],
    ])
  })

  test("is lost where nobody leads, when leadership goes, and when the group is closed", () => {
    const seen: Array<string> = []
    const follower = open()
    follower.group.readIndex((outcome) => seen.push(`follower ${outcome}`))
    follower.settle()
    const deposed = led()
    deposed.group.readIndex((outcome) => seen.push(`deposed ${outcome}`))
    deposed.settle()
    expect(seen).toEqual(["follower lost"])
    deposed.group.stepDown()
    deposed.settle()
    const closed = led()
    closed.group.readIndex((outcome) => seen.push(`closed ${outcome}`))
    closed.group.close()
    expect(seen).toEqual(["follower lost", "deposed lost", "closed lost"])
  })
})

/** Leader of three: elected by a vote that is put into its hand. */
function led() {
  const one = open(["a", "b", "c"])
  one.lead()
  const request = one.sent.find(({ _tag }) => _tag === "RequestVote")!
  one.group.step({
    _tag: "RequestVoteResponse",
    from: "b",
    to: "a",
    term: request.term,
    granted: true,
    counts: true,
  })
  one.settle()
  expect(one.group.node.role).toBe("leader")
  return one
}

const tags = (sent: ReadonlyArray<Message>): Array<string> => sent.map(({ _tag }) => _tag)
const append = (term: number): Message => ({
  _tag: "AppendEntries",
  from: "b",
  to: "a",
  term,
  prevLogIndex: 0,
  prevLogTerm: 0,
  entries: [],
  leaderCommit: 0,
  round: 1,
  durableIndex: 0,
  readmitted: false,
  stripped: false,
})
const requestVote = (term: number, from = "c"): Message => ({
  _tag: "RequestVote",
  from,
  to: "a",
  term,
  lastLogIndex: 0,
  lastLogTerm: 0,
  leaderLeaseWaived: true,
})

describe("promises wait for the disk", () => {
  test("a vote leaves when it is fsynced, not before", () => {
    const { group, turn, wal, sent } = open(["a", "b", "c"])
    group.step(requestVote(1))
    turn.run()
    expect(sent).toEqual([])
    expect(wal.log(0).hardState.votedFor).toBe("c")
    wal.flush()
    turn.run()
    expect(sent).toMatchObject([{ _tag: "RequestVoteResponse", to: "c", granted: true }])
  })

  test("a request for votes leaves when the candidate's own vote is fsynced", () => {
    const { group, turn, wal, sent } = open(["a", "b", "c"])
    group.campaign("assigned")
    turn.run()
    expect(sent).toEqual([])
    wal.flush()
    turn.run()
    expect(tags(sent)).toEqual(["RequestVote", "RequestVote"])
  })

  test("what was promised in an older term is not said any more", () => {
    const { group, turn, wal, sent } = open(["a", "b", "c"])
    group.step(append(1))
    group.step(requestVote(2))
    turn.run()
    group.step(requestVote(3, "b"))
    turn.run()
    wal.flush(1)
    turn.run()
    expect(sent.filter((message) => message.term < 3)).toEqual([])
    wal.flush()
    turn.run()
    expect(sent).toMatchObject([{ _tag: "RequestVoteResponse", to: "b", term: 3, granted: true }])
  })
})
