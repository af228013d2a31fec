/**
 * A broker whose wall clock is wrong: what takes its time takes as long as ever; only timestamps
 * follow, and gradually.
 */
import { describe, expect, test } from "bun:test"
import { ErrorCode } from "../../src/protocol/error-codes.ts"
import { describeQuorum } from "../../src/protocol/messages/describe-quorum.ts"
import { heartbeat } from "../../src/protocol/messages/heartbeat.ts"
import { produce } from "../../src/protocol/messages/produce.ts"
import { buildBatch } from "../../src/protocol/record.ts"
import { createTopic, untilLed } from "../support/clients.ts"
import { World } from "../support/world.ts"
import { coordinatorOf, joinAlone } from "./coordination/group-world.ts"

const hourMs = 3_600_000
/** As members in group-world.ts ask for it. */
const sessionMs = 10_000

const started = (seed: number): World =>
  new World({ seed, settings: { offsetsTopicNumPartitions: 1 } }).startAll().untilReady()

describe("the session of a member lasts as long as it was promised", () => {
  test.each([
    ["an hour ahead", hourMs],
    ["an hour behind", -hourMs],
  ])("while the wall clock of the coordinator is %s", (_, byMs) => {
    const world = started(1)
    const node = coordinatorOf(world, "g")
    const asked = { groupId: "g", ...joinAlone(world, node, "g") }
    const beat = () => world.call(node, heartbeat, 4, asked).errorCode
    world.broker(node).clock.jump(byMs)
    expect(beat()).toBe(ErrorCode.NONE)
    world.run(sessionMs - 200)
    expect(beat()).toBe(ErrorCode.NONE)
    world.run(sessionMs + 200)
    expect(beat()).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
  })
})

test("LogAppendTime follows the wall clock of the leader by a tenth of the time that passes", () => {
  const world = started(2)
  const configs = { "message.timestamp.type": "LogAppendTime" }
  expect(createTopic(world, "t", { configs })).toBe(ErrorCode.NONE)
  const leader = untilLed(world, "t")
  const aheadMs = (): number => {
    const records = buildBatch({ records: [{ value: Buffer.from("v"), timestamp: 1 }] })
    const topicData = [{ name: "t", partitionData: [{ index: 0, records }] }]
    const answer = world.call(leader, produce, 9, { acks: -1, timeoutMs: 5_000, topicData })
    return (answer.responses[0]?.partitionResponses[0]?.logAppendTimeMs ?? 0) - world.nowMs
  }
  expect(Math.abs(aheadMs())).toBeLessThan(50)
  world.broker(leader).clock.jump(1_500)
  world.run(10_000)
  expect(Math.abs(aheadMs() - 1_000)).toBeLessThan(50)
  world.run(10_000)
  expect(Math.abs(aheadMs() - 1_500)).toBeLessThan(50)
})

test("DescribeQuorum tells timestamps, not readings of the clock that timeouts go by", () => {
  const world = started(3)
  const { leader } = world.node(0).status().metadata
  world.broker(leader).clock.jump(hourMs)
  world.run(100_000)
  const partitions = [{ partitionIndex: 0 }]
  const asked = { topics: [{ topicName: "__cluster_metadata", partitions }] }
  const [partition] = world.call(leader, describeQuorum, 2, asked).topics[0]?.partitions ?? []
  expect(partition?.currentVoters.length).toBe(3)
  for (const { lastFetchTimestamp, lastCaughtUpTimestamp } of partition?.currentVoters ?? []) {
    const expected = world.nowMs + 10_000
    expect(Math.abs(lastFetchTimestamp - expected)).toBeLessThan(500)
    expect(Math.abs(lastCaughtUpTimestamp - expected)).toBeLessThan(1_500)
  }
})
