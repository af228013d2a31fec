/**
 * One test per sentence of "In Search of an Understandable Consensus Algorithm" (extended version)
 * and, where it says so, of Ongaro's dissertation: membership, clients, pre-vote, check-quorum,
 * transfer (§6, §8, dissertation). n1 is the node under test.
 */
import { describe, expect, test } from "bun:test"
import {
  acked,
  alone,
  append,
  candidacy,
  drain,
  empty,
  leading,
  only,
  preVote,
  requestVote,
  tickUntil,
  vote,
} from "./alone.ts"
import { configurationOf, propose } from "../../src/sim/bare/member.ts"

describe("§6 membership", () => {
  const next = configurationOf({ voters: ["n1", "n4", "n5"] })

  test("a server uses the latest configuration in its log, committed or not", () => {
    const member = leading()
    member.step(acked("n2", 1, 1))
    member.node.proposeConfiguration(next, 0)
    expect(member.node.configuration.votersOutgoing).toEqual(["n1", "n2", "n3"])
    expect(member.node.commitIndex).toBe(1)
  })

  test("entries are replicated to all servers in both configurations", () => {
    const member = leading()
    for (const from of ["n2", "n3"]) member.step(acked(from, 1, 1))
    drain(member)
    member.node.proposeConfiguration(next, 0)
    const to = only(drain(member), "AppendEntries").map((message) => message.to)
    expect(to.toSorted()).toEqual(["n2", "n3", "n4", "n5"])
  })

  test("agreement requires separate majorities from both, for entries and for elections", () => {
    const member = leading()
    member.step(acked("n2", 1, 1))
    member.node.proposeConfiguration(next, 0)
    drain(member)
    member.step(acked("n2", 1, 2))
    member.step(acked("n3", 1, 2))
    expect(member.node.commitIndex).toBe(1)
    member.node.stepDown()
    candidacy(member)
    for (const from of ["n4", "n5"]) member.step(vote(from, 2, true))
    expect(member.node.role).toBe("candidate")
    member.step(vote("n2", 2, true))
    expect(member.node.role).toBe("leader")
  })

  test("a server disregards RequestVote while it believes that a leader exists", () => {
    const member = alone()
    member.step(append("n2", 1, empty))
    member.step(requestVote("n3", 5, { index: 9, term: 4 }))
    expect([member.node.term, only(drain(member), "RequestVoteResponse")]).toEqual([1, []])
    for (let tick = 0; tick < 12; tick++) member.node.tick()
    member.step(requestVote("n3", 5, { index: 9, term: 4 }))
    expect(only(drain(member), "RequestVoteResponse")).toMatchObject([{ granted: true }])
  })
})

describe("§8 clients", () => {
  test("each leader commits a blank no-op entry at the start of its term", () => {
    const member = leading({ log: [1] })
    expect(member.disk.all.at(-1)).toMatchObject({ type: "noop", term: 2, index: 2 })
    expect([member.node.noopIndex, member.node.committedInTerm]).toEqual([2, false])
    member.step(acked("n2", 2, 2))
    expect(member.node.committedInTerm).toBe(true)
  })

  test("the no-op takes no offset and never turns the clock back", () => {
    const member = alone({ voters: ["n1"] })
    member.seedLog([1, 1])
    candidacy(member)
    drain(member)
    expect(member.disk.all.at(-1)).toMatchObject({ firstOffset: 2, lastOffset: 1, appendMs: 0 })
    expect(propose(member.node)).toMatchObject({ _tag: "proposed" })
    drain(member)
    expect(member.disk.all.at(-1)).toMatchObject({ firstOffset: 2, lastOffset: 2 })
  })

  test("a leader exchanges heartbeats with a majority before it answers a read-only request", () => {
    const member = leading()
    member.step(acked("n2", 1, 1))
    drain(member)
    member.node.readIndex(42)
    const ready = member.take()
    expect(ready.readStates).toEqual([])
    const [{ round } = { round: 0 }] = only(ready.messages, "AppendEntries")
    member.step(acked("n2", 1, 1, round - 1))
    expect(member.take().readStates).toEqual([])
    member.step(acked("n2", 1, 1, round))
    expect(member.take().readStates).toEqual([{ context: 42, index: 1 }])
  })
})

describe("dissertation", () => {
  test("§9.6 a pre-candidate increments no term, and becomes candidate only with a majority", () => {
    const member = alone({ term: 3 })
    member.node.campaign("timeout")
    drain(member)
    expect([member.node.role, member.node.term]).toEqual(["preCandidate", 3])
    member.step({
      _tag: "PreVoteResponse",
      from: "n2",
      to: "n1",
      term: 4,
      granted: true,
      counts: true,
    })
    expect([member.node.role, member.node.term]).toEqual(["candidate", 4])
  })

  test("§9.6 granting a pre-vote changes nothing, so many may be granted", () => {
    const member = alone()
    for (const from of ["n2", "n3"]) member.step(preVote(from, 1, empty))
    const ready = member.take()
    expect([ready.token, member.node.term]).toEqual([null, 0])
    expect(ready.messages).toMatchObject([{ granted: true }, { granted: true }])
  })

  test("§9.6 pre-votes are refused while a leader is heard", () => {
    const member = alone()
    member.step(append("n2", 1, empty))
    member.step(preVote("n3", 2, { index: 9, term: 1 }))
    expect(only(drain(member), "PreVoteResponse")).toMatchObject([{ granted: false }])
  })

  test("§9.6 a grant for another term counts for nothing", () => {
    const member = alone({ term: 3 })
    member.node.campaign("timeout")
    member.step({
      _tag: "PreVoteResponse",
      from: "n2",
      to: "n1",
      term: 5,
      granted: true,
      counts: true,
    })
    expect(member.node.role).toBe("preCandidate")
  })

  test("§6.2 a leader steps down if an election timeout elapses without answers of a majority", () => {
    const member = leading()
    member.step(acked("n2", 1, 1))
    const ticks = tickUntil(member, () => member.node.role !== "leader")
    expect(ticks).toBeLessThanOrEqual(12)
    expect(only(drain(member), "SteppedDown").map(({ to }) => to)).toEqual(["n2", "n3"])
  })

  test("§6.2 answers of one follower of two keep it", () => {
    const member = leading()
    for (let tick = 0; tick < 100; tick++) {
      member.node.tick()
      const [last] = only(drain(member), "AppendEntries").slice(-1)
      if (last !== undefined) member.step(acked("n2", 1, 1, last.round))
    }
    expect(member.node.role).toBe("leader")
  })

  test("§3.10 the prior leader stops accepting new client requests and brings the target up to date", () => {
    const member = leading()
    member.step(acked("n2", 1, 1))
    propose(member.node)
    expect(member.node.transferLeadership("n2")).toBe("started")
    expect(propose(member.node)).toEqual({ _tag: "refused", reason: "transferring" })
    expect(only(drain(member), "TimeoutNow")).toEqual([])
    member.step(acked("n2", 1, 2))
    expect(only(drain(member), "TimeoutNow")).toMatchObject([{ to: "n2", term: 1 }])
  })

  test("§3.10 a target campaigns at once, without pre-vote and past the lease", () => {
    const member = alone()
    member.step(append("n2", 1, empty))
    member.step({ _tag: "TimeoutNow", from: "n2", to: "n1", term: 1 })
    expect(only(drain(member), "RequestVote")).toMatchObject([
      { term: 2, leaderLeaseWaived: true },
      { term: 2, leaderLeaseWaived: true },
    ])
  })

  test("§3.10 TimeoutNow of an old term, of no leader, or at a learner does nothing", () => {
    const old = alone({ term: 5 })
    old.step({ _tag: "TimeoutNow", from: "n2", to: "n1", term: 4 })
    expect(old.node.role).toBe("follower")
    const leaderless = alone({ term: 5 })
    leaderless.step({ _tag: "TimeoutNow", from: "n2", to: "n1", term: 5 })
    expect(leaderless.node.role).toBe("follower")
    const learner = alone({ voters: ["n2", "n3"], learners: ["n1"] })
    learner.step(append("n2", 1, empty))
    learner.step({ _tag: "TimeoutNow", from: "n2", to: "n1", term: 1 })
    expect(learner.node.role).toBe("follower")
  })

  test("§3.10 if it does not complete within an election timeout, the leader serves again", () => {
    const member = leading()
    member.step(acked("n2", 1, 1))
    member.node.transferLeadership("n2")
    for (let tick = 0; tick < 12; tick++) {
      member.node.tick()
      const [last] = only(drain(member), "AppendEntries").slice(-1)
      if (last !== undefined) member.step(acked("n3", 1, 1, last.round))
    }
    expect(member.node.transferTarget).toBe(null)
    expect(propose(member.node)._tag).toBe("proposed")
  })

  test("§4.1 a leader has committed an entry of its term before it changes the configuration", () => {
    const member = leading()
    const next = configurationOf({ voters: ["n1", "n2"] })
    const refused = { _tag: "refused", reason: "notCommittedInTerm" } as const
    expect(member.node.proposeConfiguration(next, 0)).toEqual(refused)
    member.step(acked("n2", 1, 1))
    expect(member.node.proposeConfiguration(next, 0)._tag).toBe("proposed")
  })

  test("§4.2.2 who is not in its own uncommitted configuration may still have to lead", () => {
    const member = leading()
    member.step(acked("n2", 1, 1))
    member.node.proposeConfiguration(configurationOf({ voters: ["n2", "n3"] }), 0)
    drain(member)
    for (const from of ["n2", "n3"]) member.step(acked(from, 1, 2))
    drain(member)
    expect(member.node.configuration).toEqual(configurationOf({ voters: ["n2", "n3"] }))
    member.node.stepDown()
    candidacy(member)
    for (const from of ["n2", "n3"]) member.step(vote(from, 2, true))
    expect(member.node.role).toBe("leader")
    // It manages a cluster that does not include it, until the configuration without it is
    // committed.
    drain(member)
    for (const from of ["n2", "n3"]) member.step(acked(from, 2, 4))
    expect([member.node.role, member.node.commitIndex]).toEqual(["follower", 4])
  })
})
