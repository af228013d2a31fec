import { afterAll, beforeAll, expect, test } from "bun:test"
import { Cluster } from "../../scripts/harness/cluster.ts"
import { describeWith } from "../../scripts/harness/foreign.ts"
import { createTopic, kafkaFor, withAdmin } from "../../scripts/harness/layout.ts"
import { until } from "../../scripts/harness/until.ts"
import { groupClients, GroupMember, ownedByTwo, untilShared } from "./group-member.ts"

/**
 * One to four members on three partitions, for every client and protocol that is on the machine:
 * members join, leave, are killed, and partitions are added. At any moment each partition has one
 * owner at most, in the end one exactly, and every record was read.
 */

const minute = 60_000
let cluster: Cluster

beforeAll(async () => {
  cluster = await Cluster.start({
    settings: {
      "offsets.topic.num.partitions": "5",
      "group.initial.rebalance.delay.ms": "0",
      // A member that was killed is to be missed soon.
      "group.consumer.min.session.timeout.ms": "4000",
      "group.consumer.session.timeout.ms": "4000",
      "group.consumer.min.heartbeat.interval.ms": "300",
      "group.consumer.heartbeat.interval.ms": "300",
    },
  })
}, 2 * minute)

afterAll(async () => {
  await cluster?.dispose()
}, minute)

for (const [i, client] of groupClients.entries()) {
  describeWith([client], `a group of ${client.name}`, () => {
    const topic = `shared-${i}`
    const options = () => ({ bootstrap: cluster.bootstrap, group: `group-${i}`, topic })
    const members: Array<GroupMember> = []
    const join = () => {
      const member = new GroupMember(client, options())
      members.push(member)
      return member
    }

    afterAll(() => {
      for (const member of members) member.kill()
    })

    const write = async (partitions: number) => {
      const producer = kafkaFor(cluster.bootstrapList).producer()
      await producer.connect()
      const messages = Array.from({ length: 30 * partitions }, (_, n) => ({
        partition: n % partitions,
        value: `record ${n}`,
      }))
      await producer.send({ topic, messages })
      await producer.disconnect()
    }

    test(
      "join, leave, SIGKILL, new partitions: one owner each, every record read",
      async () => {
        await createTopic(cluster.bootstrapList, { topic, partitions: 3 })
        await write(3)
        const first = join()
        await untilShared([first], 3)
        const second = join()
        await untilShared([first, second], 3)
        const third = join()
        await untilShared([first, second, third], 3)
        await write(3)
        if (client.matches) {
          // One more than there are partitions waits, and takes over from who leaves.
          const fourth = join()
          await until("the fourth to be heard", () => fourth.history.length > 0)
          await untilShared([first, second, third, fourth], 3)
          await third.leave()
          await untilShared([first, second, fourth], 3)
          await fourth.leave()
        } else await third.leave()
        await untilShared([first, second], 3)
        second.kill()
        await untilShared([first], 3)
        await withAdmin(cluster.bootstrapList, (admin) =>
          admin.createPartitions({ topicPartitions: [{ topic, count: 4 }] }),
        )
        // Who does not look for new partitions finds those that are there when it begins.
        if (!client.seesGrowth) await first.leave()
        const present = client.seesGrowth ? [first] : [join(), join()]
        await untilShared(present, 4)
        await write(4)
        await until("every record to be read", () => {
          const read = new Set(members.flatMap((member) => [...member.read]))
          return read.size === 300 ? true : Promise.reject(new Error(`${read.size} of 300`))
        })
        expect(ownedByTwo(members, client.lateMs)).toEqual([])
        await Promise.all(present.map((member) => member.leave()))
      },
      4 * minute,
    )

    if (!client.matches) return
    test(
      "by pattern: a topic that comes later is read, too",
      async () => {
        const pattern = `matched-${i}-.*`
        await createTopic(cluster.bootstrapList, { topic: `matched-${i}-a`, partitions: 1 })
        const member = new GroupMember(client, { ...options(), group: `by-pattern-${i}`, pattern })
        members.push(member)
        await untilShared([member], 1)
        await createTopic(cluster.bootstrapList, { topic: `matched-${i}-b`, partitions: 2 })
        // The second partition is of the second topic.
        await until("the second topic", () => member.partitions.includes(1), {
          timeoutMs: 30_000,
        })
        await member.leave()
      },
      2 * minute,
    )
  })
}
