import { beforeAll, describe, expect, test } from "bun:test"
import { kcat, describeWith } from "../../scripts/harness/foreign.ts"
import { readAll } from "../../scripts/harness/records.ts"
import { run, runOrThrow } from "../../scripts/harness/run.ts"
import { createTopic } from "../support/topics.ts"
import { freshTopic, useCluster } from "../support/compat-cluster.ts"
import { sorted } from "../support/sorted.ts"

/** kcat 1.7.1 on librdkafka 2.0.2, as Debian ships it. */

interface KcatRecord {
  readonly partition: number
  readonly offset: number
  readonly tstype: string
  readonly ts: number
  readonly key: string | null
  readonly payload: string | null
  readonly headers?: ReadonlyArray<string>
}

interface KcatMetadata {
  readonly controllerid: number
  readonly brokers: ReadonlyArray<{ readonly id: number; readonly name: string }>
  readonly topics: ReadonlyArray<{
    readonly topic: string
    readonly partitions: ReadonlyArray<{
      readonly partition: number
      readonly leader: number
      readonly replicas: ReadonlyArray<{ readonly id: number }>
      readonly isrs: ReadonlyArray<{ readonly id: number }>
    }>
  }>
}

const codecIds = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const

const ids = (list: ReadonlyArray<{ readonly id: number }>) => sorted(list.map((r) => r.id))

const pairs = (list: ReadonlyArray<{ key: string | null; payload: string | null }>) =>
  sorted(list.map((r) => `${r.key}|${r.payload}`))

describeWith([kcat], "kcat", () => {
  const cluster = useCluster()

  const produce = (topic: string, flags: ReadonlyArray<string>, input: string) =>
    runOrThrow(["kcat", "-b", cluster.bootstrap, "-P", "-t", topic, ...flags], { stdin: input })

  const consume = async (topic: string, flags: ReadonlyArray<string> = []) => {
    const command = ["kcat", "-b", cluster.bootstrap, "-C", "-t", topic, "-e", "-q", "-J", ...flags]
    const { stdout } = await runOrThrow(command)
    return stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line): KcatRecord => JSON.parse(line))
  }

  const metadata = async (): Promise<KcatMetadata> =>
    JSON.parse((await runOrThrow(["kcat", "-b", cluster.bootstrap, "-L", "-J"])).stdout)

  test("-L shows brokers 0, 1 and 2, and one of them as the controller", async () => {
    const { brokers, controllerid } = await metadata()
    expect(sorted(brokers.map((broker) => broker.id))).toEqual([0, 1, 2])
    expect(sorted(brokers.map((broker) => broker.name))).toEqual(sorted(cluster.bootstrapList))
    expect([0, 1, 2]).toContain(controllerid)
  })

  test("-L shows a topic's partitions with leaders spread and three replicas in sync", async () => {
    const topic = freshTopic("kcat-layout")
    await createTopic(cluster, topic, 3)
    const { topics } = await metadata()
    const partitions = topics.find((entry) => entry.topic === topic)?.partitions ?? []
    expect(sorted(partitions.map((p) => p.partition))).toEqual([0, 1, 2])
    expect(sorted(partitions.map((p) => p.leader))).toEqual([0, 1, 2])
    expect(partitions.map((p) => ids(p.replicas))).toEqual([0, 1, 2].map(() => [0, 1, 2]))
    expect(partitions.map((p) => ids(p.isrs))).toEqual([0, 1, 2].map(() => [0, 1, 2]))
  })

  for (const [codec, id] of Object.entries(codecIds)) {
    test(`-P and -C carry keys, values and headers with ${codec}, stored as sent`, async () => {
      const topic = freshTopic(`kcat-${codec}`)
      await createTopic(cluster, topic, 3)
      const sent = Array.from({ length: 400 }, (_, i) => ({
        key: `key-${i % 17}`,
        payload: `${i} ünïcödé ${"abcdefghij".repeat(i % 40)}`,
      }))
      const headers = ["-H", "trace=7f", "-H", "trace=80", "-H", "empty="]
      // One batch each: librdkafka leaves a small one alone when compressing gains nothing.
      const flags = ["-K", "|", "-z", codec, "-X", "linger.ms=1000", ...headers]
      await produce(topic, flags, sent.map((r) => `${r.key}|${r.payload}`).join("\n"))

      const got = await consume(topic)
      expect(pairs(got)).toEqual(pairs(sent))
      expect(got.every((r) => String(r.headers) === "trace,7f,trace,80,empty,")).toBe(true)
      expect(got.every((r) => r.tstype === "create")).toBe(true)
      // The same key always lies in one partition, and a partition keeps the order that it was sent
      // in.
      const places = new Map(got.map((r) => [r.key, r.partition]))
      expect(got.every((r) => places.get(r.key) === r.partition)).toBe(true)
      for (const key of places.keys()) {
        const numbers = got.filter((r) => r.key === key).map((r) => parseInt(r.payload ?? "", 10))
        expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
      }
      const stored = await readAll(cluster, topic)
      expect(new Set(stored.map((record) => record.compression))).toEqual(new Set([id]))
    })
  }

  test("creates a topic by writing to it", async () => {
    const topic = freshTopic("kcat-auto")
    await produce(topic, [], "first\nsecond")
    expect((await consume(topic)).map((r) => r.payload)).toEqual(["first", "second"])
  })

  test("tells null from empty, in keys and in values", async () => {
    const topic = freshTopic("kcat-null")
    await createTopic(cluster, topic, 1)
    await produce(topic, ["-K", "|", "-Z"], "|no key\nno value|\nboth|both")
    await produce(topic, ["-K", "|"], "|empty key\nempty value|")
    expect((await consume(topic)).map((r) => [r.key, r.payload])).toEqual([
      [null, "no key"],
      ["no value", null],
      ["both", "both"],
      ["", "empty key"],
      ["empty value", ""],
    ])
  })

  describe("positions", () => {
    const topic = freshTopic("kcat-offsets")
    const numbers = Array.from({ length: 100 }, (_, i) => String(i))

    // A hook per describe: the topic is made once, on the cluster that the outer hook started.
    beforeAll(async () => {
      await createTopic(cluster, topic, 1)
      await produce(topic, ["-X", "batch.num.messages=10"], numbers.join("\n"))
    })

    const read = async (offset: string, ...flags: ReadonlyArray<string>) =>
      (await consume(topic, ["-o", offset, ...flags])).map((r) => r.payload)

    test("from an offset inside a batch", async () => {
      expect(await read("55")).toEqual(numbers.slice(55))
    })

    test("the last ones", async () => {
      expect(await read("-3")).toEqual(["97", "98", "99"])
    })

    test("a count from the beginning", async () => {
      expect(await read("beginning", "-c", "4")).toEqual(["0", "1", "2", "3"])
    })

    test("by time", async () => {
      const all = await consume(topic)
      expect(await read(`s@${all[0]?.ts ?? 0}`)).toEqual(numbers)
      const later = Math.max(...all.map((r) => r.ts)) + 60_000
      expect(await read(`s@${later}`)).toEqual([])
    })

    test("-Q gives the first offset at or after a time, and -1 past the end", async () => {
      const [first] = await consume(topic, ["-c", "1"])
      const query = async (ts: number) => {
        const words = ["-Q", "-t", `${topic}:0:${ts}`]
        return (await runOrThrow(["kcat", "-b", cluster.bootstrap, ...words])).stdout.trim()
      }
      expect(await query(first?.ts ?? 0)).toBe(`${topic} [0] offset 0`)
      expect(await query((first?.ts ?? 0) + 3_600_000)).toBe(`${topic} [0] offset -1`)
      expect(await query(-1)).toBe(`${topic} [0] offset 100`)
      expect(await query(-2)).toBe(`${topic} [0] offset 0`)
    })
  })

  for (const acks of ["0", "1", "all"]) {
    test(`acks=${acks}`, async () => {
      const topic = freshTopic(`kcat-acks-${acks}`)
      await createTopic(cluster, topic, 1)
      await produce(topic, ["-X", `acks=${acks}`], "a\nb\nc")
      const got = await consume(topic, ["-c", "3", "-o", "beginning"])
      expect(got.map((r) => r.payload)).toEqual(["a", "b", "c"])
    })
  }

  test("an idempotent producer's batches carry its id", async () => {
    const topic = freshTopic("kcat-idempotent")
    await createTopic(cluster, topic, 1)
    await produce(topic, ["-X", "enable.idempotence=true"], "a\nb\nc")
    const stored = await readAll(cluster, topic)
    expect(stored.map((record) => String(record.value))).toEqual(["a", "b", "c"])
    expect(stored.every((record) => record.producerId >= 0)).toBe(true)
  })

  test("a record of almost 1 MB goes through, a larger one is refused by the broker", async () => {
    const topic = freshTopic("kcat-large")
    await createTopic(cluster, topic, 1)
    const large = "x".repeat(990_000)
    await produce(topic, [], large)
    const raised = ["-X", "message.max.bytes=3000000", "-X", "message.timeout.ms=8000"]
    const refused = await run(["kcat", "-b", cluster.bootstrap, "-P", "-t", topic, ...raised], {
      stdin: "y".repeat(2_000_000),
    })
    expect(refused.code).not.toBe(0)
    expect(refused.stderr).toContain("Message size too large")
    const stored = await consume(topic, ["-X", "fetch.message.max.bytes=3000000"])
    expect(stored.map((r) => r.payload)).toEqual([large])
  })

  test("a consumer that waits at the end gets a record as soon as it is there", async () => {
    const topic = freshTopic("kcat-tail")
    await createTopic(cluster, topic, 1)
    const words = ["-C", "-t", topic, "-o", "beginning", "-c", "1", "-q"]
    const waiting = runOrThrow(["kcat", "-b", cluster.bootstrap, ...words], { timeoutMs: 15_000 })
    await produce(topic, [], "now")
    expect((await waiting).stdout.trim()).toBe("now")
  })
})
