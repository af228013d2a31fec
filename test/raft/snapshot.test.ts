/** Snapshots (§7): who installs what, what stays, and what a leader sends. */
import { describe, expect, test } from "bun:test"
import { crc32c, noCut, type LogCut, type Message } from "../../raft/index.ts"
import { acked, alone, append, drain, leading, only } from "./alone.ts"
import { configurationOf, dataEntry, propose, type Member } from "../../src/sim/bare/member.ts"

const at = (term: number, index: number) => ({ term, index })
const cutAt = (term: number, index: number): LogCut => ({
  ...noCut,
  index,
  term,
  lastOffset: index - 1,
  configurationIndex: 0,
})

interface Piece {
  readonly cut: LogCut
  readonly state: Uint8Array
  readonly offset?: number
  readonly length?: number
  readonly round?: number
}
const chunk = ({ cut, state, offset = 0, length, round = 1 }: Piece): Message => ({
  _tag: "InstallSnapshot",
  from: "n2",
  to: "n1",
  term: 5,
  cut,
  totalBytes: state.length,
  stateCrc: crc32c(state),
  offset,
  chunk: state.subarray(offset, offset + (length ?? state.length)),
  round,
  stripped: false,
})
const state = Uint8Array.from({ length: 10 }, (_, i) => i)
const stepAll = (member: Member, ...pieces: ReadonlyArray<Piece>): Array<Message> => {
  for (const piece of pieces) member.step(chunk(piece))
  return drain(member)
}

describe("a follower", () => {
  test("hands out what is whole, and says so when it is durable", () => {
    const member = alone({ log: [1, 1] })
    member.step(chunk({ cut: cutAt(4, 9), state }))
    const ready = member.take()
    expect(ready.snapshot).toEqual({ cut: cutAt(4, 9), state })
    expect(ready.messages).toEqual([])
    expect(ready.committed).toEqual({ lo: 10, hi: 10 })
    expect(ready.hardState).toMatchObject({ term: 5, acceptedTerm: 5 })
    expect(member.node.durableIndex).toBe(0)
    expect(member.sync()).toMatchObject([
      { _tag: "InstallSnapshotResponse", lastIncludedIndex: 9, nextOffset: 10, counts: true },
    ])
    expect(member.node).toMatchObject({
      commitIndex: 9,
      appliedIndex: 9,
      lastIndex: 9,
      durableIndex: 9,
      lastOffset: 8,
    })
  })

  test("goes on behind it, in the same Ready too", () => {
    const member = alone()
    member.step(chunk({ cut: cutAt(4, 9), state }))
    member.step(append("n2", 5, at(4, 9), [dataEntry(5, 10, 9)], 10))
    const ready = member.take()
    expect(ready.snapshot?.cut.index).toBe(9)
    expect(ready.entries.map(({ index }) => index)).toEqual([10])
    expect(ready.committed).toEqual({ lo: 10, hi: 11 })
    expect(member.sync().map(({ _tag }) => _tag)).toEqual([
      "InstallSnapshotResponse",
      "AppendEntriesResponse",
    ])
  })

  test("keeps what follows an entry that agrees with the cut, durable or not handed out", () => {
    const member = alone({ log: [1, 1, 4] })
    member.step(append("n2", 5, at(4, 3), [dataEntry(4, 4, 3), dataEntry(5, 5, 4)]))
    member.step(chunk({ cut: cutAt(4, 4), state }))
    drain(member)
    expect(member.node).toMatchObject({ lastIndex: 5, commitIndex: 4, durableIndex: 5 })
    expect(member.disk.all.map(({ index, term }) => [term, index])).toEqual([[5, 5]])
    expect(member.disk.cut.index).toBe(4)
  })

  test("drops a log that conflicts with the cut", () => {
    const member = alone({ log: [1, 1, 1, 1, 1, 1] })
    expect(stepAll(member, { cut: cutAt(4, 4), state })).toMatchObject([{ lastIncludedIndex: 4 }])
    expect(member.node).toMatchObject({ lastIndex: 4, durableIndex: 4 })
    expect(member.disk.all).toEqual([])
  })

  test("a crash before it is durable leaves the log that was", () => {
    const member = alone({ log: [1, 1, 1] })
    member.step(chunk({ cut: cutAt(4, 9), state }))
    member.take()
    member.crash()
    member.restart()
    expect(member.node).toMatchObject({ lastIndex: 3, commitIndex: 0 })
  })

  test("never goes back: what it has committed it answers like an append", () => {
    const member = alone({ log: [1, 1, 1], commitIndex: 3, term: 5 })
    expect(stepAll(member, { cut: cutAt(1, 2), state })).toMatchObject([
      { _tag: "AppendEntriesResponse", success: true, matchIndex: 3 },
    ])
    expect(member.disk.cut).toEqual(noCut)
  })

  test("asks for where it is, whatever is lost, doubled or out of order", () => {
    const member = alone()
    const cut = cutAt(4, 9)
    const at0 = { cut, state, offset: 0, length: 4 }
    const at4 = { cut, state, offset: 4, length: 4 }
    const at8 = { cut, state, offset: 8, length: 4 }
    const asked = stepAll(member, at4, at0, at0, at8, at4).map((m) =>
      m._tag === "InstallSnapshotResponse" ? m.nextOffset : -1,
    )
    expect(asked).toEqual([0, 4, 4, 4, 8])
    expect(stepAll(member, at8)).toMatchObject([{ nextOffset: 10 }])
    expect(member.machine.index).toBe(9)
  })

  test("refuses a state whose CRC is wrong, and one that is longer than it said", () => {
    const member = alone()
    const good = chunk({ cut: cutAt(4, 9), state })
    if (good._tag !== "InstallSnapshot") throw new Error("no chunk")
    member.step({ ...good, stateCrc: 1 })
    expect(drain(member)).toMatchObject([{ nextOffset: 0 }])
    member.step({ ...good, totalBytes: 8, round: 2 })
    expect(drain(member)).toMatchObject([{ nextOffset: 0 }])
    expect(member.node.lastIndex).toBe(0)
  })

  test("collects no more than snapshotBytesMax", () => {
    const member = alone({ settings: { snapshotBytesMax: 9 } })
    expect(only(stepAll(member, { cut: cutAt(4, 9), state }), "InstallSnapshotResponse")).toEqual(
      [],
    )
    expect(member.node.state.incoming).toBe(null)
  })

  test("a snapshot of a later round replaces the one under way, even an older one", () => {
    const member = alone()
    const newer = { cut: cutAt(4, 9), state, offset: 0, length: 4 }
    const older = { cut: cutAt(4, 7), state, offset: 0, length: 4, round: 2 }
    expect(stepAll(member, newer, older)).toMatchObject([
      { lastIncludedIndex: 9, nextOffset: 4 },
      { lastIncludedIndex: 7, nextOffset: 4 },
    ])
    expect(stepAll(member, { ...newer, offset: 4 })).toEqual([])
    expect(stepAll(member, { ...older, offset: 4, length: 6 })).toMatchObject([{ nextOffset: 10 }])
    expect(member.node.lastIndex).toBe(7)
  })

  test("a new term begins anew", () => {
    const member = alone()
    stepAll(member, { cut: cutAt(4, 9), state, length: 4 })
    member.step(append("n3", 6, at(0, 0)))
    expect(member.node.state.incoming).toBe(null)
  })

  test("takes its membership from the cut, and from entries behind it", () => {
    const member = alone()
    const configuration = configurationOf({ voters: ["n1", "n2", "n4"] })
    const cut = { ...cutAt(4, 9), configuration, configurationIndex: 8 }
    stepAll(member, { cut, state })
    expect(member.node.configuration).toEqual(configuration)
    member.crash()
    member.restart()
    expect(member.node.configuration).toEqual(configuration)
  })
})

/** Leads term 2 over a log cut at 4 whose end is 6. */
function cutLeader(chunkBytes = 4): Member {
  const settings = { snapshotChunkBytes: chunkBytes, snapshotBytesMax: 100 }
  const member = leading({ log: [1, 1, 1, 1], commitIndex: 4, settings })
  propose(member.node, "a")
  drain(member)
  member.step(acked("n2", 2, 6))
  drain(member)
  member.cut(4)
  member.sync()
  return member
}
const refuse = (member: Member) => {
  member.step({ ...acked("n3", 2, 0), success: false, matchIndex: 4 })
  return member.take().snapshotsNeeded
}
const sent = (member: Member) => only(drain(member), "InstallSnapshot")
const asks = (nextOffset: number, lastIncludedIndex = 4, round = 1): Message => ({
  _tag: "InstallSnapshotResponse",
  from: "n3",
  to: "n1",
  term: 2,
  lastIncludedIndex,
  nextOffset,
  round,
  counts: true,
})
const beat = (member: Member): void => {
  for (let i = 0; i < 4; i++) member.node.tick()
  member.step(acked("n2", 2, 6, member.node.state.leader?.round ?? 0))
}

describe("a leader", () => {
  test("says who needs one, again with each heartbeat until the host has answered", () => {
    const member = cutLeader()
    expect(refuse(member)).toEqual(["n3"])
    beat(member)
    expect(member.take().snapshotsNeeded).toEqual(["n3"])
    expect(member.node.offerSnapshot("n3", member.snapshot(false))).toBe(true)
    expect(member.node.offerSnapshot("n3", member.snapshot(false))).toBe(false)
    beat(member)
    expect(member.take().snapshotsNeeded).toEqual([])
  })

  test("offers to who needs none are declined", () => {
    const member = cutLeader()
    expect(member.node.offerSnapshot("n2", member.snapshot(false))).toBe(false)
    expect(member.node.offerSnapshot("n9", member.snapshot(false))).toBe(false)
    expect(alone().node.offerSnapshot("n2", member.snapshot(false))).toBe(false)
  })

  test("an offer above the bound, beyond the commit or of another log throws", () => {
    const member = cutLeader()
    refuse(member)
    const { cut } = member.disk
    const offer = (change: Partial<LogCut>, bytes = 1) =>
      member.node.offerSnapshot("n3", { cut: { ...cut, ...change }, state: new Uint8Array(bytes) })
    expect(() => offer({}, 101)).toThrow(RangeError)
    expect(() => offer({ index: 7, term: 2 })).toThrow("of what is committed")
    expect(() => offer({ index: 5, term: 1 })).toThrow("of this log")
    expect(offer({ index: 3 })).toBe(false)
  })

  test("keeps a few chunks on the way and goes on as they are asked for", () => {
    const member = cutLeader(4)
    refuse(member)
    const { cut } = member.disk
    member.node.offerSnapshot("n3", { cut, state: new Uint8Array(30).fill(7) })
    expect(sent(member).map(({ offset }) => offset)).toEqual([0, 4, 8, 12])
    member.step(asks(4))
    member.step(asks(8))
    expect(sent(member).map(({ offset }) => offset)).toEqual([16, 20])
    member.step(asks(24))
    expect(sent(member).map(({ offset, chunk: { length } }) => [offset, length])).toEqual([
      [24, 4],
      [28, 2],
    ])
    beat(member)
    expect(sent(member)).toEqual([])
    beat(member)
    expect(sent(member).map(({ offset }) => offset)).toEqual([24, 28])
    member.step(asks(0))
    beat(member)
    beat(member)
    expect(sent(member).map(({ offset }) => offset)).toEqual([0, 4, 8, 12])
  })

  test("replicates from behind the cut once it is durable there", () => {
    const member = cutLeader(64)
    refuse(member)
    member.node.offerSnapshot("n3", member.snapshot(false))
    sent(member)
    member.step(asks(member.disk.state.length, 3))
    expect(member.node.progress("n3")).toMatchObject({ state: "snapshot" })
    member.step(asks(member.disk.state.length))
    expect(member.node.progress("n3")).toMatchObject({ state: "replicate", matchIndex: 4 })
    expect(only(drain(member), "AppendEntries")).toMatchObject([
      { to: "n3", prevLogIndex: 4, prevLogTerm: 1, entries: [{ index: 5 }, { index: 6 }] },
    ])
  })

  test("goes back for a member that begins anew with a chunk that was late", () => {
    const member = cutLeader(4)
    refuse(member)
    const { cut } = member.disk
    member.node.offerSnapshot("n3", { cut, state: new Uint8Array(30).fill(7) })
    sent(member)
    member.step(asks(12))
    sent(member)
    member.step(asks(4))
    for (let i = 0; i < 3; i++) beat(member)
    expect(sent(member)[0]?.offset).toBe(12)
    member.step(asks(4, 4, member.node.state.leader?.round))
    for (let i = 0; i < 3; i++) beat(member)
    expect(sent(member)[0]?.offset).toBe(4)
  })

  test("an empty state is one empty chunk", () => {
    const member = cutLeader()
    refuse(member)
    member.node.offerSnapshot("n3", { cut: member.disk.cut, state: new Uint8Array(0) })
    expect(sent(member)).toMatchObject([{ offset: 0, totalBytes: 0, stateCrc: 0 }])
    member.step(asks(0))
    expect(member.node.progress("n3")).toMatchObject({ state: "replicate", matchIndex: 4 })
  })

  test("who has got so far by itself is not sent the rest", () => {
    const member = cutLeader()
    refuse(member)
    member.node.offerSnapshot("n3", member.snapshot(false))
    sent(member)
    member.step(acked("n3", 2, 5))
    expect(member.node.progress("n3")).toMatchObject({ state: "replicate", matchIndex: 5 })
    expect(sent(member)).toEqual([])
  })

  test("a cut that overtakes the messages on the way asks for a snapshot, not for nothing", () => {
    const member = leading({ settings: { appendBytesMax: 1, inflightMessagesMax: 1 } })
    for (const payload of ["a", "b", "c"]) propose(member.node, payload)
    drain(member)
    for (let i = 1; i < 5; i++) {
      member.step(acked("n2", 1, i))
      drain(member)
    }
    member.step(acked("n3", 1, 1))
    drain(member)
    expect(member.node.progress("n3")).toMatchObject({ state: "replicate", nextIndex: 3 })
    member.cut(4)
    member.sync()
    let needed: ReadonlyArray<string> = []
    for (let i = 0; i < 12 && needed.length === 0; i++) {
      member.node.tick()
      if (i === 5) member.step(acked("n2", 1, 4, member.node.state.leader?.round ?? 0))
      needed = member.take().snapshotsNeeded
    }
    expect(needed).toEqual(["n3"])
  })
})

test("a checkpoint says where applying begins, and that so much is committed", () => {
  const member = alone({ log: [1, 1, 1] })
  member.node.applied(2)
  expect(member.node).toMatchObject({ appliedIndex: 2, commitIndex: 2 })
  member.step(append("n2", 1, at(1, 3), [], 3))
  expect(member.node.ready().committed).toEqual({ lo: 3, hi: 4 })
})
