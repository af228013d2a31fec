import { afterEach, describe, expect, test } from "bun:test"
import { closeSync, openSync, readdirSync, readFileSync, readSync, rmSync } from "node:fs"
import { writeSync } from "node:fs"
import { join } from "node:path"
import { Cluster } from "../../scripts/harness/cluster.ts"
import { WriterFleet } from "../../scripts/harness/failover.ts"
import { createTopic, layoutOf, untilInSync } from "../../scripts/harness/layout.ts"
import { readAll } from "../../scripts/harness/records.ts"
import { run } from "../../scripts/harness/run.ts"
import { until } from "../../scripts/harness/until.ts"
import { ErrorCode } from "../../src/protocol/index.ts"
import { autopsy } from "../../storage/autopsy.ts"
import { writeTo } from "./one-broker.ts"

/** Real processes whose disks lie: what is lost is seen, said, and given back by the others. */

const minute = 60_000
const configs = { "min.insync.replicas": "2" }

let cluster: Cluster
let fleet: WriterFleet | undefined

afterEach(async () => {
  fleet?.kill()
  fleet = undefined
  await cluster?.dispose()
}, minute)

interface Health {
  readonly diskUuid: string
  readonly ready: boolean
  readonly recovering: ReadonlyArray<{ readonly group: number; readonly standing: string }>
}

async function health(id: number): Promise<Health> {
  const port = cluster.broker(0).port + cluster.brokers.length + id
  const response = await fetch(`http://127.0.0.1:${port}/health`)
  // What our own broker answers.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return (await response.json()) as Health
}

const log = (id: number): string => readFileSync(join(cluster.broker(id).dir, "broker.log"), "utf8")

const journalsOf = (id: number): ReadonlyArray<string> => {
  const { dir } = cluster.broker(id)
  return readdirSync(dir)
    .filter((name) => name.endsWith(".db-wal"))
    .map((name) => join(dir, name))
}

function flipBit(path: string, at: number): void {
  const file = openSync(path, "r+")
  const byte = new Uint8Array(1)
  readSync(file, byte, 0, 1, at)
  byte[0]! ^= 4
  writeSync(file, byte, 0, 1, at)
  closeSync(file)
}

/** One bit of a committed page, with committed transactions behind it. */
function hurtJournal(id: number): boolean {
  for (const path of journalsOf(id)) {
    const { committedFrames } = autopsy(path.slice(0, -"-wal".length))
    if (committedFrames < 4) continue
    const pageBytes = readFileSync(path).readUInt32BE(8)
    flipBit(path, 32 + (24 + pageBytes) * Math.floor(committedFrames / 3) + 24 + 200)
    return true
  }
  return false
}

/** All that could say what the disk had acknowledged and voted for. */
function loseLog(id: number): void {
  const { dir } = cluster.broker(id)
  for (const name of readdirSync(dir)) {
    if (name.startsWith("segment-") || name.startsWith("sentinel")) rmSync(join(dir, name))
  }
}

const untilTrusted = (id: number) =>
  until(
    `every group of broker ${id} to be trusted again`,
    async () => {
      const { ready, recovering } = await health(id)
      return ready && recovering.length === 0
    },
    { timeoutMs: 30_000 },
  )

const values = async (topic: string) => (await readAll(cluster, topic)).map((r) => String(r.value))

describe("one flipped bit in the journal of one broker of three", () => {
  test(
    "after SIGKILL under load: it comes back, says so, is filled up, and nothing is lost",
    async () => {
      cluster = await Cluster.start()
      const topic = "bit-flipped"
      fleet = await WriterFleet.start(cluster, { topic, partitions: 3, rate: 200, configs })
      const [first] = await layoutOf(cluster.bootstrapList, topic)
      const hurt = first?.leader ?? 0
      await cluster.kill(hurt)
      expect(hurtJournal(hurt)).toBe(true)
      await cluster.startBroker(hurt)
      expect(log(hurt)).toContain("committed transactions of the journal are lost")
      await untilTrusted(hurt)
      await untilInSync(cluster.bootstrapList, topic)
      await fleet.untilAcknowledged()
      // Whatever it has been given back must stand on its own now.
      await cluster.kill((hurt + 1) % 3)
      await fleet.untilAcknowledged()
      const verdict = await fleet.finish()
      expect(verdict.problems).toEqual([])
      for (const writer of verdict.perWriter) expect(writer.acknowledged).toBeGreaterThan(0)
    },
    4 * minute,
  )
})

describe("a log of which nothing is left", () => {
  test(
    "the broker says so, comes back as a new disk, is filled up and votes; nothing is lost",
    async () => {
      cluster = await Cluster.start()
      const topic = "gone"
      fleet = await WriterFleet.start(cluster, { topic, partitions: 3, rate: 200, configs })
      const diskBefore = (await health(1)).diskUuid
      await cluster.kill(1)
      loseLog(1)
      await cluster.startBroker(1)
      const lines = log(1).split("\n")
      expect(lines.filter((line) => line.includes("has had a log and has none")).length).toBe(1)
      const { diskUuid } = await health(1)
      expect(diskUuid).not.toBe(diskBefore)
      await untilTrusted(1)
      await untilInSync(cluster.bootstrapList, topic)
      await fleet.untilAcknowledged()
      // Its word is needed now: without it there is no majority.
      await cluster.kill(2)
      await fleet.untilAcknowledged()
      const verdict = await fleet.finish()
      expect(verdict.problems).toEqual([])
      for (const writer of verdict.perWriter) expect(writer.acknowledged).toBeGreaterThan(0)
      // The others' broker.json does not know the disk; the next start of all of them does.
      await cluster.killAll()
      await cluster.up()
      expect((await health(1)).diskUuid).toBe(diskUuid)
      for (const { dir } of cluster.brokers) {
        expect(readFileSync(join(dir, "broker.json"), "utf8")).toContain(`1@${diskUuid}`)
      }
    },
    4 * minute,
  )
})

describe("the only copy", () => {
  test(
    "a broker alone whose log is gone says so and does not start",
    async () => {
      cluster = await Cluster.start({ nodes: 1 })
      await cluster.killAll()
      loseLog(0)
      const again = await run(cluster.target.start(cluster.broker(0).dir))
      expect(again.code).toBe(1)
      expect(again.stderr).toContain("no other broker has a copy of it")
    },
    minute,
  )

  test(
    "a broker alone that lost something says so in one line and does not start, unless told to",
    async () => {
      cluster = await Cluster.start({ nodes: 1 })
      const topic = "alone"
      await createTopic(cluster.bootstrapList, { topic, partitions: 1, replicationFactor: 1 })
      await untilInSync(cluster.bootstrapList, topic)
      const address = `127.0.0.1:${cluster.broker(0).port}`
      for (let i = 0; i < 30; i++) {
        expect((await writeTo(address, topic, `v${i}`)).errorCode).toBe(ErrorCode.NONE)
      }
      await cluster.killAll()
      expect(hurtJournal(0)).toBe(true)
      const start = (...flags: ReadonlyArray<string>) =>
        Bun.spawn([...cluster.target.start(cluster.broker(0).dir), ...flags], {
          stdin: "ignore",
          stdout: "pipe",
          stderr: "pipe",
        })
      const refused = start()
      expect(await refused.exited).not.toBe(0)
      expect(log(0)).toContain("--accept-data-loss")
      const accepted = start("--accept-data-loss")
      try {
        await until(
          "the broker to serve",
          async () => (await health(0).catch(() => null))?.ready === true,
          {
            timeoutMs: 20_000,
          },
        )
        expect(log(0)).toContain("DATA LOSS ACCEPTED")
        await until("the topic to be led", async () => {
          return (await writeTo(address, topic, "after")).errorCode === ErrorCode.NONE
        })
        const found = await values(topic)
        expect(found.at(-1)).toBe("after")
        expect(found.slice(0, -1)).toEqual(found.slice(0, -1).map((_, i) => `v${i}`))
      } finally {
        accepted.kill("SIGKILL")
        await accepted.exited
      }
    },
    2 * minute,
  )
})
