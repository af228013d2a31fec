import { afterEach, expect, test } from "bun:test"
import { rmSync } from "node:fs"
import { Cluster } from "../../scripts/harness/cluster.ts"
import { createTopic, layoutOf, untilInSync, withAdmin } from "../../scripts/harness/layout.ts"
import { until } from "../../scripts/harness/until.ts"
import { ErrorCode } from "../../src/protocol/index.ts"
import { readFrom, writeTo } from "./one-broker.ts"

/** Group 0's log is cut again and again; brokers start from images, and get them from others. */

const minute = 60_000
let cluster: Cluster

afterEach(async () => {
  await cluster?.dispose()
}, minute)

test(
  "brokers begin from a snapshot of the metadata: killed, away for long, on a new disk",
  async () => {
    cluster = await Cluster.start({ settings: { "varve.metadata.snapshot.entries": "20" } })
    const make = async (prefix: string, count: number) => {
      for (let i = 0; i < count; i++) {
        await createTopic(cluster.bootstrapList, { topic: `${prefix}${i}`, partitions: 1 })
      }
    }
    await make("before", 15)
    const [{ leader } = { leader: -1 }] = await layoutOf(cluster.bootstrapList, "before0")
    const address = (id: number) => `127.0.0.1:${cluster.broker(id).port}`
    expect((await writeTo(address(leader), "before0", "kept")).errorCode).toBe(ErrorCode.NONE)

    await cluster.kill(2)
    await make("while-away", 25)
    await withAdmin(cluster.bootstrapList.slice(0, 2), (admin) =>
      admin.deleteTopics({ topics: ["before3"] }),
    )
    await cluster.startBroker(2)
    await untilInSync(cluster.bootstrapList, "while-away24")

    await cluster.kill(1)
    rmSync(cluster.broker(1).dir, { recursive: true })
    await until("broker 1 to be missed", async () => {
      const [partition] = await layoutOf([address(0)], "while-away0")
      return partition?.inSyncReplicas.includes(1) === false
    })
    const code = await cluster.stop()
    expect(code).toBe(0)
    await cluster.up()
    await untilInSync(cluster.bootstrapList, "while-away24")
    for (const id of [0, 1, 2]) {
      const topics = await withAdmin([address(id)], (admin) => admin.listTopics())
      expect(topics.length).toBe(39)
      expect(topics).not.toContain("before3")
    }
    const [{ leader: now } = { leader: -1 }] = await layoutOf(cluster.bootstrapList, "before0")
    const { values } = await readFrom(address(now), "before0")
    expect(values).toEqual(["kept"])
  },
  3 * minute,
)
