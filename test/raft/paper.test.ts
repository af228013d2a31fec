/**
 * One test per sentence of "In Search of an Understandable Consensus Algorithm" (extended version) and, where it says
 * so, of Ongaro's dissertation. n1 is the node under test.
 */
import { describe, expect, test } from "bun:test"
import type { Message, Role } from "../../raft/index.ts"
import {
  acked,
  alone,
  append,
  candidacy,
  drain,
  leading,
  only,
  preVote,
  refusal,
  requestVote,
  vote,
  type Situation,
} from "./alone.ts"
import { Member, configurationOf, dataEntry, propose } from "./member.ts"

const empty = { index: 0, term: 0 }
const inRole: Record<Exclude<Role, "preCandidate">, (situation?: Partial<Situation>) => Member> = {
  follower: alone,
  candidate: (situation) => {
    const member = alone(situation)
    candidacy(member)
    return member
  },
  leader: leading,
}
const tickUntil = (member: Member, done: () => boolean, max = 100): number => {
  for (let ticks = 0; ticks < max; ticks++) {
    if (done()) return ticks
    member.node.tick()
  }
  throw new Error("it never happened")
}

describe("§5.1 Raft basics", () => {
  for (const role of ["follower", "candidate", "leader"] as const) {
    test(`if one server's term is smaller than the other's, it updates to the larger: ${role}`, () => {
      const member = inRole[role]()
      const term = member.node.term + 5
      member.step(append("n2", term, empty))
      drain(member)
      expect(member.node.term).toBe(term)
      expect(member.disk.durableHardState.term).toBe(term)
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
    expect(member.disk.durableHardState.votedFor).toBe("n1")
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
    member.step({ _tag: "PreVoteResponse", from: "n2", to: "n1", term: 2, granted: true })
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

describe("§5.3 log replication", () => {
  test("the leader appends the command and issues AppendEntries in parallel, before its own fsync", () => {
    const member = leading()
    for (const from of ["n2", "n3"]) member.step(acked(from, 1, 1))
    drain(member)
    propose(member.node, "x")
    const ready = member.take()
    expect(only(ready.messages, "AppendEntries")).toMatchObject([
      { to: "n2", prevLogIndex: 1, prevLogTerm: 1, entries: [{ term: 1, index: 2 }] },
      { to: "n3", prevLogIndex: 1, prevLogTerm: 1, entries: [{ term: 1, index: 2 }] },
    ])
    expect(member.disk.durableEntries.length).toBe(1)
  })

  test("an entry is committed once the leader has replicated it on a majority", () => {
    const member = leading({ voters: ["n1", "n2", "n3", "n4", "n5"] })
    member.step(acked("n2", 1, 1))
    expect(member.node.commitIndex).toBe(0)
    member.step(acked("n3", 1, 1))
    expect(member.node.commitIndex).toBe(1)
  })

  test("the leader's own copy counts only when it is durable; others may commit without it", () => {
    const member = leading()
    propose(member.node)
    member.take()
    member.step(acked("n2", 1, 2))
    expect(member.node.commitIndex).toBe(1)
    member.sync()
    expect(member.node.commitIndex).toBe(2)
    propose(member.node)
    member.take()
    member.step(acked("n2", 1, 3))
    member.step(acked("n3", 1, 3))
    expect([member.node.commitIndex, member.disk.durableEntries.length]).toEqual([3, 2])
  })

  test("committing commits all preceding entries, those of earlier leaders included", () => {
    const member = leading({ log: [1, 2, 2] })
    member.step(acked("n2", 3, 4))
    const { committed } = member.take()
    expect(committed).toEqual({ lo: 1, hi: 5 })
  })

  test("the leader includes the commit index in AppendEntries, so that the others find out", () => {
    const member = leading()
    member.step(acked("n2", 1, 1))
    const told = only(drain(member), "AppendEntries")
    expect(told.find(({ to }) => to === "n2")?.leaderCommit).toBe(1)
  })

  test("a follower applies what it learns is committed, in log order", () => {
    const member = alone()
    const entries = [dataEntry(1, 1, 0), dataEntry(1, 2, 1), dataEntry(1, 3, 2)]
    member.step(append("n2", 1, empty, entries, 2))
    expect(member.take().committed).toEqual({ lo: 1, hi: 3 })
    member.step(append("n2", 1, { index: 3, term: 1 }, [], 3))
    expect(member.take().committed).toEqual({ lo: 3, hi: 4 })
  })

  test("if leaderCommit > commitIndex, commitIndex = min(leaderCommit, index of last new entry)", () => {
    const member = alone({ log: [1, 1, 1, 1] })
    member.step(append("n2", 2, { index: 2, term: 1 }, [], 4))
    expect(member.node.commitIndex).toBe(2)
    member.step(append("n2", 2, { index: 2, term: 1 }, [dataEntry(1, 3, 2)], 4))
    expect(member.node.commitIndex).toBe(3)
  })

  test("an acknowledgement claims prevLogIndex + entries, not the end of the log", () => {
    const member = alone({ log: [1, 1, 1, 1] })
    member.step(append("n2", 2, { index: 1, term: 1 }, [dataEntry(1, 2, 1)]))
    expect(only(drain(member), "AppendEntriesResponse")).toMatchObject([
      { success: true, matchIndex: 2 },
    ])
  })

  test("an acknowledgement leaves when its entries are durable", () => {
    const member = alone()
    member.step(append("n2", 1, empty, [dataEntry(1, 1, 0)]))
    expect(member.take().messages).toEqual([])
    expect(member.sync()).toMatchObject([{ success: true, matchIndex: 1 }])
  })

  test("a heartbeat about what is durable is answered at once, entries under way or not", () => {
    const member = alone({ log: [1], term: 1 })
    member.step(append("n2", 1, { index: 1, term: 1 }, [dataEntry(1, 2, 1)]))
    member.take()
    member.step(append("n2", 1, { index: 1, term: 1 }))
    expect(member.take().messages).toMatchObject([{ success: true, matchIndex: 1 }])
  })

  test("if the follower does not find the previous entry with index and term, it refuses", () => {
    const short = alone({ log: [1, 1] })
    short.step(append("n2", 1, { index: 3, term: 1 }, [dataEntry(1, 4, 3)]))
    expect(drain(short)).toMatchObject([
      { success: false, matchIndex: 3, hintIndex: 2, hintTerm: 1 },
    ])
    const different = alone({ log: [1, 1, 2, 2] })
    different.step(append("n2", 3, { index: 4, term: 3 }))
    expect(only(drain(different), "AppendEntriesResponse")).toMatchObject([
      { success: false, matchIndex: 4 },
    ])
    expect(different.node.lastIndex).toBe(4)
  })

  test("if an existing entry conflicts with a new one, delete it and all that follow", () => {
    const member = alone({ log: [1, 1, 2, 2, 2] })
    member.step(append("n2", 3, { index: 2, term: 1 }, [dataEntry(3, 3, 2)]))
    drain(member)
    expect(member.disk.durableEntries.map(({ term }) => term)).toEqual([1, 1, 3])
  })

  test("entries that are there already are left alone, with everything after them", () => {
    const member = alone({ log: [1, 1, 1, 1] })
    member.step(append("n2", 1, { index: 1, term: 1 }, [dataEntry(1, 2, 1)]))
    expect(member.take().entries).toEqual([])
    expect(member.node.lastIndex).toBe(4)
  })

  test("append any new entries not already in the log", () => {
    const member = alone({ log: [1, 1] })
    const entries = [dataEntry(1, 2, 1), dataEntry(1, 3, 2)]
    member.step(append("n2", 1, { index: 1, term: 1 }, entries))
    expect(member.take().entries.map(({ index }) => index)).toEqual([3])
  })

  test("what is committed is never truncated: the broker stops instead", () => {
    const member = alone({ log: [1, 1, 1], commitIndex: 3 })
    const conflicting = append("n2", 2, { index: 1, term: 1 }, [dataEntry(2, 2, 1)])
    expect(() => member.node.step(conflicting)).toThrow("committed entries agree")
  })

  test("a leader never overwrites or deletes entries in its log", () => {
    const member = leading({ log: [1, 1] })
    expect(() => member.node.step(append("n2", 2, { index: 1, term: 1 }))).toThrow("one leader")
    expect(member.node.lastIndex).toBe(3)
  })

  test("nextIndex begins just after the leader's last entry", () => {
    const member = leading({ log: [1, 1, 1] })
    expect(member.node.progress("n2")).toMatchObject({
      nextIndex: 4,
      matchIndex: 0,
      state: "probe",
    })
  })

  test("after a rejection the leader decrements nextIndex and retries; at last the logs match", () => {
    const member = leading({ log: [1, 1, 1, 4, 4] })
    member.step(refusal("n2", 5, 5, { index: 5, term: 3 }))
    expect(only(drain(member), "AppendEntries")).toMatchObject([{ to: "n2", prevLogIndex: 3 }])
    member.step(refusal("n2", 5, 3, { index: 1, term: 1 }, 2))
    expect(only(drain(member), "AppendEntries")).toMatchObject([{ to: "n2", prevLogIndex: 1 }])
    member.step(acked("n2", 5, 6, 3))
    expect(member.node.progress("n2")).toMatchObject({ matchIndex: 6, nextIndex: 7 })
  })

  test("if followers run slowly, the leader retries, paced by heartbeats", () => {
    const member = leading()
    const sent: Array<Message> = []
    for (let tick = 0; tick < 8; tick++) {
      member.node.tick()
      sent.push(...drain(member))
    }
    expect(only(sent, "AppendEntries").filter(({ to }) => to === "n2").length).toBe(2)
  })

  test("an acknowledgement beyond the leader's log stops it: its disk has lost entries", () => {
    const member = leading()
    expect(() => member.node.step(acked("n2", 1, 99))).toThrow("more than the leader's log")
  })
})

describe("§5.4 safety", () => {
  for (const [log, last, granted] of [
    [[1], { index: 1, term: 1 }, true],
    [[1], { index: 2, term: 1 }, true],
    [[1, 1], { index: 1, term: 1 }, false],
    [[1], { index: 1, term: 2 }, true],
    [[1, 1], { index: 1, term: 2 }, true],
    [[2], { index: 9, term: 1 }, false],
  ] as const) {
    test(`§5.4.1 voter has ${log.join(" ")}, candidate's last ${last.term}/${last.index}: ${granted}`, () => {
      for (const waived of [false, true]) {
        const member = alone({ log, term: 3 })
        member.step(requestVote("n2", 4, last, waived))
        expect(only(drain(member), "RequestVoteResponse")).toMatchObject([{ granted }])
      }
      const member = alone({ log, term: 3 })
      member.step(preVote("n2", 4, last))
      expect(only(drain(member), "PreVoteResponse")).toMatchObject([{ granted }])
    })
  }

  test("§5.4.2 only entries of the leader's current term are committed by counting replicas", () => {
    const member = leading({ log: [1, 2], term: 3, voters: ["n1", "n2", "n3"] })
    expect(member.node.term).toBe(4)
    member.step(acked("n2", 4, 2))
    expect(member.node.commitIndex).toBe(0)
    member.step(acked("n2", 4, 3))
    expect(member.node.commitIndex).toBe(3)
  })
})

describe("§5.5 and figure 2: answers and state", () => {
  test("RPCs are idempotent: a repeated AppendEntries changes nothing and is acknowledged", () => {
    const member = alone()
    const message = append("n2", 1, empty, [dataEntry(1, 1, 0)])
    member.step(message)
    drain(member)
    member.step(message)
    const ready = member.take()
    expect([ready.entries.length, ready.token]).toEqual([0, null])
    expect(ready.messages).toMatchObject([{ success: true, matchIndex: 1 }])
  })

  test("commitIndex and term survive restarts as far as they were persisted, roles do not", () => {
    const member = leading()
    member.crash()
    member.restart()
    expect([member.node.role, member.node.term, member.node.leaderId]).toEqual([
      "follower",
      1,
      null,
    ])
  })

  test("a log that ends below the persisted commit index has lost entries: refused", () => {
    expect(() => alone({ log: [1], commitIndex: 2 })).toThrow("lost entries that were committed")
  })

  test("two leaders in one term stop the broker", () => {
    const member = alone()
    member.step(append("n2", 1, empty))
    expect(() => member.node.step(append("n3", 1, empty))).toThrow("a term has one leader")
  })
})

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
    member.step({ _tag: "PreVoteResponse", from: "n2", to: "n1", term: 4, granted: true })
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
    member.step({ _tag: "PreVoteResponse", from: "n2", to: "n1", term: 5, granted: true })
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
    // It manages a cluster that does not include it, until the configuration without it is committed.
    drain(member)
    for (const from of ["n2", "n3"]) member.step(acked(from, 2, 4))
    expect([member.node.role, member.node.commitIndex]).toEqual(["follower", 4])
  })
})
