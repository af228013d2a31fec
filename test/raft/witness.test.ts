/** Witness voters: what they get, when, and what they are good for (DESIGN §5, RF 2). */
import { describe, expect, test } from "bun:test"
import {
  decodeConfiguration,
  entryCrc,
  type AppendEntries,
  type Message,
} from "../../raft/index.ts"
import {
  acked,
  alone,
  append,
  drain,
  leading,
  only,
  requestVote,
  tickUntil,
  vote,
} from "./alone.ts"
import { configurationOf, dataEntry, Member, propose } from "../../src/sim/bare/member.ts"

const at = (term: number, index: number) => ({ term, index })
const voters = ["n1", "n2", "w1"]
const round = ({ node }: Member): number => node.state.leader?.round ?? 0

/** Leads term 1 with its no-op committed by n2; the witness is spared and holds nothing. */
function sparing(settings = {}): Member {
  const member = leading({ voters, settings })
  member.step(acked("n2", 1, 1))
  member.node.setWitnessesNeeded(false)
  drain(member)
  return member
}
const toWitness = (messages: ReadonlyArray<Message>): ReadonlyArray<AppendEntries> =>
  only(messages, "AppendEntries").filter(({ to }) => to === "w1")

const witness = (log: ReadonlyArray<number>): Member =>
  alone({ voters: ["n2", "n3", "n1"], log, witnesses: ["n1"] })

const change = (next: Partial<Member["node"]["configuration"]>) => {
  const member = leading({ voters })
  member.step(acked("n2", 1, 1))
  drain(member)
  return member.node.proposeConfiguration({ ...member.node.configuration, ...next }, 0)
}

describe("a leader", () => {
  test("spares the witness while it is not needed, and commits without it", () => {
    const member = sparing()
    propose(member.node, "a")
    expect(toWitness(drain(member))).toEqual([])
    member.step(acked("n2", 1, 2))
    expect(member.node.commitIndex).toBe(2)
    for (let i = 0; i < 4; i++) member.node.tick()
    expect(toWitness(drain(member))).toMatchObject([{ prevLogIndex: 0, entries: [] }])
  })

  test("has nothing to do for a witness that is spared", () => {
    const member = sparing()
    propose(member.node, "a")
    drain(member)
    member.step(acked("n2", 1, 2))
    drain(member)
    member.node.tick()
    drain(member)
    member.node.tick()
    expect(member.node.hasReady()).toBe(false)
  })

  test("gives it what is on its own disk, and no earlier", () => {
    const member = leading({ voters })
    member.step(acked("w1", 1, 0))
    drain(member)
    expect(member.node.progress("w1")).toMatchObject({ state: "replicate" })
    member.step(acked("w1", 1, 1))
    member.step(acked("n2", 1, 1))
    drain(member)
    propose(member.node, "a")
    const ready = member.take()
    expect(toWitness(ready.messages)).toEqual([])
    expect(only(ready.messages, "AppendEntries").map(({ to }) => to)).toEqual(["n2"])
    member.sync()
    expect(toWitness(member.take().messages)).toMatchObject([{ entries: [{ index: 2 }] }])
  })

  test("strips data to its place: offsets stay, bytes go, and the CRC is of what is left", () => {
    const member = leading({ voters })
    member.step(acked("w1", 1, 1))
    propose(member.node, "abc")
    const [sent] = toWitness(drain(member)).flatMap(({ entries }) => entries)
    expect(sent).toMatchObject({ type: "noop", index: 2, term: 1, firstOffset: 0, lastOffset: 0 })
    expect(sent?.payload.length).toBe(0)
    expect(sent?.entryCrc).toBe(entryCrc(sent!, new Uint8Array(0)))
  })

  test("leaves configurations whole", () => {
    const member = leading({ voters })
    member.step(acked("w1", 1, 1))
    drain(member)
    const next = { ...member.node.configuration, learners: ["n9"] }
    expect(member.node.proposeConfiguration(next, 0)._tag).toBe("proposed")
    const [sent] = toWitness(drain(member)).flatMap(({ entries }) => entries)
    expect(decodeConfiguration(sent!.payload)).toEqual(next)
  })

  test("brings one that is behind the commit up by a cut without state", () => {
    const member = sparing()
    for (const payload of ["a", "b"]) propose(member.node, payload)
    drain(member)
    member.step(acked("n2", 1, 3))
    drain(member)
    member.node.setWitnessesNeeded(true)
    const sent = only(drain(member), "InstallSnapshot")
    expect(sent).toMatchObject([
      { to: "w1", totalBytes: 0, cut: { index: 3, term: 1, lastOffset: 1, configuration: null } },
    ])
    propose(member.node, "c")
    drain(member)
    member.step({
      _tag: "InstallSnapshotResponse",
      from: "w1",
      to: "n1",
      term: 1,
      lastIncludedIndex: 3,
      nextOffset: 0,
      round: round(member),
      counts: true,
    })
    expect(toWitness(drain(member))).toMatchObject([{ prevLogIndex: 3, entries: [{ index: 4 }] }])
    member.step(acked("w1", 1, 4, round(member)))
    expect(member.node.commitIndex).toBe(4)
  })

  test("does not hand leadership to it", () => {
    expect(leading({ voters }).node.transferLeadership("w1")).toBe("refused")
  })

  test("sleeps though a spared witness has nothing, and wakes when it is needed", () => {
    const member = sparing({ quiesceTicks: 4 })
    for (let i = 0; i < 40 && !member.node.quiesced; i++) {
      member.node.tick()
      for (const said of drain(member)) {
        if (said._tag === "AppendEntries") {
          member.step(acked(said.to, 1, said.to === "w1" ? 0 : 1, said.round))
        }
        if (said._tag === "Quiesce") {
          const { to, lastLogIndex } = said
          member.step({
            _tag: "QuiesceResponse",
            from: to,
            to: "n1",
            term: 1,
            lastLogIndex,
            agreed: true,
          })
        }
      }
    }
    expect(member.node.quiesced).toBe(true)
    member.node.setWitnessesNeeded(false)
    expect(member.node.quiesced).toBe(true)
    member.node.setWitnessesNeeded(true)
    expect(member.node.quiesced).toBe(false)
    expect(only(drain(member), "InstallSnapshot")).toMatchObject([{ to: "w1", cut: { index: 1 } }])
  })

  test("needs it while a data voter holds entries that do not count", () => {
    const member = sparing()
    member.step(acked("w1", 1, 0))
    propose(member.node, "a")
    drain(member)
    member.step({ ...acked("n2", 1, 1, round(member)), counts: false })
    expect(only(drain(member), "InstallSnapshot")).toMatchObject([{ to: "w1", cut: { index: 1 } }])
  })

  test("never spares it where data voters are no majority by themselves", () => {
    const member = leading({ voters: ["n1", "w1"] })
    member.node.setWitnessesNeeded(false)
    member.step(acked("w1", 1, 0))
    drain(member)
    member.step(acked("w1", 1, 1))
    propose(member.node, "a")
    expect(toWitness(drain(member))).toMatchObject([{ entries: [{ index: 2 }] }])
    member.step(acked("w1", 1, 2))
    expect(member.node.commitIndex).toBe(2)
  })

  test("a new leader needs it until its no-op is committed, whatever the host said before", () => {
    const member = alone({ voters, log: [1, 1] })
    member.node.setWitnessesNeeded(false)
    member.node.campaign("assigned")
    drain(member)
    member.step(vote("w1", 2, true))
    drain(member)
    member.step(acked("w1", 2, 2))
    expect(toWitness(drain(member))).toMatchObject([{ entries: [{ index: 3 }] }])
    member.step(acked("w1", 2, 3))
    expect(member.node.committedInTerm).toBe(true)
  })

  test("that leaves never puts it ahead of the data voters that stay", () => {
    const member = leading({ voters: ["n1", "n2", "w1"] })
    member.step(acked("n2", 1, 1))
    member.step(acked("w1", 1, 1))
    drain(member)
    const next = { ...member.node.configuration, voters: ["n2", "w1"] }
    expect(member.node.proposeConfiguration(next, 0)._tag).toBe("proposed")
    propose(member.node, "a")
    expect(toWitness(drain(member))).toEqual([])
    member.step(acked("n2", 1, 2))
    expect(toWitness(drain(member))).toMatchObject([{ entries: [{ index: 2 }] }])
  })
})

describe("a witness", () => {
  test("never campaigns", () => {
    const member = witness([1])
    for (let i = 0; i < 60; i++) member.node.tick()
    member.node.campaign("assigned")
    member.step(append("n2", 1, at(1, 1)))
    member.step({ _tag: "TimeoutNow", from: "n2", to: "n1", term: 1 })
    expect(member.node.role).toBe("follower")
  })

  test("votes by what it has, and refuses a replica that is behind it", () => {
    const member = witness([1, 1])
    member.step(requestVote("n3", 2, at(1, 1)))
    expect(only(drain(member), "RequestVoteResponse")).toMatchObject([{ granted: false }])
    member.step(requestVote("n2", 3, at(1, 2)))
    expect(only(drain(member), "RequestVoteResponse")).toMatchObject([{ granted: true }])
  })

  test("agrees to sleep on a log of which it has only a part", () => {
    const ask = { _tag: "Quiesce", from: "n2", to: "n1", term: 1, commitIndex: 9 } as const
    const member = witness([1])
    member.step(append("n2", 1, at(1, 1)))
    drain(member)
    member.step({ ...ask, lastLogIndex: 9 })
    expect(drain(member)).toMatchObject([{ agreed: true, lastLogIndex: 9 }])
    expect(member.node.quiesced).toBe(true)
    const replica = alone({ voters: ["n2", "n3", "n1"], log: [1] })
    replica.step(append("n2", 1, at(1, 1)))
    drain(replica)
    replica.step({ ...ask, lastLogIndex: 9 })
    expect(drain(replica)).toMatchObject([{ agreed: false, lastLogIndex: 1 }])
  })

  test("drops what conflicts like anybody", () => {
    const member = witness([1, 1, 1])
    const noop = { ...dataEntry(2, 2, 1), type: "noop" } as const
    member.step(append("n2", 2, at(1, 1), [noop]))
    drain(member)
    expect(member.disk.all.map(({ term }) => term)).toEqual([1, 2])
  })
})

describe("configurations with witnesses", () => {
  for (const [what, next] of [
    [
      "a data voter becomes a witness",
      { witnesses: ["w1", "n2"], voters: ["n1", "n2", "w1", "n4"] },
    ],
    ["a witness becomes a data voter", { witnesses: [] }],
    ["a witness becomes a learner", { voters: ["n1", "n2"], witnesses: [], learners: ["w1"] }],
    ["witnesses alone are a majority", { voters: ["n1", "w1", "w2"], witnesses: ["w1", "w2"] }],
  ] as const) {
    test(`refused: ${what}`, () => {
      expect(change(next)).toEqual({ _tag: "refused", reason: "configurationInvalid" })
    })
  }

  test("one witness takes the place of another", () => {
    const result = change({ voters: ["n1", "n2", "w2"], witnesses: ["w2"] })
    expect(result._tag).toBe("proposed")
  })

  test("a leader with a data voter that is down elects, commits and serves with the witness", () => {
    const member = alone({ voters })
    member.node.campaign("assigned")
    drain(member)
    member.step(vote("w1", 1, true))
    drain(member)
    member.step(acked("w1", 1, 0))
    drain(member)
    member.step(acked("w1", 1, 1))
    expect(member.node.committedInTerm).toBe(true)
    member.node.readIndex(5)
    const [asked] = toWitness(drain(member)).slice(-1)
    member.step(acked("w1", 1, 1, asked?.round ?? 0))
    expect(member.take().readStates).toEqual([{ context: 5, index: 1 }])
    let done = false
    for (let i = 0; i < 60; i++) {
      member.node.tick()
      for (const said of toWitness(drain(member))) member.step(acked("w1", 1, 1, said.round))
      done = member.node.role === "leader"
    }
    expect(done).toBe(true)
    tickUntil(member, () => member.node.role === "follower")
  })
})

describe("what is late, from before a member became what it is", () => {
  const entry = dataEntry(1, 1, 0, "a")
  const stripped = { ...append("n2", 1, at(0, 0), [entry]), stripped: true }

  test("a log with data takes no entries that are meant for a witness; their leader is heard", () => {
    const member = alone({ voters: ["n2", "n3", "n1"] })
    member.step(stripped)
    expect([member.node.lastIndex, member.node.leaderId]).toEqual([0, "n2"])
    expect(drain(member)).toEqual([])
    member.step({ ...stripped, stripped: false })
    expect(member.node.lastIndex).toBe(1)
  })

  test("a witness takes none with data", () => {
    const bootstrap = configurationOf({ voters: ["n2", "n3", "w1"], witnesses: ["w1"] })
    const member = new Member("w1", bootstrap, 7)
    member.step({ ...stripped, to: "w1", stripped: false })
    expect(member.node.lastIndex).toBe(0)
    member.step({ ...stripped, to: "w1" })
    expect(member.node.lastIndex).toBe(1)
  })

  test("an answer from an earlier membership says nothing of the log that learns now", () => {
    const member = leading({ voters })
    member.step(acked("n2", 1, 1))
    drain(member)
    const late = { ...acked("n4", 1, 1), round: round(member) }
    const { configuration } = member.node
    member.node.proposeConfiguration({ ...configuration, learners: ["n4"] }, 0)
    drain(member)
    member.step(late)
    expect(member.node.progress("n4")?.matchIndex).toBe(0)
    member.step({ ...late, round: round(member) })
    expect(member.node.progress("n4")?.matchIndex).toBe(1)
  })
})
