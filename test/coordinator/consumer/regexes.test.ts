import { describe, expect, test } from "bun:test"
import { NameMatching, patternError } from "../../../src/coordinator/subscription-pattern.ts"
import { ErrorCode } from "../../../src/protocol/error-codes.ts"
import { ConsumerWorld, given } from "./consumer-world.ts"

const settings = { groupConsumerAssignmentIntervalMs: 0 }

const world = (...topics: ReadonlyArray<string>) => {
  const made = new ConsumerWorld(settings)
  for (const topic of topics) made.topics.create(topic, 1)
  return made
}

const pattern = (subscribedTopicRegex: string) => ({ subscribedTopicRegex })

describe("subscription by pattern", () => {
  test("whoever joins gets the matching topics at its next heartbeat", () => {
    const made = world("orders-1", "orders-2", "x-orders-3")
    const joined = made.joinAs("a", pattern("orders-.*"))
    expect([joined.memberEpoch, given(joined)]).toEqual([1, []])
    const next = made.beat({ memberId: "a", memberEpoch: 1 }).now
    expect(next.memberEpoch).toBe(2)
    expect(made.assignments()).toEqual({ a: "orders-1:0 orders-2:0" })
    expect(made.describeGroup().members?.[0]?.subscribedTopicRegex).toBe("orders-.*")
  })

  test("a topic that appears later is found, at most every ten seconds", () => {
    const made = world("orders-1")
    made.joinAs("a", pattern("orders-.*"))
    made.beat({ memberId: "a", memberEpoch: 1 })
    made.topics.create("orders-2", 1)
    made.coordinator.topicsChanged(made.nowMs)
    made.pass(9_000)
    made.beat({ memberId: "a", memberEpoch: 2 })
    made.beat({ memberId: "a", memberEpoch: 2 })
    expect(made.assignments()).toEqual({ a: "orders-1:0" })
    made.pass(1_100)
    made.beat({ memberId: "a", memberEpoch: 2 })
    made.beat({ memberId: "a", memberEpoch: 2 })
    expect(made.assignments()).toEqual({ a: "orders-1:0 orders-2:0" })
  })

  test("nothing is matched again while only other things change", () => {
    const made = world("orders-1")
    made.joinAs("a", pattern("orders-.*"))
    made.beat({ memberId: "a", memberEpoch: 1 })
    made.pass(11_000)
    made.beat({ memberId: "a", memberEpoch: 2 })
    const before = made.log.length
    made.topics.grow("t", 7)
    made.topics.delete("t")
    made.coordinator.topicsChanged(made.nowMs)
    made.beat({ memberId: "a", memberEpoch: 2 })
    expect(made.log.length).toBe(before)
    made.topics.create("t")
    made.coordinator.topicsChanged(made.nowMs)
    made.beat({ memberId: "a", memberEpoch: 2 })
    expect(made.log.length).toBe(before + 1)
  })

  test("names and pattern together", () => {
    const made = world("orders-1", "other")
    made.joinAs("a", { subscribedTopicNames: ["other"], ...pattern("orders-.*") })
    expect(made.assignments()).toEqual({ a: "other:0" })
    made.beat({ memberId: "a", memberEpoch: 2 })
    expect(made.assignments()).toEqual({ a: "orders-1:0 other:0" })
  })

  test("two members by one pattern share", () => {
    const made = world("orders-1", "orders-2")
    made.joinAs("a", pattern("orders-.*"))
    made.beat({ memberId: "a", memberEpoch: 1 })
    made.joinAs("b", pattern("orders-.*"))
    const targets = Object.values(made.assignments("targetAssignment")).sort()
    expect(targets).toEqual(["orders-1:0", "orders-2:0"])
  })

  test("with its last subscriber a pattern is forgotten", () => {
    const made = world("orders-1")
    made.joinAs("a", pattern("orders-.*"))
    made.joinAs("b")
    made.beat({ memberId: "a", memberEpoch: 2 })
    made.beat({ memberId: "a", memberEpoch: -1 })
    made.beat({ memberId: "b", memberEpoch: -1 })
    expect(made.deleteGroup("g").now).toBe(ErrorCode.NONE)
    made.joinAs("c", pattern("orders-.*"))
    expect(made.assignments()).toEqual({ c: "" })
    made.beat({ memberId: "c", memberEpoch: 1 })
    expect(made.assignments()).toEqual({ c: "orders-1:0" })
  })

  test("of a pattern without subscribers nothing stays in the log", () => {
    const made = world("orders-1")
    made.joinAs("a", pattern("orders-.*"))
    made.joinAs("b", pattern("orders-1"))
    made.pass(11_000)
    made.beat({ memberId: "b", memberEpoch: 2 })
    expect(made.standing()).toContain("ConsumerGroupRegularExpression")
    made.beat({ memberId: "a", memberEpoch: -1 })
    made.beat({ memberId: "b", memberEpoch: 2, subscribedTopicRegex: "" })
    expect(made.standing()).not.toContain("ConsumerGroupRegularExpression")
  })

  test("a member that goes from a pattern to names loses the pattern's topics", () => {
    const made = world("orders-1", "other")
    made.joinAs("a", pattern("orders-.*"))
    made.beat({ memberId: "a", memberEpoch: 1 })
    const names = { subscribedTopicNames: ["other"], subscribedTopicRegex: "" }
    const changed = made.beat({ memberId: "a", memberEpoch: 2, topicPartitions: [], ...names }).now
    expect(changed.memberEpoch).toBe(3)
    expect(made.assignments()).toEqual({ a: "other:0" })
  })

  test("a member that drops its pattern loses the pattern's topics at once", () => {
    const made = new ConsumerWorld()
    made.topics.create("orders-1", 1)
    made.joinAs("a", { subscribedTopicNames: ["t"], ...pattern("orders-.*") })
    made.pass(1_000)
    made.beat({ memberId: "a", memberEpoch: 2 })
    expect(made.assignments()).toEqual({ a: "orders-1:0 t:0,1,2" })
    const dropped = made.beat({ memberId: "a", memberEpoch: 3, subscribedTopicRegex: "" }).now
    expect([dropped.memberEpoch, given(dropped)]).toEqual([3, [0, 1, 2]])
  })

  test("topics that are matched and were known by name move the epoch all the same", () => {
    const made = world("orders-1")
    made.joinAs("a", { subscribedTopicNames: ["orders-1"], ...pattern("orders-.*") })
    expect(made.describeGroup().groupEpoch).toBe(3)
  })

  test("a new coordinator knows what was matched", () => {
    const made = world("orders-1")
    made.joinAs("a", pattern("orders-.*"))
    made.failOver()
    made.beat({ memberId: "a", memberEpoch: 1 })
    expect(made.assignments()).toEqual({ a: "orders-1:0" })
  })
})

const matched = (patterns: ReadonlyArray<string>, names: ReadonlyArray<string>) => {
  const matching = new NameMatching(patterns, names)
  matching.proceed(Number.POSITIVE_INFINITY)
  return Object.fromEntries(matching.result)
}

describe("patterns", () => {
  test("RE2's syntax and words", () => {
    expect(patternError("a+|b{2,3}(?i:c)\\d")).toBeUndefined()
    expect(patternError("[")).toBe("missing closing ]")
    expect(patternError("(a")).toBe("missing closing )")
    expect(patternError("(?=a)")).toBe("invalid or unsupported Perl syntax")
    expect(patternError("(a)\\1")).toBe("invalid escape sequence")
  })

  test("bounds of our own", () => {
    expect(patternError("a".repeat(10_001))).toBe("expression too long")
    expect(patternError("(?:a{900}){20}b{900}")).toBe("invalid repeat count")
    expect(patternError("a{900}".repeat(30))).toBe("expression too large")
    const topics = Array.from({ length: 400 }, (_, at) => `some-department.topic-${at}`)
    expect(patternError(topics.join("|").slice(0, 10_000))).toBeUndefined()
  })

  test("a name matches as a whole", () => {
    expect(matched(["a", "ab?", ".*"], ["b", "ab", "a", "abc"])).toEqual({
      a: ["a"],
      "ab?": ["a", "ab"],
      ".*": ["a", "ab", "abc", "b"],
    })
  })

  test("many names are gone through in steps", () => {
    const names = Array.from({ length: 1_000 }, (_, at) => `topic-${at}`)
    const matching = new NameMatching([".*-9.*"], names)
    let steps = 0
    for (; !matching.isDone; steps++) matching.proceed(10_000)
    expect(steps).toBeGreaterThan(5)
    expect(matching.result.get(".*-9.*")).toHaveLength(111)
  })

  test("one that makes a backtracking engine hang is done in no time", () => {
    const beganMs = performance.now()
    expect(matched(["(a+)+b"], ["a".repeat(200)])).toEqual({ "(a+)+b": [] })
    expect(performance.now() - beganMs).toBeLessThan(500)
  })
})

test("a pattern over very many topics is resolved with the ticks; requests go on", () => {
  const made = world()
  for (let at = 0; at < 3_000; at++) made.topics.create(`${"long-".repeat(20)}${at}`, 1)
  made.joinAs("a", pattern("(?:[a-z]+-?){10,200}.*7"))
  const beat = (memberEpoch: number) => made.beat({ memberId: "a", memberEpoch }).now
  expect(beat(1)).toMatchObject({ errorCode: 0, memberEpoch: 1 })
  made.pass(8_000)
  expect(beat(1).memberEpoch).toBe(2)
  expect(made.describeGroup().members?.[0]?.assignment?.topicPartitions).toHaveLength(300)
})
