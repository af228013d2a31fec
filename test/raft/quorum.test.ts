import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import {
  jointReached,
  jointVote,
  majorityReached,
  majorityVote,
  type Vote,
} from "../../raft/quorum.ts"

/** The definition itself: the greatest value that more than half have reached. */
const slowly = (values: ReadonlyArray<number>): number =>
  Math.max(...values.filter((v) => values.filter((w) => w >= v).length * 2 > values.length))

const self = (value: number): number => value
const indexes = fc.array(fc.nat(20), { minLength: 1, maxLength: 9 })
const [yes, no, weak, open] = ["granted", "refused", "uncounted", undefined] as const
const ballots = fc.array(fc.constantFrom(yes, no, weak, open), { minLength: 1, maxLength: 9 })
const ballot = (vote: Vote | undefined): Vote | undefined => vote

describe("what a majority has reached", () => {
  for (const [voters, reached] of [
    [[5], 5],
    [[5, 9], 5],
    [[1, 5, 9], 5],
    [[0, 0, 9], 0],
    [[1, 2, 3, 4], 2],
    [[1, 2, 3, 4, 5], 3],
    [[7, 7, 7, 0, 0], 7],
  ] as const) {
    test(`of ${voters.join(" ")} is ${reached}`, () =>
      expect(majorityReached(voters, self)).toBe(reached))
  }

  test("is what its definition says, in any order", () => {
    fc.assert(fc.property(indexes, (values) => majorityReached(values, self) === slowly(values)))
  })

  test("of both majorities is the smaller one; an empty one agrees to anything", () => {
    expect(jointReached([1, 5, 9], [3, 3, 8], self)).toBe(3)
    expect(jointReached([1, 5, 9], [], self)).toBe(5)
    fc.assert(
      fc.property(indexes, indexes, (one, other) => {
        const both = jointReached(one, other, self)
        return both === Math.min(slowly(one), slowly(other))
      }),
    )
  })
})

describe("who won", () => {
  for (const [votes, result] of [
    [[yes], "won"],
    [[open], "pending"],
    [[no], "lost"],
    [[yes, open], "pending"],
    [[yes, no], "lost"],
    [[yes, yes, open], "won"],
    [[yes, no, open], "pending"],
    [[no, no, open], "lost"],
    [[yes, yes, no, no], "lost"],
    [[yes, yes, no, no, open], "pending"],
    // Uncounted votes fill a majority up, as far as every majority has a counted one.
    [[yes, weak], "won"],
    [[weak, weak], "lost"],
    [[yes, weak, open], "pending"],
    [[yes, weak, no], "lost"],
    [[yes, yes, weak, no], "won"],
    [[yes, weak, weak, no], "lost"],
    [[yes, yes, weak, weak, open], "pending"],
    [[yes, yes, weak, weak, no], "lost"],
  ] as const) {
    const shown = votes.map((vote) => vote ?? "open").join(" ")
    test(`${shown}: ${result}`, () => expect(majorityVote(votes, ballot)).toBe(result))
  }

  test("while joint, both majorities are needed and either can refuse", () => {
    const won = [yes, yes, no]
    const lost = [no, no, yes]
    const undecided = [yes, open, open]
    expect(jointVote(won, won, ballot)).toBe("won")
    expect(jointVote(won, lost, ballot)).toBe("lost")
    expect(jointVote(lost, won, ballot)).toBe("lost")
    expect(jointVote(won, undecided, ballot)).toBe("pending")
    expect(jointVote(undecided, lost, ballot)).toBe("lost")
    expect(jointVote(won, [], ballot)).toBe("won")
  })

  test("a decided vote never changes by more answers, and two candidates never both win", () => {
    fc.assert(
      fc.property(ballots, fc.constantFrom(yes, no, weak), (votes, answer) => {
        const before = majorityVote(votes, ballot)
        const later = votes.map((vote) => vote ?? answer)
        const rivals = votes.map((vote) => (vote === open ? open : vote === no ? yes : no))
        const rival = majorityVote(rivals, ballot)
        const settled = before === "pending" || before === majorityVote(later, ballot)
        return settled && !(before === "won" && rival === "won")
      }),
    )
  })

  test("any majority holds somebody whose vote for the winner counted", () => {
    fc.assert(
      fc.property(ballots, (votes) => {
        const others = votes.filter((vote) => vote !== yes).length
        return majorityVote(votes, ballot) !== "won" || others * 2 <= votes.length
      }),
    )
  })
})
