import { describe, expect, test } from "bun:test"
import { Links } from "../../../src/chaos/drivers/raw/links.ts"
import { ConfigValues, FreshReader } from "../../../src/chaos/workloads/fresh-reads.ts"
import { ErrorCode } from "../../../src/protocol/error-codes.ts"
import { ScriptedBrokers } from "../drivers/scripted-brokers.ts"
import type { Asked } from "../drivers/scripted-brokers.ts"

const id = "abcdef1200000000000000000000000f"

interface Altered {
  readonly resources: ReadonlyArray<{
    readonly configs: ReadonlyArray<{ readonly value: string }>
  }>
}

const isAltered = (input: unknown): input is Altered =>
  typeof input === "object" && input !== null && "resources" in input

/** A value that was not set is the broker's. */
const config = (value: string) => [
  { name: "retention.ms", value, configSource: value === brokers ? 5 : 1 },
]
const brokers = "604800000"

/** Brokers that show the reader's write only when they are asked for the n-th time. */
function lagging(looks: number, more: Partial<Record<string, object | "lost">> = {}, value = "42") {
  let written = ""
  let asked = 0
  const asks = new ScriptedBrokers(({ api, input }: Asked) => {
    const other = more[api]
    if (other !== undefined) return other
    switch (api) {
      case "IncrementalAlterConfigs":
        if (isAltered(input)) written = input.resources[0]?.configs[0]?.value ?? ""
        return { responses: [{ errorCode: 0, resourceName: "own" }] }
      case "DescribeConfigs": {
        const isSeen = ++asked >= looks
        const own = { resourceName: "own", errorCode: 0, configs: config(isSeen ? written : "1") }
        const topic = { resourceName: "t", errorCode: 0, configs: config(isSeen ? value : "41") }
        return { results: [own, topic] }
      }
      default: {
        const partitions = [0, 1].map((partitionIndex) => ({ partitionIndex, leaderId: 1 }))
        return { topics: [{ name: "t", topicId: id, errorCode: 0, partitions }] }
      }
    }
  })
  const links = new Links(asks.connect, { next: 1 })
  const clock = { nowMs: () => 0, sleep: () => Promise.resolve() }
  return { asks, reader: new FreshReader(links, clock, "own", new ConfigValues()) }
}

describe("a read that must know all", () => {
  test("does not believe a broker before it shows the reader's own write", async () => {
    const { reader, asks } = lagging(4)
    expect(await reader.read(1, "t", "config")).toMatchObject({
      _tag: "read",
      read: { exists: true, value: "42", partitions: -1 },
    })
    expect(asks.of("DescribeConfigs").length).toBe(4)
  })

  test("tells the topic's id and partitions, asked after the write was seen", async () => {
    const { reader, asks } = lagging(2)
    const found = await reader.read(1, "t", "topic")
    expect(found).toMatchObject({ read: { exists: true, topicId: id, partitions: 2, value: "" } })
    expect(asks.asked.map(({ api }) => api)).toEqual([
      "IncrementalAlterConfigs",
      "DescribeConfigs",
      "DescribeConfigs",
      "Metadata",
    ])
  })

  test("gives up on a broker that never shows it", async () => {
    const { reader } = lagging(1_000_000)
    expect(await reader.read(1, "t", "topic")).toMatchObject({ _tag: "lost", error: "NOT_SEEN" })
  })

  test("a config that is the broker's is not set", async () => {
    const { reader } = lagging(1, {}, brokers)
    expect(await reader.read(1, "t", "config")).toMatchObject({ read: { value: "" } })
  })

  test("a topic that is not there is an answer", async () => {
    const missing = lagging(1, {
      Metadata: {
        topics: [{ name: "t", errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, partitions: [] }],
      },
    })
    expect(await missing.reader.read(1, "t", "topic")).toMatchObject({
      read: { exists: false, partitions: -1 },
    })
  })

  test("an answer that is lost is no answer", async () => {
    const { reader } = lagging(1, { Metadata: "lost" })
    expect((await reader.read(1, "t", "topic"))._tag).toBe("lost")
    const unwritten = lagging(1, { IncrementalAlterConfigs: "lost" })
    expect((await unwritten.reader.read(1, "t", "config"))._tag).toBe("lost")
  })
})
