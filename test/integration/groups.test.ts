import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { Cluster } from "../../scripts/harness/cluster.ts"
import { kcat, describeWith } from "../../scripts/harness/foreign.ts"
import { createTopic, kafkaFor, layoutOf, withAdmin } from "../../scripts/harness/layout.ts"
import { until } from "../../scripts/harness/until.ts"
import { groupPartition } from "../../src/node/coordination/group-partition.ts"
import { steadyWriter } from "./steady-writer.ts"
import { MemberProcess, untilShared } from "../../scripts/harness/group-processes.ts"

/** Groups of stock clients over real processes and real signals. */

const minute = 60_000
const offsetsTopic = "__consumer_offsets"

let cluster: Cluster
const running = new Set<MemberProcess>()

beforeAll(async () => {
  cluster = await Cluster.start({ settings: { "offsets.topic.num.partitions": "5" } })
}, 2 * minute)

afterAll(async () => {
  for (const member of running) member.kill()
  await cluster?.dispose()
}, minute)

const member = (group: string, topic: string): MemberProcess => {
  const made = MemberProcess.kafkajs({ bootstrap: cluster.bootstrap, group, topic })
  running.add(made)
  return made
}

const committedBy = (group: string, topic: string) =>
  until(`committed offsets of ${group}`, () =>
    withAdmin(cluster.bootstrapList, async (admin) => {
      const [found] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
      return found?.partitions.map(({ partition, offset }) => ({
        partition,
        offset: Number(offset),
      }))
    }),
  )

/** Each commit that a member was told of holds. */
async function expectNoCommitLost(
  group: string,
  topic: string,
  members: ReadonlyArray<MemberProcess>,
) {
  for (const { partition, offset } of (await committedBy(group, topic)) ?? []) {
    const said = members.map(({ committed }) => committed.get(partition) ?? -1)
    expect(offset).toBeGreaterThanOrEqual(Math.max(...said))
  }
}

/** Every record was read, from the first offset on. */
function expectNothingSkipped(members: ReadonlyArray<MemberProcess>, ends: ReadonlyArray<number>) {
  const read = new Set(members.flatMap((one) => one.read.map((r) => `${r.partition} ${r.offset}`)))
  const skipped: Array<string> = []
  ends.forEach((end, partition) => {
    for (let offset = 0; offset < end; offset++) {
      if (!read.has(`${partition} ${offset}`)) skipped.push(`${partition} ${offset}`)
    }
  })
  expect(skipped).toEqual([])
}

/** Until the group has committed all that was written. */
const untilCaughtUp = (group: string, topic: string, ends: ReadonlyArray<number>) =>
  until(
    `${group} to commit the end of ${topic}`,
    async () =>
      (await committedBy(group, topic))?.every(
        ({ partition, offset }) => offset >= (ends[partition] ?? 0),
      ),
    { timeoutMs: 30_000, everyMs: 200 },
  )

/** Kills it, waits until the group reads on, and starts it again. */
async function loseCoordinator(group: string, members: ReadonlyArray<MemberProcess>) {
  const layout = await layoutOf(cluster.bootstrapList, offsetsTopic)
  const coordinator = layout[groupPartition(group, layout.length)]?.leader ?? -1
  const recordsRead = () => members.reduce((sum, { read }) => sum + read.length, 0)
  await cluster.kill(coordinator)
  const before = recordsRead()
  await until("the group to go on", () => recordsRead() > before + 300, { timeoutMs: 30_000 })
  await cluster.startBroker(coordinator)
}

describe("a group of kafkajs consumers on three partitions", () => {
  test(
    "one to three members, one leaves, one is killed: every record is read, no commit is lost",
    async () => {
      const topic = "members"
      const group = "members-group"
      await createTopic(cluster.bootstrapList, { topic, partitions: 3 })
      const writer = await steadyWriter(kafkaFor(cluster.bootstrapList), topic, 3)
      const first = member(group, topic)
      await untilShared([first], 3)
      const second = member(group, topic)
      await untilShared([first, second], 3)
      const third = member(group, topic)
      await untilShared([first, second, third], 3)
      expect([first, second, third].map(({ partitions }) => partitions.length)).toEqual([1, 1, 1])
      await third.leave()
      await untilShared([first, second], 3)
      const before = first.joins.length
      second.kill()
      await untilShared([first], 3)
      expect(first.joins.length - before).toBe(1)
      const ends = await writer.stop()
      await untilCaughtUp(group, topic, ends)
      await expectNoCommitLost(group, topic, [first, second, third])
      expectNothingSkipped([first, second, third], ends)
      await first.leave()
      const { groups } = await withAdmin(cluster.bootstrapList, (admin) => admin.listGroups())
      expect(groups.find(({ groupId }) => groupId === group)?.protocolType).toBe("consumer")
      const described = await withAdmin(cluster.bootstrapList, (admin) =>
        admin.describeGroups([group]),
      )
      expect(described.groups[0]).toMatchObject({ state: "Empty", members: [] })
    },
    2 * minute,
  )

  test(
    "SIGKILL of the coordinator, and its return: no commit is lost, no record skipped",
    async () => {
      const topic = "coordinator"
      const group = "coordinator-group"
      await createTopic(cluster.bootstrapList, { topic, partitions: 3 })
      const writer = await steadyWriter(kafkaFor(cluster.bootstrapList), topic, 3)
      const members = [member(group, topic), member(group, topic)]
      await untilShared(members, 3)
      await loseCoordinator(group, members)
      const ends = await writer.stop()
      await untilCaughtUp(group, topic, ends)
      await expectNoCommitLost(group, topic, members)
      expectNothingSkipped(members, ends)
      await Promise.all(members.map((one) => one.leave()))
    },
    2 * minute,
  )
})

const pair = (group: string, topic: string): ReadonlyArray<MemberProcess> => {
  const members = [0, 1].map(() => MemberProcess.kcat(cluster.bootstrap, group, topic))
  for (const one of members) running.add(one)
  return members
}

describeWith([kcat], "a group of kcat consumers", () => {
  test(
    "a member is killed: the other one reads on",
    async () => {
      const topic = "kcat-member"
      const group = "kcat-member-group"
      await createTopic(cluster.bootstrapList, { topic, partitions: 3 })
      const writer = await steadyWriter(kafkaFor(cluster.bootstrapList), topic, 3)
      const members = pair(group, topic)
      await untilShared(members, 3)
      members[1]?.kill()
      await untilShared(members.slice(0, 1), 3)
      const ends = await writer.stop()
      await untilCaughtUp(group, topic, ends)
      expectNothingSkipped(members, ends)
      members[0]?.kill()
    },
    2 * minute,
  )

  test(
    "SIGKILL of the coordinator, and its return: at most one rebalance, no record skipped",
    async () => {
      const topic = "kcat-coordinator"
      const group = "kcat-coordinator-group"
      await createTopic(cluster.bootstrapList, { topic, partitions: 3 })
      const writer = await steadyWriter(kafkaFor(cluster.bootstrapList), topic, 3)
      const members = pair(group, topic)
      await untilShared(members, 3)
      const before = members.map(({ joins }) => joins.length)
      await loseCoordinator(group, members)
      const ends = await writer.stop()
      await untilCaughtUp(group, topic, ends)
      const rebalances = members.map(({ joins }, i) => joins.length - (before[i] ?? 0))
      expect(Math.max(...rebalances)).toBeLessThanOrEqual(1)
      expectNothingSkipped(members, ends)
      for (const one of members) one.kill()
    },
    2 * minute,
  )
})
