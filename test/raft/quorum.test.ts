import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { jointReached, jointVote, majorityReached, majorityVote } from "../../raft/quorum.ts"

/** The definition itself: the greatest value that more than half have reached. */
const slowly = (values: ReadonlyArray<number>): number =>
  Math.max(...values.filter((v) => values.filter((w) => w >= v).length * 2 > values.length))

const self = (value: number): number => value
const indexes = fc.array(fc.nat(20), { minLength: 1, maxLength: 9 })
const ballots = fc.array(fc.constantFrom(true, false, undefined), { minLength: 1, maxLength: 9 })
const ballot = (vote: boolean | undefined): boolean | undefined => vote

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
    [[true], "won"],
    [[undefined], "pending"],
    [[false], "lost"],
    [[true, undefined], "pending"],
    [[true, false], "lost"],
    [[true, true, undefined], "won"],
    [[true, false, undefined], "pending"],
    [[false, false, undefined], "lost"],
    [[true, true, false, false], "lost"],
    [[true, true, false, false, undefined], "pending"],
  ] as const) {
    test(`${votes.join(" ")}: ${result}`, () => expect(majorityVote(votes, ballot)).toBe(result))
  }

  test("while joint, both majorities are needed and either can refuse", () => {
    const won = [true, true, false]
    const lost = [false, false, true]
    const open = [true, undefined, undefined]
    expect(jointVote(won, won, ballot)).toBe("won")
    expect(jointVote(won, lost, ballot)).toBe("lost")
    expect(jointVote(lost, won, ballot)).toBe("lost")
    expect(jointVote(won, open, ballot)).toBe("pending")
    expect(jointVote(open, lost, ballot)).toBe("lost")
    expect(jointVote(won, [], ballot)).toBe("won")
  })

  test("a decided vote never changes by more answers, and two candidates never both win", () => {
    fc.assert(
      fc.property(ballots, fc.boolean(), (votes, answer) => {
        const before = majorityVote(votes, ballot)
        const after = majorityVote(
          votes.map((vote) => vote ?? answer),
          ballot,
        )
        const rival = majorityVote(
          votes.map((vote) => (vote === undefined ? undefined : !vote)),
          ballot,
        )
        return (before === "pending" || before === after) && !(before === "won" && rival === "won")
      }),
    )
  })
})
