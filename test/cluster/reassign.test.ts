import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { changeMembership, membershipKind } from "../../src/cluster/change-membership.ts"
import type { ControllerContext } from "../../src/cluster/controller.ts"
import { partitionOf } from "../../src/cluster/image.ts"
import type { MetadataImage, PartitionInfo } from "../../src/cluster/image.ts"
import { candidates } from "../../src/cluster/assignment.ts"
import {
  goalConfiguration,
  hostedAs,
  isReassigning,
  isUnsettled,
  targetOf,
} from "../../src/cluster/membership.ts"
import { nodeOf } from "../../src/cluster/members.ts"
import {
  alterPartitionReassignments,
  listPartitionReassignments,
} from "../../src/cluster/reassign.ts"
import { ErrorCode } from "../../src/protocol/error-codes.ts"
import { clusterOf, commit, contextOf, withTopic } from "./fixture.ts"

const request = (
  partitions: ReadonlyArray<readonly [number, ReadonlyArray<number> | null]>,
  allowReplicationFactorChange = true,
  name = "t",
) => ({
  timeoutMs: 1000,
  allowReplicationFactorChange,
  topics: [
    {
      name,
      partitions: partitions.map(([partitionIndex, replicas]) => ({ partitionIndex, replicas })),
    },
  ],
})

const asked = (
  image: MetadataImage,
  replicas: ReadonlyArray<number> | null,
  context: Partial<ControllerContext> = {},
): { readonly image: MetadataImage; readonly code: number; readonly message: string | null } => {
  const decision = alterPartitionReassignments(
    image,
    request([[0, replicas]]),
    contextOf(image, context),
  )
  const result = decision.response.responses?.[0]?.partitions?.[0]
  return {
    image: commit(image, decision.records),
    code: result?.errorCode ?? -99,
    message: result?.errorMessage ?? null,
  }
}

const assigned = (brokers: number, replicas: ReadonlyArray<number>): MetadataImage => {
  const image = withTopic(clusterOf(brokers), "t", 1, 1)
  const moved = tell(asked(image, replicas).image)
  return moved
}

const first = (image: MetadataImage): PartitionInfo => partitionOf(image, "t", 0)!

const shown = (image: MetadataImage) => {
  const { replicas, adding, removing } = first(image)
  return [replicas, adding, removing]
}

let terms = 0

/** The partition's leader claims, gets there at once, and says so. */
const tell = (image: MetadataImage, context: Partial<ControllerContext> = {}): MetadataImage => {
  const { group } = first(image)
  const term = ++terms
  const goal = goalConfiguration(first(image), image.brokers)
  const say = (at: MetadataImage, kind: number) => {
    const { voters, witnesses } = goal
    const partitions = [{ group, kind, term, voters, witnesses }]
    const body = { brokerId: nodeOf(goal.voters[0]!), asOf: at.index, partitions }
    return commit(at, changeMembership(at, body, contextOf(at, context)).records)
  }
  return say(say(image, membershipKind.claim), membershipKind.settled)
}

describe("AlterPartitionReassignments", () => {
  const image = assigned(6, [0, 1, 2])

  test("shows the target, then what goes; both ascending besides", () => {
    expect(shown(asked(image, [5, 1, 3]).image)).toEqual([
      [5, 1, 3, 0, 2],
      [3, 5],
      [0, 2],
    ])
    expect(shown(asked(image, [0, 1, 2, 4]).image)).toEqual([[0, 1, 2, 4], [4], []])
    expect(shown(asked(image, [1]).image)).toEqual([[1, 0, 2], [], [0, 2]])
  })

  test("another order is done at once, the same order is nothing", () => {
    expect(shown(asked(image, [2, 0, 1]).image)).toEqual([[2, 0, 1], [], []])
    expect(asked(image, [0, 1, 2]).image).toBe(image)
  })

  test("a cancellation goes back to those that were there", () => {
    const moving = asked(image, [5, 1, 3]).image
    const { image: back, code } = asked(moving, null)
    expect(code).toBe(0)
    expect(shown(back)).toEqual([[1, 0, 2], [], []])
    expect(first(back).departing).toEqual([3, 5])
    expect([3, 5].map((id) => hostedAs(first(back), id))).toEqual(["replica", "replica"])
    const settled = tell(back)
    expect([3, 5].map((id) => hostedAs(first(settled), id))).toEqual(["none", "none"])
    expect(asked(settled, null)).toMatchObject({
      code: ErrorCode.NO_REASSIGNMENT_IN_PROGRESS,
      message: null,
    })
  })

  test("a second target keeps the first one's new replicas only if it wants them", () => {
    const again = asked(asked(image, [3, 4, 0]).image, [4, 5, 1]).image
    expect(shown(again)).toEqual([
      [4, 5, 1, 0, 2],
      [4, 5],
      [0, 2],
    ])
    expect(first(again).departing).toEqual([3])
    const back = asked(again, [0, 1, 2]).image
    expect(shown(back)).toEqual([[0, 1, 2], [], []])
    expect(first(back).departing).toEqual([3, 4, 5])
  })

  test("refusals have Kafka's codes and words", () => {
    const refusals = [
      [[], ErrorCode.INVALID_REPLICA_ASSIGNMENT, "empty replica list"],
      [[1, 1], ErrorCode.INVALID_REPLICA_ASSIGNMENT, "the broker 1 more than once"],
      [[1, 9], ErrorCode.INVALID_REPLICA_ASSIGNMENT, "broker 9, but no such broker is registered"],
    ] as const
    for (const [replicas, code, words] of refusals) {
      const answer = asked(image, replicas)
      expect(answer.code).toBe(code)
      expect(answer.message).toContain(words)
      expect(answer.image).toBe(image)
    }
    const context = contextOf(image)
    const of = (body: ReturnType<typeof request>) =>
      alterPartitionReassignments(image, body, context).response.responses?.[0]?.partitions
    expect(of(request([[7, [1]]]))).toEqual([
      { partitionIndex: 7, errorCode: 3, errorMessage: "Unable to find partition t:7." },
    ])
    expect(of(request([[0, [1]]], true, "u"))).toEqual([
      { partitionIndex: 0, errorCode: 3, errorMessage: "Unable to find a topic named u." },
    ])
    expect(of(request([[0, [1]]], false))).toEqual([
      {
        partitionIndex: 0,
        errorCode: 38,
        errorMessage: "The replication factor is changed from 3 to 1",
      },
    ])
    expect(of(request([[0, [3, 4, 5]]], false))?.[0]?.errorCode).toBe(0)
  })

  test("ListPartitionReassignments names what is under way, of all or of what is asked", () => {
    const moving = asked(image, [5, 1, 3]).image
    const of = (topics: Parameters<typeof listPartitionReassignments>[1]["topics"]) =>
      listPartitionReassignments(moving, { timeoutMs: 1, topics }).response.topics
    const ongoing = {
      partitionIndex: 0,
      replicas: [5, 1, 3, 0, 2],
      addingReplicas: [3, 5],
      removingReplicas: [0, 2],
    }
    expect(of(null)).toEqual([{ name: "t", partitions: [ongoing] }])
    expect(of([{ name: "t", partitionIndexes: [3, 0] }])).toEqual([
      { name: "t", partitions: [ongoing] },
    ])
    expect(of([{ name: "t", partitionIndexes: [1] }])).toEqual([])
    expect(of([{ name: "u", partitionIndexes: [0] }])).toEqual([])
    expect(of([])).toEqual([])
    expect(
      listPartitionReassignments(image, { timeoutMs: 1, topics: null }).response.topics,
    ).toEqual([])
  })
})

describe("ChangeMembership", () => {
  const image = asked(assigned(6, [0, 1, 2]), [3, 4, 5]).image
  const { group } = first(image)
  const goal = goalConfiguration(first(image), image.brokers)
  const decide = (
    at: MetadataImage,
    kind: number,
    term: number,
    changes: { asOf?: number; voters?: ReadonlyArray<string> } = {},
  ) => {
    const { voters, witnesses } = { ...goal, ...changes }
    const partitions = [{ group, kind, term, voters, witnesses }]
    const body = { brokerId: 3, asOf: changes.asOf ?? at.index, partitions }
    return changeMembership(at, body, contextOf(at)).records
  }
  const high = 1_000_000

  test("only a claim of a later term counts", () => {
    const claimed = commit(image, decide(image, membershipKind.claim, high))
    expect(first(claimed).claimTerm).toBe(high)
    expect(decide(claimed, membershipKind.claim, high)).toEqual([])
    expect(decide(claimed, membershipKind.claim, high - 1)).toEqual([])
  })

  test("is settled by the leader that claimed, at the goal, knowing all that was said of it", () => {
    const { claim, settled } = membershipKind
    expect(decide(image, settled, high)).toEqual([])
    const claimed = commit(image, decide(image, claim, high))
    expect(decide(claimed, settled, high - 1)).toEqual([])
    expect(decide(claimed, settled, high, { asOf: claimed.index - 1 })).toEqual([])
    expect(decide(claimed, settled, high, { voters: goal.voters.slice(1) })).toEqual([])
    const records = decide(claimed, settled, high)
    const done = commit(claimed, records)
    expect(shown(done)).toEqual([[3, 4, 5], [], []])
    expect(first(done).voters).toEqual(goal.voters)
    expect(first(done).assignedLeader).toBe(3)
    expect([0, 1, 2].map((id) => hostedAs(first(done), id))).toEqual(["none", "none", "none"])
    expect(candidates(done, first(done), undefined, new Set())).toEqual([3, 4, 5])
    expect(isUnsettled(first(done), done.brokers)).toBe(false)
    expect(decide(done, settled, high)).toEqual([])
  })

  test("who is being added may not lead yet, who is leaving may", () => {
    expect(candidates(image, first(image), undefined, new Set())).toEqual([0, 1, 2])
  })
})

const vacate = (image: MetadataImage, brokerId: number): MetadataImage => {
  const { group } = first(image)
  const empty = { term: 0, voters: [], witnesses: [] }
  const partitions = [{ group, kind: membershipKind.vacated, ...empty }]
  const body = { brokerId, asOf: image.index, partitions }
  return commit(image, changeMembership(image, body, contextOf(image)).records)
}

/** What holds after every record. */
const check = (image: MetadataImage): void => {
  const info = first(image)
  const { replicas, adding, removing, departing, witness, leavingWitnesses, vacating } = info
  expect(new Set(replicas).size).toBe(replicas.length)
  for (const id of [...adding, ...removing]) expect(replicas).toContain(id)
  expect(adding.filter((id) => removing.includes(id))).toEqual([])
  expect(targetOf(info).length).toBeGreaterThan(0)
  for (const id of departing) expect(replicas).not.toContain(id)
  expect(replicas).not.toContain(witness)
  expect([...leavingWitnesses, ...vacating]).not.toContain(witness)
  const goal = goalConfiguration(info, image.brokers)
  for (const member of goal.voters) {
    // Nobody is made a member who may still hold a log without payloads, or holds nothing.
    expect(vacating).not.toContain(nodeOf(member))
    expect(hostedAs(info, nodeOf(member))).toBe(
      goal.witnesses.includes(member) ? "witness" : "replica",
    )
  }
}

describe("any sequence of reassignments", () => {
  const ids = fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 1 })
  const step = fc.oneof(
    { weight: 4, arbitrary: ids.map((replicas) => ({ replicas })) },
    { weight: 1, arbitrary: fc.constant({ replicas: null }) },
    { weight: 2, arbitrary: fc.constant("settled" as const) },
    { weight: 1, arbitrary: fc.nat({ max: 4 }).map((vacates) => ({ vacates })) },
  )
  const placeWitnesses = true

  test("keeps the image sound, and ends at the last target", () => {
    fc.assert(
      fc.property(ids, fc.array(step, { maxLength: 20 }), (start, steps) => {
        const context = { placeWitnesses }
        let image = tell(assigned(5, start), context)
        let target: ReadonlyArray<number> = start
        const follow = (after: MetadataImage) => {
          // A witness never becomes a replica in one step: its log has to go in between.
          for (const id of [0, 1, 2, 3, 4]) {
            const change = [hostedAs(first(image), id), hostedAs(first(after), id)].join()
            expect(change).not.toBe("witness,replica")
          }
          image = after
          check(image)
        }
        for (const made of steps) {
          if (made === "settled") follow(tell(image, context))
          else if ("vacates" in made) follow(vacate(image, made.vacates))
          else {
            const wanted = made.replicas ?? undefined
            if (wanted === undefined && !isReassigning(first(image))) continue
            const before = first(image)
            const back = before.replicas.filter((id) => !before.adding.includes(id))
            follow(asked(image, made.replicas, context).image)
            target = wanted ?? back
          }
        }
        for (let round = 0; round < 4; round++) {
          follow(tell(image, context))
          for (const id of [0, 1, 2, 3, 4]) follow(vacate(image, id))
        }
        expect(shown(image)).toEqual([target, [], []])
        expect(isUnsettled(first(image), image.brokers)).toBe(false)
        expect(first(image).departing).toEqual([])
        expect(first(image).vacating).toEqual([])
        expect(first(image).leavingWitnesses).toEqual([])
      }),
      { numRuns: 300 },
    )
  })
})
