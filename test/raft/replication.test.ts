/**
 * How much a leader sends: windows, retransmission, and nothing that duplication could multiply
 * (hazards 23, 27).
 */
import { describe, expect, test } from "bun:test"
import type { AppendEntries, Message } from "../../raft/index.ts"
import { acked, drain, leading, only, refusal } from "./alone.ts"
import { Member, configurationOf, proposalAt, propose } from "../../src/sim/bare/member.ts"

const toN2 = (messages: ReadonlyArray<Message>): Array<AppendEntries> =>
  only(messages, "AppendEntries").filter(({ to }) => to === "n2")

/** n2 in replicate, everything acknowledged. */
function replicating(settings: Partial<Member["config"]> = {}): Member {
  const member = leading({ settings })
  member.step(acked("n2", 1, 1))
  drain(member)
  return member
}

describe("windows", () => {
  test("one message per Ready carries all that was proposed since, when it fits", () => {
    const member = replicating()
    for (let i = 0; i < 100; i++) propose(member.node, "x")
    const [message, ...more] = toN2(drain(member))
    expect([message?.entries.length, more.length]).toEqual([100, 0])
  })

  test("appendBytesMax cuts messages; an entry above it travels alone", () => {
    const member = replicating({ appendBytesMax: 3 })
    for (const payload of ["a", "bb", "cccc", "d"]) propose(member.node, payload)
    expect(toN2(drain(member)).map(({ entries }) => entries.length)).toEqual([2, 1, 1])
  })

  test("inflightBytesMax holds messages back until answers come", () => {
    const member = replicating({ appendBytesMax: 1, inflightBytesMax: 130 })
    for (const payload of ["a", "b", "c", "d", "e"]) propose(member.node, payload)
    expect(toN2(drain(member)).length).toBe(2)
    member.step(acked("n2", 1, 2))
    expect(toN2(drain(member)).length).toBe(1)
  })

  test("the count window opens by one per answered message, up to inflightMessagesMax", () => {
    const member = replicating({ appendBytesMax: 1, inflightMessagesMax: 6 })
    for (let i = 0; i < 40; i++) propose(member.node, "x")
    const sent: Array<number> = []
    for (let round = 0; round < 4; round++) {
      const messages = toN2(drain(member))
      sent.push(messages.length)
      const last = messages.at(-1)
      if (last !== undefined) member.step(acked("n2", 1, last.prevLogIndex + last.entries.length))
    }
    expect(sent).toEqual([4, 6, 6, 6])
  })
})

/** Commits one entry with n2's help and gives what n2 is told after `ticks` ticks. */
const noticesAfter = (commitNoticeTicks: number, ticks: number): Array<number> => {
  const member = replicating({ commitNoticeTicks })
  propose(member.node, "x")
  drain(member)
  member.step(acked("n2", 1, 2))
  const told = toN2(drain(member))
  for (let i = 0; i < ticks; i++) {
    member.node.tick()
    told.push(...toN2(drain(member)))
  }
  return told.map(({ leaderCommit }) => leaderCommit)
}

describe("word of a commit", () => {
  test("goes at once where everybody waits for it, once", () => {
    expect(noticesAfter(0, 3)).toEqual([2])
  })

  test("waits for a pause of commitNoticeTicks elsewhere", () => {
    expect(noticesAfter(2, 1)).toEqual([])
    expect(noticesAfter(2, 3)).toEqual([2])
  })

  test("rides on the next entries while they keep coming", () => {
    const member = replicating({ commitNoticeTicks: 2 })
    for (let i = 2; i < 20; i++) {
      propose(member.node, "x")
      const told = toN2(drain(member))
      expect(told.map(({ entries, leaderCommit }) => [entries.length, leaderCommit])).toEqual([
        [1, i - 1],
      ])
      member.step(acked("n2", 1, i))
      expect(toN2(drain(member))).toEqual([])
      if (i % 6 === 0) member.node.tick()
    }
  })
})

describe("retransmission", () => {
  test("acknowledgements, however often repeated, make the leader send nothing twice", () => {
    const member = replicating()
    propose(member.node, "x")
    expect(toN2(drain(member)).length).toBe(1)
    for (let i = 0; i < 50; i++) member.step(acked("n2", 1, 1))
    expect(toN2(drain(member))).toEqual([])
    for (let i = 0; i < 50; i++) member.step(acked("n2", 1, 2))
    expect(toN2(drain(member)).flatMap(({ entries }) => entries)).toEqual([])
  })

  test("of a window's refusals only the first says something: one message, not a window per refusal", () => {
    const member = replicating({ appendBytesMax: 1, inflightMessagesMax: 64 })
    const sent: Array<AppendEntries> = []
    let index = 1
    // Opens the window to its full size.
    for (let i = 0; i < 12; i++) {
      for (let j = 0; j < 8; j++) propose(member.node, "x")
      sent.push(...toN2(drain(member)))
      index = (sent.at(-1)?.prevLogIndex ?? 0) + 1
      member.step(acked("n2", 1, index))
    }
    for (let j = 0; j < 40; j++) propose(member.node, "x")
    const lost = toN2(drain(member))
    expect(lost.length).toBe(40)
    // The first is lost, the 39 others are refused, each twice.
    const refusals = lost
      .slice(1)
      .map(({ prevLogIndex, round }) => refusal("n2", 1, prevLogIndex, { index, term: 1 }, round))
    let resent = 0
    for (const message of [...refusals, ...refusals]) {
      member.step(message)
      resent += toN2(drain(member)).length
    }
    expect(resent).toBe(1)
    // What is late now is of an older round, even after the follower has answered and pipelining
    // goes on.
    member.step(acked("n2", 1, index + 1, member.node.state.leader?.round))
    expect(toN2(drain(member)).length).toBe(4)
    for (const message of refusals.slice(2)) {
      member.step(message)
      expect(toN2(drain(member))).toEqual([])
    }
    expect(member.node.progress("n2")?.state).toBe("replicate")
  })

  test("a group under 100 % duplication and reordering: messages stay proportional to entries", () => {
    const ids = ["n1", "n2"]
    const bootstrap = configurationOf({ voters: ids })
    const settings = { appendBytesMax: 1, inflightMessagesMax: 16 }
    const members = new Map(ids.map((id, i) => [id, new Member(id, bootstrap, i, settings)]))
    const n1 = members.get("n1")!
    n1.node.campaign("assigned")
    let mail: Array<Message> = []
    let count = 0
    for (let step = 0; step < 2000; step++) {
      if (n1.node.role === "leader" && step % 10 === 0 && step < 1000) propose(n1.node, "x")
      for (const member of members.values()) mail.push(...drain(member))
      const now = [...mail, ...mail].toReversed()
      count += mail.length
      mail = []
      for (const message of now) members.get(message.to)?.step(message)
    }
    expect(n1.node.lastIndex).toBeGreaterThan(90)
    expect(n1.node.commitIndex).toBe(n1.node.lastIndex)
    expect(count).toBeLessThan(20 * n1.node.lastIndex)
  })

  test("a follower that is gone costs one message per heartbeat and window, without entries", () => {
    const member = replicating({ inflightMessagesMax: 4, appendBytesMax: 1 })
    let entries = 0
    let messages = 0
    for (let tick = 0; tick < 400; tick++) {
      if (tick % 2 === 0) propose(member.node, "x")
      member.node.tick()
      const sent = drain(member)
      messages += toN2(sent).length
      entries += toN2(sent).reduce((sum, message) => sum + message.entries.length, 0)
      for (const { to, round } of only(sent, "AppendEntries")) {
        if (to === "n3") member.step(acked("n3", 1, member.disk.durable.entries.length, round))
      }
    }
    expect(entries).toBe(4)
    expect(messages).toBeLessThanOrEqual(4 + 100)
    expect(member.node.state.leader?.progress.get("n2")?.inflights.count).toBe(4)
  })

  test("a new link asks before it sends on: what was on the way may be lost or not", () => {
    const member = replicating()
    propose(member.node, "x")
    drain(member)
    member.node.peerReset("n2")
    expect(toN2(drain(member))).toMatchObject([{ prevLogIndex: 2, entries: [] }])
    member.step(acked("n2", 1, 2, member.node.state.leader?.round))
    expect(member.node.progress("n2")).toMatchObject({ state: "replicate", matchIndex: 2 })
  })
})

describe("quiet hosts", () => {
  test("a node with nothing to do has no Ready", () => {
    const member = replicating()
    member.step(acked("n3", 1, 1))
    drain(member)
    expect(member.node.hasReady()).toBe(false)
    member.node.tick()
    drain(member)
    for (const from of ["n2", "n3"]) member.step(acked(from, 1, 1))
    expect(member.node.hasReady()).toBe(false)
  })

  test("who forgets to take a Ready's entries is told", () => {
    const member = leading()
    propose(member.node, "x")
    member.node.ready()
    expect(() => member.node.ready()).toThrow("the host has taken the last Ready")
  })

  test("a proposal that does not continue the offsets stops the broker", () => {
    const member = leading()
    expect(() => member.node.propose(proposalAt(5))).toThrow("continues the log's offsets")
  })
})
