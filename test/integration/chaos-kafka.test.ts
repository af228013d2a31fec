/**
 * Apache Kafka behind the same proxy. Its brokers are slow to start: only where
 * VARVE_TEST_CLUSTER=kafka asks for it.
 */
import { expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { referenceKafka, target } from "../../scripts/harness/target.ts"
import { until } from "../../scripts/harness/until.ts"
import { startKafkaCluster } from "../../src/chaos/cluster/kafka-cluster.ts"
import { Client, produceRecords, readAll } from "../../src/client/index.ts"
import { createTopics } from "../../src/protocol/messages/create-topics.ts"

const topic = "chaos"
const place = { topic, partition: 0 }
const minutes = 60_000

test.skipIf(target.name !== "kafka")(
  "a leader that is cut off loses its leadership, and its clients are told the proxy's addresses",
  async () => {
    const dir = mkdtempSync(join(tmpdir(), "varve-chaos-kafka-"))
    try {
      await using cluster = await startKafkaCluster({
        dir,
        nodes: 3,
        seed: 1,
        command: referenceKafka,
        startTimeoutMs: 4 * minutes,
      })
      const client = new Client({ bootstrap: cluster.nodes.map(({ address }) => address) })
      const topics = [{ name: topic, numPartitions: 1, replicationFactor: 3 }]
      await client.ask(createTopics, { topics, timeoutMs: minutes }, minutes)
      const leaderBut = (not: number) =>
        until(
          "a leader",
          async () => {
            client.forgetLeader(topic, 0)
            const { nodeId } = await client.leader(topic, 0)
            return nodeId >= 0 && nodeId !== not ? { nodeId } : undefined
          },
          { timeoutMs: 2 * minutes, everyMs: 200 },
        )
      const write = (value: string) =>
        produceRecords(client, [{ value: Buffer.from(value) }], {
          ...place,
          retryUnknown: true,
          timeoutMs: 2 * minutes,
        })
      const { nodeId } = await leaderBut(-1)
      await write("before")
      const between = cluster.network.links.filter(
        ({ from, to }) => from !== "clients" && (from === nodeId || to === nodeId),
      )
      for (const link of between) cluster.network.trouble(link, { cut: "drop" })
      await leaderBut(nodeId)
      await write("while it is cut off")
      const dropped = between.map((link) => cluster.network.counters(link).droppedFrames)
      expect(dropped.filter((frames) => frames > 0).length).toBeGreaterThanOrEqual(2)
      cluster.network.healAll()
      await cluster.signal(nodeId, "SIGKILL")
      await cluster.start(nodeId)
      await cluster.untilReady()
      await write("after")
      const ports = cluster.nodes.map(({ address }) => address.port)
      const { brokers } = await client.metadata([topic])
      expect(brokers.filter(({ port }) => !ports.includes(port))).toEqual([])
      const values = (await readAll(client, place)).map(({ value }) =>
        Buffer.from(value ?? "").toString(),
      )
      expect([...new Set(values)]).toEqual(["before", "while it is cut off", "after"])
      client.close()
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
  },
  10 * minutes,
)
