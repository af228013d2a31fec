/** The rules by which an opened log is believed or not (VERIFICATION D1, D2, D4). */
import { describe, expect, test } from "bun:test"
import { emptyHardState, type HardState } from "../../raft/types.ts"
import { isLower, judge, type Sentinel, type Testimony } from "../../storage/verdict.ts"

const hardState: HardState = { ...emptyHardState, term: 2, acceptedTerm: 2, votedFor: "1:disk" }
const sentinel: Sentinel = {
  term: 2,
  votedFor: "1:disk",
  height: { acceptedTerm: 2, lastIndex: 7 },
  commitIndex: 5,
  standing: "trusted",
}
const whole: Testimony = { journal: "whole", hardState, lastIndex: 7, sentinel, salvaged: false }

const standing = (testimony: Partial<Testimony>) =>
  judge({ ...whole, ...testimony }).hardState.standing

test("heights are pairs: the term first", () => {
  expect(isLower({ acceptedTerm: 1, lastIndex: 10 }, { acceptedTerm: 2, lastIndex: 7 })).toBe(true)
  expect(isLower({ acceptedTerm: 2, lastIndex: 7 }, { acceptedTerm: 1, lastIndex: 10 })).toBe(false)
  expect(isLower({ acceptedTerm: 2, lastIndex: 7 }, { acceptedTerm: 2, lastIndex: 7 })).toBe(false)
})

describe("a log as the sentinel knows it, or higher", () => {
  test("is trusted, also after a torn tail or with a journal without a header", () => {
    for (const journal of ["absent", "whole", "tornTail", "headerBad"] as const) {
      expect(standing({ journal })).toBe("trusted")
    }
    expect(judge(whole).reasons).toEqual([])
  })

  test("is trusted when a later leader has cut it back", () => {
    const before = { ...sentinel, term: 1, height: { acceptedTerm: 1, lastIndex: 10 } }
    expect(standing({ sentinel: before })).toBe("trusted")
  })

  test("is trusted when the sentinel does not know the group yet", () => {
    expect(standing({ sentinel: undefined })).toBe("trusted")
  })

  test("stays what it was: a doubt outlives a restart, whoever remembers it", () => {
    expect(standing({ sentinel: { ...sentinel, standing: "recovering" } })).toBe("recovering")
    expect(standing({ hardState: { ...hardState, standing: "amnesiac" } })).toBe("amnesiac")
  })
})

describe("a log that has forgotten", () => {
  test("entries below the sentinel's height: recovering", () => {
    expect(standing({ lastIndex: 6 })).toBe("recovering")
    expect(standing({ hardState: { ...hardState, acceptedTerm: 1 }, lastIndex: 10 })).toBe(
      "recovering",
    )
  })

  test("what was committed: recovering", () => {
    const low = { ...sentinel, height: { acceptedTerm: 0, lastIndex: 0 } }
    expect(standing({ sentinel: low, lastIndex: 4 })).toBe("recovering")
  })

  test("committed transactions of its journal, or damaged entries: recovering", () => {
    expect(standing({ journal: "corruptMiddle" })).toBe("recovering")
    expect(standing({ salvaged: true })).toBe("recovering")
  })

  test("its sentinel: its vote may be gone", () => {
    expect(standing({ sentinel: "missing" })).toBe("amnesiac")
  })

  test("term and vote: the sentinel's stand", () => {
    const forgetful = { ...hardState, term: 1, votedFor: "0:disk" }
    const { term, votedFor } = judge({ ...whole, hardState: forgetful }).hardState
    expect([term, votedFor]).toEqual([2, "1:disk"])
    const voteless = { ...hardState, votedFor: null }
    expect(judge({ ...whole, hardState: voteless }).hardState.votedFor).toBe("1:disk")
    const newer = { ...hardState, term: 3, votedFor: "0:disk" }
    expect(judge({ ...whole, hardState: newer }).hardState).toMatchObject(newer)
  })
})
