/**
 * One test per sentence of "In Search of an Understandable Consensus Algorithm" (extended version)
 * and, where it says so, of Ongaro's dissertation: the log and its safety (§5.3–5.5). n1 is the
 * node under test.
 */
import { describe, expect, test } from "bun:test"
import type { Message } from "../../raft/index.ts"
import {
  acked,
  alone,
  append,
  drain,
  empty,
  leading,
  only,
  preVote,
  refusal,
  requestVote,
} from "./alone.ts"
import { dataEntry, propose } from "../../src/sim/bare/member.ts"

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
    expect(member.disk.durable.entries.length).toBe(1)
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
    expect([member.node.commitIndex, member.disk.durable.entries.length]).toEqual([3, 2])
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
    expect(member.disk.durable.entries.map(({ term }) => term)).toEqual([1, 1, 3])
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
