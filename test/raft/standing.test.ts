/** A member that cannot be believed, and how it is believed again (VERIFICATION D3, D4). */
import { describe, expect, test } from "bun:test"
import { RaftNode, type Standing } from "../../raft/index.ts"
import {
  acked,
  alone,
  append,
  drain,
  leading,
  only,
  preVote,
  refusal,
  requestVote,
} from "./alone.ts"
import { candidacy, tickUntil } from "./alone.ts"
import { configurationOf, dataEntry, propose, type Member } from "../../src/sim/bare/member.ts"

const at = (term: number, index: number) => ({ term, index })

function doubted(standing: Standing = "recovering"): Member {
  const member = alone()
  member.seedLog([1, 1], { term: 3, standing })
  return member
}

const uncounted = (from: string, term: number, matchIndex: number, round: number) => ({
  ...acked(from, term, matchIndex, round),
  counts: false,
})

const round = ({ node }: Member): number => node.state.leader?.round ?? 0

const open = (standing: Standing) => {
  const { config, disk } = alone({ log: [1, 1] })
  return new RaftNode(config, { ...disk.hardState, commitIndex: 5, standing }, disk)
}

const word = (readmitted: boolean, index = 2) => ({
  ...append("n2", 3, at(1, index), [], 2),
  durableIndex: 0,
  readmitted,
})

/** Leads term 1 with 1/1 … 1/4 of its own, and n2 has acknowledged `counted`. */
function leadingOver(counted: number): Member {
  const member = leading()
  for (const payload of ["a", "b", "c"]) propose(member.node, payload)
  drain(member)
  member.step(acked("n2", 1, counted))
  drain(member)
  return member
}

const heartbeat = (member: Member) => {
  drain(member)
  for (let i = 0; i < 4; i++) member.node.tick()
  const empty = only(drain(member), "AppendEntries").filter(({ entries }) => entries.length === 0)
  return empty.filter(({ to }) => to === "n2").slice(0, 1)
}

describe("who is not trusted", () => {
  for (const standing of ["recovering", "amnesiac"] as const) {
    const granted = standing === "recovering"
    test(`${standing}: votes ${granted ? "without counting" : "for nobody"}, and obeys terms`, () => {
      const member = doubted(standing)
      member.step(preVote("n2", 4, at(3, 9)))
      const preVotes = only(drain(member), "PreVoteResponse")
      expect(preVotes).toMatchObject([{ granted, counts: false, term: granted ? 4 : 3 }])
      member.step(requestVote("n2", 4, at(3, 9)))
      const votes = only(drain(member), "RequestVoteResponse")
      expect(votes).toMatchObject([{ granted, counts: false, term: 4 }])
      const votedFor = granted ? "n2" : null
      expect(member.disk.durable.hardState).toMatchObject({ term: 4, votedFor, standing })
      member.step(requestVote("n3", 4, at(3, 9)))
      expect(only(drain(member), "RequestVoteResponse")).toMatchObject([{ granted: false }])
    })

    test(`${standing}: campaigns on no occasion`, () => {
      const member = doubted(standing)
      for (let i = 0; i < 60; i++) member.node.tick()
      member.node.campaign("assigned")
      member.step(append("n2", 3, at(1, 2)))
      member.step({ _tag: "TimeoutNow", from: "n2", to: "n1", term: 3 })
      expect(member.node.role).toBe("follower")
      expect(only(drain(member), "RequestVote")).toEqual([])
    })

    test(`${standing}: answers leaders without counting, and never sleeps`, () => {
      const member = doubted(standing)
      member.step(append("n2", 3, at(1, 2), [dataEntry(3, 3, 2)], 3))
      expect(drain(member)).toMatchObject([{ success: true, matchIndex: 3, counts: false }])
      member.step(append("n2", 3, at(3, 9)))
      expect(drain(member)).toMatchObject([{ success: false, counts: false }])
      const ask = { _tag: "Quiesce", from: "n2", to: "n1", term: 3 } as const
      member.step({ ...ask, lastLogIndex: 3, commitIndex: 3 })
      expect(drain(member)).toMatchObject([{ _tag: "QuiesceResponse", agreed: false }])
      expect(member.node.quiesced).toBe(false)
    })
  }

  test("may have lost what was committed; a trusted member may not", () => {
    expect(open("recovering").commitIndex).toBe(2)
    expect(() => open("trusted")).toThrow("lost entries that were committed")
  })
})

describe("readmission, the member's side", () => {
  test("is durable before an answer counts", () => {
    const member = doubted()
    member.step(word(false))
    drain(member)
    member.step(word(true))
    const ready = member.take()
    expect(ready.hardState).toMatchObject({ standing: "trusted" })
    expect(ready.messages).toEqual([])
    member.step(preVote("n3", 4, at(3, 9)))
    member.step(append("n2", 3, at(9, 9)))
    expect(member.take().messages).toMatchObject([{ granted: false }, { counts: false }])
    expect(member.sync()).toMatchObject([{ success: true, counts: true }])
    member.step(append("n2", 3, at(9, 9)))
    expect(member.take().messages).toMatchObject([{ success: false, counts: true }])
  })

  test("is not believed before the leader has spoken without it", () => {
    const member = doubted()
    member.step(word(true))
    member.step(word(false))
    expect(drain(member)).toMatchObject([{ counts: false }, { counts: false }])
    member.step(word(true))
    expect(drain(member)).toMatchObject([{ counts: true }])
    expect(member.node.standing).toBe("trusted")
  })

  test("is not believed where the logs disagree", () => {
    const member = doubted()
    member.step(word(false))
    member.step({ ...append("n2", 3, at(3, 5)), readmitted: true })
    expect(member.node.standing).toBe("recovering")
  })

  test("amnesia ignores it until the others' terms are known", () => {
    const member = doubted("amnesiac")
    member.step(word(false))
    member.step(word(true))
    expect(member.node.standing).toBe("amnesiac")
    member.node.termsKnown(7)
    drain(member)
    const known = { term: 7, votedFor: "n1", standing: "recovering" } as const
    expect(member.disk.durable.hardState).toMatchObject(known)
    for (const readmitted of [false, true]) {
      member.step({ ...append("n2", 7, at(1, 2)), readmitted })
    }
    drain(member)
    expect(member.node.standing).toBe("trusted")
    member.step({ _tag: "SteppedDown", from: "n2", to: "n1", term: 7 })
    member.step(requestVote("n3", 7, at(7, 9)))
    expect(only(drain(member), "RequestVoteResponse")).toMatchObject([{ granted: false }])
    member.step(requestVote("n3", 8, at(7, 9)))
    expect(only(drain(member), "RequestVoteResponse")).toMatchObject([{ granted: true }])
  })
})

describe("distrust", () => {
  test("a leader steps down and says so", () => {
    const member = leading()
    expect(member.node.distrust()).toBe(true)
    expect(member.node.role).toBe("follower")
    expect(only(drain(member), "SteppedDown").length).toBe(2)
    expect(member.disk.durable.hardState.standing).toBe("recovering")
  })

  test("takes back promises that have not left", () => {
    const member = alone({ log: [1] })
    member.step(requestVote("n2", 2, at(1, 1)))
    const ready = member.take()
    expect(ready.afterPersist).toMatchObject([{ granted: true }])
    member.node.distrust()
    expect(member.sync()).toEqual([])
    expect(only(drain(member), "RequestVoteResponse")).toEqual([])
  })

  test("a group's only voter, too: who remembers more of it was a member later", () => {
    const member = alone({ voters: ["n1"], log: [1] })
    expect([member.node.distrust(), member.node.distrust()]).toEqual([true, false])
    for (let i = 0; i < 60; i++) member.node.tick()
    expect([member.node.standing, member.node.role]).toEqual(["recovering", "follower"])
  })

  test("wakes the leader of a sleeping group", () => {
    const member = alone({ log: [1] })
    member.step(append("n2", 1, at(1, 1), [], 1))
    drain(member)
    const ask = { _tag: "Quiesce", from: "n2", to: "n1", term: 1 } as const
    member.step({ ...ask, lastLogIndex: 1, commitIndex: 1 })
    drain(member)
    expect(member.node.quiesced).toBe(true)
    member.node.distrust()
    expect(drain(member)).toMatchObject([{ _tag: "QuiesceResponse", to: "n2", agreed: false }])
    expect(member.node.quiesced).toBe(false)
  })

  test("holdVotes: no leader is heard, and none acknowledged", () => {
    const member = alone({ log: [1] })
    member.node.holdVotes = true
    member.step(append("n2", 2, at(1, 1), [dataEntry(2, 2, 1)], 2))
    expect(drain(member)).toEqual([])
    expect(member.node).toMatchObject({ term: 1, lastIndex: 1, leaderId: null })
    member.node.holdVotes = false
    member.step(append("n2", 2, at(1, 1), [dataEntry(2, 2, 1)], 2))
    expect(drain(member)).toMatchObject([{ success: true, matchIndex: 2, counts: true }])
  })

  test("holdVotes: no votes, no campaign, for as long as the host says", () => {
    const member = alone({ log: [1] })
    member.node.holdVotes = true
    member.step(requestVote("n2", 2, at(1, 1)))
    expect(only(drain(member), "RequestVoteResponse")).toMatchObject([{ granted: false }])
    member.node.campaign("assigned")
    for (let i = 0; i < 40; i++) member.node.tick()
    expect(member.node.role).toBe("follower")
    member.node.holdVotes = false
    tickUntil(member, () => member.node.role === "preCandidate")
  })
})

describe("a vote that the disk does not know", () => {
  test("the member becomes amnesiac, trusted or already recovering", () => {
    for (const standing of ["trusted", "recovering", "amnesiac"] as const) {
      const member = doubted(standing)
      expect(member.node.forgetVote()).toBe(standing !== "amnesiac")
      drain(member)
      expect(member.disk.durable.hardState.standing).toBe("amnesiac")
      member.step(requestVote("n2", 4, at(3, 9)))
      expect(only(drain(member), "RequestVoteResponse")).toMatchObject([{ granted: false }])
      expect(member.node.distrust()).toBe(false)
      expect(member.node.standing).toBe("amnesiac")
    }
  })

  test("a leader steps down and says so", () => {
    const member = leading()
    expect(member.node.forgetVote()).toBe(true)
    expect(member.node.role).toBe("follower")
    expect(only(drain(member), "SteppedDown").length).toBe(2)
    expect(member.disk.durable.hardState.standing).toBe("amnesiac")
  })

  test("takes back promises that have not left", () => {
    const member = alone({ log: [1] })
    member.step(requestVote("n2", 2, at(1, 1)))
    expect(member.take().afterPersist).toMatchObject([{ granted: true }])
    member.node.forgetVote()
    expect(member.sync()).toEqual([])
    expect(only(drain(member), "RequestVoteResponse")).toEqual([])
  })

  test("a readmission that is not durable yet is void", () => {
    const member = doubted()
    member.step(word(false))
    drain(member)
    member.step(word(true))
    expect(member.take().hardState).toMatchObject({ standing: "trusted" })
    member.node.forgetVote()
    expect(member.sync()).toEqual([])
    member.step(word(false))
    member.step(word(true))
    drain(member)
    expect(member.disk.durable.hardState.standing).toBe("amnesiac")
    member.node.termsKnown(3)
    expect(member.node.standing).toBe("recovering")
  })

  test("a group's only voter, too", () => {
    const member = alone({ voters: ["n1"], log: [1] })
    expect([member.node.forgetVote(), member.node.forgetVote()]).toEqual([true, false])
    expect(member.node.standing).toBe("amnesiac")
  })
})

describe("readmission, the leader's side", () => {
  test("an uncounted copy commits nothing", () => {
    const member = leadingOver(1)
    member.step(uncounted("n2", 1, 4, 1))
    member.step(uncounted("n2", 1, 4, round(member)))
    expect(member.node.progress("n2")).toMatchObject({ matchIndex: 4, counts: false })
    expect(member.node.commitIndex).toBe(1)
    member.step(acked("n3", 1, 4))
    expect(member.node.commitIndex).toBe(4)
  })

  test("an uncounted answer keeps no leader in office and confirms no read", () => {
    const member = leadingOver(1)
    member.node.readIndex(1)
    drain(member)
    member.step(uncounted("n2", 1, 1, round(member)))
    member.step(uncounted("n2", 1, 1, round(member)))
    expect(member.take().readStates).toEqual([])
    const steps = tickUntil(member, () => {
      if (member.node.role === "leader") member.step(uncounted("n2", 1, 1, round(member)))
      return member.node.role !== "leader"
    })
    expect(steps).toBeLessThan(3 * member.config.electionTicks)
  })

  test("what it acknowledged before its loss is not counted once the loss is known", () => {
    const member = leadingOver(1)
    const before = round(member)
    member.step(uncounted("n2", 1, 1, before))
    member.step(acked("n2", 1, 4, before))
    expect(member.node.commitIndex).toBe(1)
    expect(member.node.progress("n2")).toMatchObject({ matchIndex: 0, counts: false })
  })

  test("it must hold all that was ever counted of it", () => {
    const member = leadingOver(4)
    expect(member.node.commitIndex).toBe(4)
    member.step(uncounted("n2", 1, 2, round(member)))
    member.step(uncounted("n2", 1, 3, round(member)))
    expect(heartbeat(member)).toMatchObject([{ readmitted: false }])
    member.step(uncounted("n2", 1, 4, round(member)))
    expect(heartbeat(member)).toMatchObject([{ readmitted: true, prevLogIndex: 4 }])
    member.step(acked("n3", 1, 1, round(member)))
    expect(heartbeat(member)).toMatchObject([{ readmitted: true, prevLogIndex: 4 }])
    member.step(acked("n2", 1, 4, round(member)))
    expect(member.node.progress("n2")).toMatchObject({ counts: true, matchIndex: 4 })
    expect(heartbeat(member)).toMatchObject([{ readmitted: false }])
  })

  test("a message that does not reach all of that does not readmit", () => {
    const member = leadingOver(4)
    member.step(uncounted("n2", 1, 4, round(member)))
    member.step(uncounted("n2", 1, 4, round(member)))
    expect(heartbeat(member)).toMatchObject([{ readmitted: true }])
    propose(member.node, "d")
    drain(member)
    member.step(acked("n3", 1, 5, round(member)))
    drain(member)
    // What it holds is below the cut now, so the question is about nothing.
    member.cut(5)
    member.sync()
    expect(heartbeat(member)).toMatchObject([{ prevLogIndex: 0, readmitted: false }])
  })

  test("and the no-op of the term, which of two voters nobody could commit without it", () => {
    const member = alone({ voters: ["n1", "n2"], log: [1, 1] })
    candidacy(member)
    const granted = { _tag: "RequestVoteResponse", from: "n2", to: "n1", term: 2 } as const
    member.step({ ...granted, granted: true, counts: false })
    expect([member.node.role, member.node.term]).toEqual(["leader", 2])
    drain(member)
    member.step(uncounted("n2", 2, 2, 1))
    member.step(uncounted("n2", 2, 2, round(member)))
    expect(heartbeat(member)).toMatchObject([{ readmitted: false }])
    member.step(uncounted("n2", 2, 3, round(member)))
    expect([heartbeat(member)[0]?.readmitted, member.node.commitIndex]).toEqual([true, 0])
    member.step(acked("n2", 2, 3, round(member)))
    expect(member.node.commitIndex).toBe(3)
  })

  test("who loses again what it held uncounted begins anew", () => {
    const member = leadingOver(4)
    member.step(uncounted("n2", 1, 4, round(member)))
    member.step(uncounted("n2", 1, 4, round(member)))
    expect(heartbeat(member)).toMatchObject([{ readmitted: true }])
    member.step({ ...refusal("n2", 1, 4, at(1, 2), round(member)), counts: false })
    expect(member.node.progress("n2")).toMatchObject({ matchIndex: 0, counts: false })
    member.step(acked("n2", 1, 4, 1))
    expect(member.node.progress("n2")).toMatchObject({ matchIndex: 0, counts: false })
  })

  test("what it held uncounted is not counted with it", () => {
    const member = leadingOver(2)
    member.step(acked("n3", 1, 2))
    member.step(uncounted("n2", 1, 2, round(member)))
    member.step(uncounted("n2", 1, 4, round(member)))
    heartbeat(member)
    member.step(acked("n2", 1, 2, round(member)))
    expect(member.node.progress("n2")).toMatchObject({ matchIndex: 2, counts: true })
    expect(member.node.commitIndex).toBe(2)
  })

  test("whoever is not counted is not handed the leadership", () => {
    const member = leadingOver(4)
    member.step(uncounted("n2", 1, 4, round(member)))
    expect(member.node.transferLeadership("n2")).toBe("refused")
  })

  test("a doubted member that answers keeps the group awake", () => {
    const member = leading({ settings: { quiesceTicks: 4 } })
    for (let i = 0; i < 30; i++) {
      member.node.tick()
      for (const { to, round: asked } of only(drain(member), "AppendEntries")) {
        member.step(to === "n2" ? uncounted("n2", 1, 1, asked) : acked("n3", 1, 1, asked))
      }
    }
    expect(member.node.quiesced).toBe(false)
    expect(member.node.role).toBe("leader")
  })
})

test("a timer that does not campaign does not look like a lease (a learner's vote was missing)", () => {
  const member = alone({ voters: ["n2", "n3"], learners: ["n1"] })
  member.step(append("n2", 1, at(0, 0)))
  drain(member)
  for (let i = 0; i < 2 * member.config.electionTicks; i++) member.node.tick()
  expect(member.node.leaderId).toBe(null)
  member.step(preVote("n3", 2, at(0, 0)))
  expect(only(drain(member), "PreVoteResponse")).toMatchObject([{ granted: true }])
  expect(configurationOf({ voters: ["n2", "n3"], learners: ["n1"] })).toEqual(
    member.node.configuration,
  )
})
