/**
 * One test per sentence of "In Search of an Understandable Consensus Algorithm" (extended version)
 * and, where it says so, of Ongaro's dissertation: terms and elections (§5.1, §5.2). n1 is the node
 * under test.
 */
import { describe, expect, test } from "bun:test"
import {
  acked,
  alone,
  append,
  candidacy,
  drain,
  empty,
  inRole,
  leading,
  only,
  requestVote,
  tickUntil,
  vote,
} from "./alone.ts"
import { Member } from "../../src/sim/bare/member.ts"
import { dataEntry } from "../../src/sim/bare/member.ts"

describe("§5.1 Raft basics", () => {
  for (const role of ["follower", "candidate", "leader"] as const) {
    test(`if one server's term is smaller than the other's, it updates to the larger: ${role}`, () => {
      const member = inRole[role]()
      const term = member.node.term + 5
      member.step(append("n2", term, empty))
      drain(member)
      expect(member.node.term).toBe(term)
      expect(member.disk.durable.hardState.term).toBe(term)
    })
  }

  for (const role of ["candidate", "leader"] as const) {
    test(`if a ${role} discovers that its term is out of date, it reverts to follower`, () => {
      const member = inRole[role]()
      member.step(vote("n2", member.node.term + 1, false))
      expect(member.node.role).toBe("follower")
    })
  }

  test("a server that receives a request with a stale term rejects it", () => {
    const member = alone({ term: 5 })
    member.step(append("n2", 4, empty, [dataEntry(4, 1, 0)]))
    member.step(requestVote("n2", 4, { index: 9, term: 4 }))
    const said = drain(member)
    expect(only(said, "AppendEntriesResponse")).toMatchObject([{ success: false, term: 5 }])
    expect(only(said, "RequestVoteResponse")).toMatchObject([{ granted: false, term: 5 }])
    expect(member.node.lastIndex).toBe(0)
  })

  test("an answer of an old term is dropped: a stale vote elects nobody", () => {
    const member = inRole.candidate({ term: 4 })
    expect(member.node.term).toBe(5)
    member.step(vote("n2", 4, true))
    member.step(vote("n3", 4, true))
    expect(member.node.role).toBe("candidate")
    member.step(vote("n2", 5, true))
    expect(member.node.role).toBe("leader")
  })

  test("an acknowledgement of an old term commits nothing", () => {
    const member = leading({ term: 4 })
    member.step(acked("n2", 4, member.node.lastIndex))
    expect(member.node.commitIndex).toBe(0)
  })
})

describe("§5.2 leader election", () => {
  test("when servers start up, they begin as followers", () => {
    expect(alone().node.role).toBe("follower")
  })

  test("a server remains follower as long as it receives valid RPCs from a leader", () => {
    const member = alone()
    for (let i = 0; i < 20; i++) {
      for (let tick = 0; tick < 11; tick++) member.node.tick()
      member.step(append("n2", 1, empty))
    }
    expect(member.node.role).toBe("follower")
    expect(member.node.leaderId).toBe("n2")
  })

  test("leaders send periodic heartbeats (AppendEntries that carry no log entries)", () => {
    const member = leading()
    for (const from of ["n2", "n3"]) member.step(acked(from, 1, 1))
    drain(member)
    for (let tick = 0; tick < 4; tick++) member.node.tick()
    const heartbeats = only(drain(member), "AppendEntries")
    expect(heartbeats.map(({ to, entries }) => [to, entries.length])).toEqual([
      ["n2", 0],
      ["n3", 0],
    ])
  })

  test("a follower that hears nothing over an election timeout begins an election", () => {
    const member = alone()
    tickUntil(member, () => member.node.role !== "follower")
    expect(only(drain(member), "PreVote").map(({ to }) => to)).toEqual(["n2", "n3"])
  })

  test("to begin an election, it increments its term, votes for itself and asks the others", () => {
    const member = alone({ log: [1, 3] })
    const asked = only(candidacy(member), "RequestVote")
    expect(member.node.term).toBe(4)
    expect(member.disk.durable.hardState.votedFor).toBe("n1")
    expect(asked).toMatchObject([
      { to: "n2", term: 4, lastLogIndex: 2, lastLogTerm: 3 },
      { to: "n3", term: 4, lastLogIndex: 2, lastLogTerm: 3 },
    ])
  })

  for (const [size, grants, refusals, outcome] of [
    [1, 0, 0, "leader"],
    [3, 1, 0, "leader"],
    [3, 0, 2, "follower"],
    [3, 0, 1, "candidate"],
    [5, 2, 0, "leader"],
    [5, 2, 2, "leader"],
    [5, 1, 2, "candidate"],
    [5, 1, 3, "follower"],
  ] as const) {
    test(`${size} voters, ${grants} grant, ${refusals} refuse: ${outcome}`, () => {
      const voters = Array.from({ length: size }, (_, i) => `n${i + 1}`)
      const member = alone({ voters })
      candidacy(member)
      const others = voters.slice(1)
      for (const from of others.splice(0, grants)) member.step(vote(from, 1, true))
      for (const from of others.splice(0, refusals)) member.step(vote(from, 1, false))
      expect(member.node.role).toBe(outcome)
    })
  }

  test("the same voter counts once", () => {
    const member = alone({ voters: ["n1", "n2", "n3", "n4", "n5"] })
    candidacy(member)
    for (let i = 0; i < 5; i++) member.step(vote("n2", 1, true))
    expect(member.node.role).toBe("candidate")
  })

  test("a vote of somebody who is no voter counts for nothing", () => {
    const member = alone({ learners: ["n4"] })
    candidacy(member)
    for (const from of ["n4", "stranger"]) member.step(vote(from, 1, true))
    expect(member.node.role).toBe("candidate")
  })

  test("the own vote counts when it is durable and not before", () => {
    const member = alone({ voters: ["n1"] })
    member.node.campaign("assigned")
    member.take()
    expect(member.node.role).toBe("candidate")
    member.sync()
    expect(member.node.role).toBe("leader")
  })

  test("each server votes for at most one candidate in a term, first come first served", () => {
    const member = alone()
    for (const from of ["n2", "n3", "n2"]) member.step(requestVote(from, 1, empty))
    const answers = only(drain(member), "RequestVoteResponse")
    expect(answers.map(({ to, granted }) => `${to} ${granted}`).toSorted()).toEqual([
      "n2 true",
      "n2 true",
      "n3 false",
    ])
  })

  test("the vote is durable before its answer leaves, and survives a crash", () => {
    const member = alone()
    member.step(requestVote("n2", 1, empty))
    expect(only(member.take().messages, "RequestVoteResponse")).toEqual([])
    expect(only(member.sync(), "RequestVoteResponse")).toMatchObject([{ granted: true }])
    member.crash()
    member.restart()
    member.step(requestVote("n3", 1, empty))
    expect(only(drain(member), "RequestVoteResponse")).toMatchObject([{ granted: false }])
  })

  test("returning to follower within a term keeps the vote of that term", () => {
    const member = inRole.candidate()
    member.step(append("n2", 1, empty))
    expect(member.node.role).toBe("follower")
    expect(member.state().votedFor).toBe("n1")
    const lost = inRole.candidate()
    for (const from of ["n2", "n3"]) lost.step(vote(from, 1, false))
    lost.step(requestVote("n3", 1, empty))
    expect(only(drain(lost), "RequestVoteResponse")).toMatchObject([{ granted: false }])
    const led = leading()
    led.node.stepDown()
    led.step(requestVote("n3", 1, { index: 9, term: 1 }))
    expect(only(drain(led), "RequestVoteResponse")).toMatchObject([{ granted: false }])
  })

  test("a candidate that hears a legitimate leader of its term recognizes it", () => {
    const member = inRole.candidate()
    member.step(append("n2", 1, empty))
    expect([member.node.role, member.node.leaderId]).toEqual(["follower", "n2"])
  })

  test("a candidate that hears an older leader rejects it and stays candidate", () => {
    const member = inRole.candidate({ term: 4 })
    member.step(append("n2", 4, empty))
    expect(member.node.role).toBe("candidate")
    expect(only(drain(member), "AppendEntriesResponse")).toMatchObject([
      { success: false, term: 5 },
    ])
  })

  test("a candidate that neither wins nor loses times out and starts again", () => {
    const member = inRole.candidate()
    tickUntil(member, () => member.node.role === "preCandidate")
    member.step({
      _tag: "PreVoteResponse",
      from: "n2",
      to: "n1",
      term: 2,
      granted: true,
      counts: true,
    })
    expect([member.node.role, member.node.term]).toEqual(["candidate", 2])
  })

  test("election timeouts are chosen randomly from an interval, anew each time", () => {
    const member = alone()
    const seen = new Set<number>()
    for (let i = 0; i < 300; i++) {
      const from = tickUntil(member, () => member.node.role === "preCandidate")
      seen.add(from)
      member.step(append("n2", 1, empty))
    }
    expect([Math.min(...seen), Math.max(...seen)]).toEqual([12, 23])
    expect(seen.size).toBe(12)
  })

  test("nodes of one group rarely split: different seeds give different timeouts", () => {
    const { bootstrap } = alone().config
    const timeouts = Array.from({ length: 50 }, (_, seed) => {
      const member = new Member("n1", bootstrap, seed)
      return tickUntil(member, () => member.node.role !== "follower")
    })
    expect(new Set(timeouts).size).toBeGreaterThan(8)
  })
})
