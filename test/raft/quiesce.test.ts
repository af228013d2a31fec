/** Sleeping by agreement: who agrees to what, and what wakes whom. */
import { describe, expect, test } from "bun:test"
import type { Message, Quiesce, QuiesceResponse } from "../../raft/index.ts"
import { acked, alone, append, drain, leading, only, preVote, requestVote } from "./alone.ts"
import { dataEntry, propose, type Member } from "../../src/sim/bare/member.ts"

const settings = { quiesceTicks: 8 }
const quiesce = (lastLogIndex: number, commitIndex: number, term = 1): Quiesce => ({
  _tag: "Quiesce",
  from: "n2",
  to: "n1",
  term,
  lastLogIndex,
  commitIndex,
})
const agreed = (from: string, lastLogIndex: number): QuiesceResponse => ({
  _tag: "QuiesceResponse",
  from,
  to: "n1",
  term: 1,
  lastLogIndex,
  agreed: true,
})

/** Two entries, both durable, `commitIndex` of them known to be committed. */
function following(commitIndex: number): Member {
  const member = alone({ settings })
  const entries = [dataEntry(1, 1, 0), dataEntry(1, 2, 1)]
  member.step(append("n2", 1, { index: 0, term: 0 }, entries, commitIndex))
  drain(member)
  return member
}

function sleeping(): Member {
  const member = following(2)
  member.step(quiesce(2, 2))
  drain(member)
  expect(member.node.quiesced).toBe(true)
  return member
}

/** Ticks an idle leader to its question. */
function asking(): Member {
  const member = leading({ settings })
  for (const from of ["n2", "n3"]) member.step(acked(from, 1, 1))
  const said: Array<Message> = []
  while (only(said, "Quiesce").length === 0) {
    member.node.tick()
    said.push(...drain(member))
    const round = member.node.state.leader?.round ?? 0
    for (const from of ["n2", "n3"]) member.step(acked(from, 1, 1, round))
  }
  return member
}

describe("a follower", () => {
  for (const [what, message, agrees] of [
    ["that has everything and knows that it is committed agrees", quiesce(2, 2), true],
    ["that lacks an entry refuses", quiesce(3, 2), false],
    ["that has more refuses", quiesce(1, 1), false],
    ["that does not know the commit refuses", quiesce(2, 3), false],
    ["that knows more refuses", quiesce(2, 1), false],
  ] as const) {
    test(what, () => {
      const member = following(2)
      member.step(message)
      expect(only(drain(member), "QuiesceResponse")).toMatchObject([{ agreed: agrees }])
      expect(member.node.quiesced).toBe(agrees)
    })
  }

  test("whose entries are not durable refuses", () => {
    const member = alone({ settings })
    member.step(append("n2", 1, { index: 0, term: 0 }, [dataEntry(1, 1, 0)], 1))
    member.take()
    member.step(quiesce(1, 1))
    expect(member.node.quiesced).toBe(false)
  })

  test("in an older term hears of the new one and refuses", () => {
    const member = following(2)
    member.step(quiesce(2, 2, 3))
    expect([member.node.term, member.node.leaderId, member.node.quiesced]).toEqual([3, "n2", false])
  })

  test("sleeps through time and repeated questions", () => {
    const member = sleeping()
    for (let tick = 0; tick < 1000; tick++) member.node.tick()
    member.step(quiesce(2, 2))
    expect(only(drain(member), "QuiesceResponse")).toMatchObject([{ agreed: true }])
    expect([member.node.quiesced, member.node.role]).toEqual([true, "follower"])
  })

  const steppedDown = { _tag: "SteppedDown", from: "n2", to: "n1", term: 1 } as const
  for (const [what, wake] of [
    ["AppendEntries", (m: Member) => m.step(append("n2", 1, { index: 2, term: 1 }))],
    ["a RequestVote", (m: Member) => m.step(requestVote("n3", 2, { index: 2, term: 1 }))],
    ["a PreVote of a member", (m: Member) => m.step(preVote("n3", 2, { index: 2, term: 1 }))],
    ["SteppedDown", (m: Member) => m.step(steppedDown)],
    ["its host's wake()", (m: Member) => m.node.wake()],
    ["a new link to its leader", (m: Member) => m.node.peerReset("n2")],
    ["an assigned campaign", (m: Member) => m.node.campaign("assigned")],
  ] as const) {
    test(`wakes on ${what}`, () => {
      const member = sleeping()
      wake(member)
      expect(member.node.quiesced).toBe(false)
    })
  }

  for (const [what, noise] of [
    ["a new link to another follower", (m: Member) => m.node.peerReset("n3")],
    [
      "a PreVote of who was removed",
      (m: Member) => m.step(preVote("n9", 2, { index: 9, term: 9 })),
    ],
    ["a proposal that it cannot take", (m: Member) => void propose(m.node)],
    ["a read that it cannot serve", (m: Member) => void m.node.readIndex(1)],
  ] as const) {
    test(`sleeps on after ${what}`, () => {
      const member = sleeping()
      noise(member)
      expect(member.node.quiesced).toBe(true)
    })
  }

  test("keeps the lease while it sleeps, and its timer begins at zero when it wakes", () => {
    const member = sleeping()
    member.step(preVote("n9", 2, { index: 9, term: 9 }))
    expect(only(drain(member), "PreVoteResponse")).toMatchObject([{ granted: false }])
    member.node.wake()
    for (let tick = 0; tick < 11; tick++) member.node.tick()
    expect(member.node.role).toBe("follower")
  })
})

describe("a leader", () => {
  test("sleeps when everybody that lives has agreed", () => {
    const member = asking()
    member.step(agreed("n2", 1))
    expect(member.node.quiesced).toBe(false)
    member.step(agreed("n3", 1))
    expect(member.node.quiesced).toBe(true)
  })

  test("does not take an agreement twice or about another log", () => {
    const member = asking()
    member.step(agreed("n2", 1))
    member.step(agreed("n2", 1))
    expect(member.node.quiesced).toBe(false)
    const other = asking()
    other.step(agreed("n2", 1))
    other.step(agreed("n3", 0))
    expect(other.node.quiesced).toBe(false)
  })

  test("forgets the question when something happens before the last answer", () => {
    const member = asking()
    member.step(agreed("n2", 1))
    propose(member.node)
    member.step(agreed("n3", 1))
    expect(member.node.quiesced).toBe(false)
  })

  test("does not wake by a doubled agreement, and wakes by anything else", () => {
    const member = asking()
    for (const from of ["n2", "n3", "n2"]) member.step(agreed(from, 1))
    expect(member.node.quiesced).toBe(true)
    member.step(acked("n2", 1, 1))
    expect(member.node.quiesced).toBe(false)
    expect(only(drain(member), "AppendEntries").length).toBe(2)
  })

  test("with a read, a transfer, or quiesceTicks 0 does not ask", () => {
    const never = leading({ settings: { quiesceTicks: 0 } })
    const reading = leading({ settings })
    reading.node.readIndex(1)
    for (const member of [never, reading]) {
      const said: Array<Message> = []
      for (let tick = 0; tick < 60; tick++) {
        member.node.tick()
        said.push(...drain(member))
        const round = member.node.state.leader?.round ?? 0
        const match = member.disk.durable.entries.length
        if (tick % 4 === 0 && member === never) {
          for (const from of ["n2", "n3"]) member.step(acked(from, 1, match, round))
        }
      }
      expect(only(said, "Quiesce")).toEqual([])
    }
  })

  test("whose questions nobody answers steps down by check-quorum all the same", () => {
    const member = asking()
    for (let tick = 0; tick < 12; tick++) member.node.tick()
    expect(member.node.role).toBe("follower")
  })
})
