/** Each invariant can fail: a healthy world runs, then it is shown what no correct one does. */
import { beforeEach, describe, expect, test } from "bun:test"
import type { Message } from "../../raft/message.ts"
import type { Entry, MemberId } from "../../raft/types.ts"
import { memberId } from "../../src/cluster/members.ts"
import { createTopics } from "../../src/protocol/messages/create-topics.ts"
import { deleteTopics } from "../../src/protocol/messages/delete-topics.ts"
import { Invariants, Violation } from "../../src/sim/invariants.ts"
import type { ViolationKind } from "../../src/sim/invariants.ts"
import { SimWorld } from "../../src/sim/world.ts"
import { Producer } from "../../src/sim/clients/producer.ts"
import { TopicTable } from "../../src/sim/clients/topic-table.ts"
import { History } from "../../src/chaos/history/history.ts"

const group = 1
let world: SimWorld
let invariants: Invariants
let leaderId: number
let followerId: number

function healthy(): void {
  world = new SimWorld({ seed: 5 })
  invariants = new Invariants(world)
  world.observe(invariants)
  world.startAll().untilReady()
  const topics = [{ name: "t", numPartitions: 1, replicationFactor: 3, configs: [] }]
  const made = world.call(0, createTopics, 7, { topics, timeoutMs: 5000 })
  const id = made.topics[0]?.topicId ?? ""
  writeBatches(id)
  leaderId = world.brokers.find(({ node }) => node?.partition(group)?.isLeader)?.id ?? -1
  followerId = (leaderId + 1) % 3
}

/** Twenty batches of an idempotent producer. */
function writeBatches(id: string): void {
  const topics = new TopicTable()
  const topic = { name: "t", id, partitions: 1, replicationFactor: 3 }
  topics.add({ ...topic, isLasting: true, isDeleted: false })
  const history = new History(() => world.nowMs)
  const ports = {
    subject: world,
    history,
    topics,
    latencyMs: [0, 1] as const,
    connections: { next: 1 },
    mayBegin: () => history.operations.length < 60,
  }
  const producer = new Producer("p", 1, ports, {
    isIdempotent: true,
    acks: -1,
    inFlightMax: 5,
    retriesUnknown: true,
    requestTimeoutMs: 1000,
    deliveryTimeoutMs: 10_000,
    thinkMs: 10,
    recordsPerBatch: [1, 3],
    valueBytes: [8, 20],
  })
  producer.start()
  world.run(3000)
}

beforeEach(healthy)

const broker = (id: number) => world.broker(id)
const member = (id: number): MemberId => memberId(id, broker(id).diskUuid)
const raft = (id: number) => {
  const found = world.node(id).raftGroup(group)
  if (found === undefined) throw new Error(`broker ${id} does not hold the group`)
  return found
}

function sends(from: number, to: number, message: Message): void {
  const frame = { _tag: "Raft", group, appliedMetadataIndex: 1, message } as const
  invariants.sent(broker(from), to, frame)
}

function expectViolation(kind: ViolationKind, action: () => void): void {
  let thrown: unknown
  try {
    action()
  } catch (error) {
    thrown = error
  }
  if (!(thrown instanceof Violation)) throw thrown ?? new Error(`${kind}: nothing was found`)
  expect(thrown.kind).toBe(kind)
}

const entryOf = (id: number, index: number): Entry => {
  const entry = raft(id).log.entries(index, index + 1, 0)[0]
  if (entry === undefined) throw new Error(`no entry ${index}`)
  return entry
}

const writes = (id: number, entries: ReadonlyArray<Entry>): void =>
  invariants.wrote(broker(id), 1_000_000, [{ group, entries }])

const answer = (over: object) => ({
  _tag: "AppendEntriesResponse" as const,
  from: member(followerId),
  to: member(leaderId),
  term: raft(leaderId).node.term,
  success: true,
  matchIndex: 1,
  hintIndex: 0,
  hintTerm: 0,
  round: 1,
  counts: true,
  ...over,
})

const votes = (term: number, candidate: number): void =>
  sends(followerId, candidate, {
    _tag: "RequestVoteResponse",
    from: member(followerId),
    to: member(candidate),
    term,
    granted: true,
    counts: true,
  })

const makeDurable = (term: number, candidate: number, standing: "trusted" | "recovering") => {
  const hardState = {
    term,
    votedFor: member(candidate),
    commitIndex: 0,
    acceptedTerm: 1,
    standing,
  }
  invariants.wrote(broker(followerId), 1_000_000, [{ group, entries: [], hardState }])
  invariants.durable(broker(followerId), 1_000_000)
}

const commit = (id: number, index: number): void => {
  raft(id).node.state.log.commitIndex = index
  invariants.sent(broker(id), leaderId, ping(id))
  invariants.stepped(broker(id))
}

/** Touches the group. */
const ping = (id: number) =>
  ({
    _tag: "Raft",
    group,
    appliedMetadataIndex: 1,
    message: { _tag: "SteppedDown", from: member(id), to: member(id), term: 1 },
  }) as const

const lastData = () => {
  const { log, appliedIndex } = raft(followerId)
  const found = log.metas(1, appliedIndex + 1, 1000).findLast(({ type }) => type === "data")
  if (found === undefined) throw new Error("no data")
  return found
}

const partition = () => {
  const found = world.node(followerId).partition(group)
  if (found === undefined) throw new Error("no partition")
  return found
}

const touch = (): void => {
  invariants.sent(broker(followerId), leaderId, {
    _tag: "Raft",
    group,
    appliedMetadataIndex: 1,
    message: {
      _tag: "SteppedDown",
      from: member(followerId),
      to: member(leaderId),
      term: 1,
    },
  })
  invariants.stepped(broker(followerId))
}

test("the healthy world has entries and no violation", () => {
  expect(raft(leaderId).node.commitIndex).toBeGreaterThan(20)
  expect(invariants.committedEntries()).toBeGreaterThan(25)
})

describe("promises", () => {
  test("two leaders of one term", () => {
    expectViolation("Election Safety", () =>
      sends(followerId, leaderId, {
        _tag: "AppendEntries",
        from: member(followerId),
        to: member(leaderId),
        term: raft(leaderId).node.term,
        prevLogIndex: 1,
        prevLogTerm: 1,
        entries: [],
        leaderCommit: 1,
        round: 1,
        durableIndex: 0,
        readmitted: false,
        stripped: false,
      }),
    )
  })

  test("a copy acknowledged before it is durable", () => {
    const { lastIndex, term } = raft(followerId).node
    writes(followerId, [{ ...entryOf(followerId, lastIndex), index: lastIndex + 1, term }])
    expectViolation("acknowledged before durable", () =>
      sends(followerId, leaderId, answer({ matchIndex: lastIndex + 1 })),
    )
  })

  test("a copy acknowledged beyond the log", () => {
    expectViolation("acknowledged before durable", () =>
      sends(followerId, leaderId, answer({ matchIndex: raft(followerId).node.lastIndex + 1 })),
    )
  })

  test("a copy of what the leader does not have", () => {
    const { lastIndex, term } = raft(followerId).node
    const other = { ...entryOf(followerId, lastIndex), index: lastIndex + 1, term }
    writes(followerId, [{ ...other, entryCrc: 1 }])
    invariants.durable(broker(followerId), 1_000_000)
    expect(() => writes(leaderId, [{ ...other, entryCrc: 2 }])).toThrow("Log Matching")
    expectViolation("acknowledged what the leader lacks", () =>
      sends(followerId, leaderId, answer({ matchIndex: lastIndex + 1 })),
    )
  })

  test("a vote that is not durable", () => {
    const term = raft(followerId).node.term + 1
    expectViolation("vote before durable", () =>
      sends(followerId, leaderId, {
        _tag: "RequestVoteResponse",
        from: member(followerId),
        to: member(leaderId),
        term,
        granted: true,
        counts: true,
      }),
    )
  })

  test("two votes in one term", () => {
    const term = raft(followerId).node.term + 1
    makeDurable(term, leaderId, "trusted")
    votes(term, leaderId)
    const third = 3 - leaderId - followerId
    makeDurable(term, third, "trusted")
    expectViolation("two votes", () => votes(term, third))
  })

  test("a vote by who is not trusted", () => {
    const term = raft(followerId).node.term + 1
    makeDurable(term, leaderId, "recovering")
    expectViolation("untrusted member voted", () => votes(term, leaderId))
    expectViolation("untrusted member counted", () => sends(followerId, leaderId, answer({})))
  })

  test("a vote forgotten by a restart", () => {
    const term = raft(followerId).node.term + 1
    makeDurable(term, leaderId, "trusted")
    votes(term, leaderId)
    expectViolation("vote forgotten", () => invariants.started(broker(followerId)))
  })

  test("copies forgotten by a restart, but for a damaged disk", () => {
    const { lastIndex, term } = raft(followerId).node
    writes(followerId, [{ ...entryOf(followerId, lastIndex), index: lastIndex + 1, term }])
    invariants.durable(broker(followerId), 1_000_000)
    writes(leaderId, [{ ...entryOf(followerId, lastIndex), index: lastIndex + 1, term }])
    sends(followerId, leaderId, answer({ matchIndex: lastIndex + 1 }))
    expectViolation("acknowledged lost", () => invariants.started(broker(followerId)))
    invariants.damaged(broker(followerId))
    invariants.started(broker(followerId))
  })
})

test("a deleted group stays deleted, though an old image begins it anew", () => {
  const topics = [{ name: "t" }]
  const first = entryOf(followerId, 1)
  const term = raft(followerId).node.term + 1
  world.call(leaderId, deleteTopics, 6, { topics, timeoutMs: 5000 })
  expect(world.node(leaderId).raftGroup(group)).toBeUndefined()
  const vote = { _tag: "RequestVoteResponse" as const, term, granted: true, counts: true }
  for (const to of [leaderId, 3 - leaderId - followerId]) {
    sends(followerId, to, { ...vote, from: member(followerId), to: member(to) })
  }
  writes(followerId, [{ ...first, entryCrc: 7 }])
  invariants.started(broker(followerId))
  lookOften()
})

describe("logs", () => {
  test("two entries of one term and index", () => {
    const index = raft(followerId).node.lastIndex
    const entry = entryOf(followerId, index)
    expectViolation("Log Matching", () => writes(followerId, [{ ...entry, entryCrc: 77 }]))
  })

  test("a leader writes again what it had written", () => {
    const { lastIndex, term } = raft(leaderId).node
    const next = { ...entryOf(leaderId, lastIndex), index: lastIndex + 1, term }
    writes(leaderId, [next])
    expectViolation("Leader Append-Only", () => writes(leaderId, [next]))
  })

  test("a follower truncates what is committed", () => {
    const { commitIndex, term } = raft(followerId).node
    const entry = entryOf(followerId, commitIndex)
    expectViolation("commit truncated", () =>
      writes(followerId, [{ ...entry, term: term + 1, entryCrc: 3 }]),
    )
  })

  test("a log that is not what was written", () => {
    writes(followerId, [
      { ...entryOf(followerId, 1), index: raft(followerId).node.lastIndex + 1, term: 50 },
    ])
    expectViolation("log differs from what was written", lookOften)
  })
})

/** Until the sampled invariants have seen every group of the follower. */
function lookOften(): void {
  for (let i = 0; i < 64 * 50; i++) invariants.stepped(broker(followerId))
}

describe("commits", () => {
  test("an index that is committed twice, differently", () => {
    const { lastIndex, term } = raft(followerId).node
    const next = { ...entryOf(followerId, lastIndex), index: lastIndex + 1, term }
    // The offsets go on from the last batch.
    const [firstOffset, lastOffset] = [next.lastOffset + 1, next.lastOffset + 1]
    for (const [id, entryTerm] of [
      [leaderId, term],
      [followerId, term + 1],
    ] as const) {
      writes(id, [{ ...next, firstOffset, lastOffset, term: entryTerm, entryCrc: entryTerm }])
      invariants.durable(broker(id), 1_000_000)
    }
    commit(followerId, lastIndex + 1)
    expectViolation("State Machine Safety", () => commit(leaderId, lastIndex + 1))
  })

  test("without a majority", () => {
    const { lastIndex, term } = raft(leaderId).node
    const next = { ...entryOf(leaderId, lastIndex), index: lastIndex + 1, term }
    const offset = next.lastOffset + 1
    writes(leaderId, [{ ...next, firstOffset: offset, lastOffset: offset }])
    expectViolation("commit without majority", () => commit(leaderId, lastIndex + 1))
  })

  test("that falls", () => {
    expectViolation("commit regress", () =>
      commit(followerId, raft(followerId).node.commitIndex - 1),
    )
  })

  test("of offsets that leave a hole", () => {
    const { lastIndex, term } = raft(followerId).node
    const next = { ...entryOf(followerId, lastIndex), index: lastIndex + 1, term }
    const offset = next.lastOffset + 2
    writes(followerId, [{ ...next, firstOffset: offset, lastOffset: offset }])
    expectViolation("offset translation", () => commit(followerId, lastIndex + 1))
  })

  test("a leader elected without what was committed before it", () => {
    const { lastIndex, term } = raft(followerId).node
    const next = { ...entryOf(followerId, lastIndex), index: lastIndex + 1, term }
    const offset = next.lastOffset + 1
    writes(followerId, [{ ...next, firstOffset: offset, lastOffset: offset }])
    commit(followerId, lastIndex + 1)
    const third = 3 - leaderId - followerId
    expectViolation("Leader Completeness", () =>
      sends(third, leaderId, {
        _tag: "TimeoutNow",
        from: member(third),
        to: member(leaderId),
        term: term + 5,
      }),
    )
  })

  test("acknowledged to a client beyond it", () => {
    const info = world.node(0).image.groups.get(group)
    const end = world.node(leaderId).partition(group)?.highWatermark ?? 0
    invariants.acknowledged(info?.topicId ?? "", 0, end)
    expectViolation("acknowledged beyond commit", () =>
      invariants.acknowledged(info?.topicId ?? "", 0, end + 1),
    )
  })
})

const noPayload = (): Uint8Array => new Uint8Array(0)

describe("what follows from the log", () => {
  test("a producer that is remembered otherwise", () => {
    partition().apply({ ...lastData(), producerId: 99 }, noPayload)
    expectViolation("producer state", lookOften)
  })

  test("an epoch that begins elsewhere", () => {
    const last = lastData()
    partition().apply({ ...last, type: "noop", term: last.term + 1, firstOffset: 1 }, noPayload)
    expectViolation("leader epochs", lookOften)
  })

  test("a high watermark beyond what is committed", () => {
    const last = lastData()
    touch()
    partition().apply({ ...last, lastOffset: last.lastOffset + 10 }, noPayload)
    expectViolation("high watermark beyond commit", touch)
  })

  test("a high watermark that falls", () => {
    const last = lastData()
    touch()
    partition().apply({ ...last, lastOffset: last.lastOffset - 1 }, noPayload)
    expectViolation("high watermark regress", touch)
  })

  test("more applied than is committed", () => {
    const again = new Invariants(world)
    again.started(broker(followerId))
    raft(followerId).node.state.log.commitIndex -= 1
    expectViolation("applied beyond commit", () => again.stepped(broker(followerId)))
  })

  test("checkpoints that differ at one index", () => {
    const { appliedIndex: index } = raft(followerId)
    const checkpoint = (id: number, byte: number): void => {
      const state = new Uint8Array([byte])
      const write = { group, entries: [], checkpoint: { index, term: 1, state } }
      invariants.wrote(broker(id), 1_000_000, [write])
    }
    checkpoint(followerId, 1)
    checkpoint(leaderId, 1)
    expectViolation("snapshot differs", () => checkpoint(leaderId, 2))
  })
})

describe("budgets", () => {
  test("a storm of messages", () => {
    const { term } = raft(leaderId).node
    const message: Message = {
      _tag: "TimeoutNow",
      from: member(leaderId),
      to: member(followerId),
      term,
    }
    expectViolation("too many messages", () => {
      for (let i = 0; i < 1_000_000; i++) sends(leaderId, followerId, message)
    })
  })
})
