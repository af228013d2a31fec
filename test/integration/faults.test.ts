import { afterEach, describe, expect, test } from "bun:test"
import { rmSync } from "node:fs"
import { Cluster, isRunning } from "../../scripts/harness/cluster.ts"
import { killLeader, WriterFleet, type Verdict } from "../../scripts/harness/failover.ts"
import { createTopic, layoutOf, untilInSync, withAdmin } from "../../scripts/harness/layout.ts"
import { readAll } from "../../scripts/harness/records.ts"
import { run } from "../../scripts/harness/run.ts"
import { target } from "../../scripts/harness/target.ts"
import { until } from "../../scripts/harness/until.ts"
import { ErrorCode, errorName } from "../../src/protocol/index.ts"
import { readFrom, writeTo } from "./one-broker.ts"

/**
 * Real processes, real signals, clients that others wrote. The long form is scripts/kill-leader.ts.
 */

const minute = 60_000
const configs = { "min.insync.replicas": "2" }

let cluster: Cluster
let fleet: WriterFleet | undefined

afterEach(async () => {
  fleet?.kill()
  fleet = undefined
  await cluster?.dispose()
}, minute)

const values = async (topic: string) => (await readAll(cluster, topic)).map((r) => String(r.value))

function expectNothingLost(verdict: Verdict) {
  expect(verdict.problems).toEqual([])
  for (const writer of verdict.perWriter) expect(writer.acknowledged).toBeGreaterThan(0)
}

const address = (id: number) => `127.0.0.1:${cluster.broker(id).port}`

/** A topic of one partition, some committed records in it, and who leads it. */
async function committed(topic: string, count: number) {
  await createTopic(cluster.bootstrapList, { topic, partitions: 1, configs })
  await untilInSync(cluster.bootstrapList, topic)
  const [partition] = await layoutOf(cluster.bootstrapList, topic)
  const leader = partition?.leader ?? -1
  const written = Array.from({ length: count }, (_, i) => `committed ${i}`)
  for (const value of written) {
    expect((await writeTo(address(leader), topic, value)).errorCode).toBe(ErrorCode.NONE)
  }
  return { leader, others: [0, 1, 2].filter((id) => id !== leader), written }
}

describe("a cluster whose brokers are killed", () => {
  test(
    "SIGKILL of the leader under load, three times: nothing acknowledged is lost, doubled or moved",
    async () => {
      cluster = await Cluster.start()
      const topic = "leader-killed"
      fleet = await WriterFleet.start(cluster, { topic, partitions: 3, rate: 100, configs })
      const gaps: Array<number> = []
      for (const partition of [0, 1, 2]) {
        gaps.push((await killLeader(cluster, fleet, topic, partition)).clusterGapMs)
      }
      expectNothingLost(await fleet.finish())
      console.log(`write gaps: ${gaps.map((gap) => `${Math.round(gap)} ms`).join(", ")}`)
      // The aim is 2 s; twice that leaves room for a machine that does other things as well.
      if (target.name === "varve") expect(Math.max(...gaps)).toBeLessThan(4_000)
    },
    5 * minute,
  )

  test(
    "SIGKILL of all brokers at once under load: nothing acknowledged is missing afterwards",
    async () => {
      cluster = await Cluster.start()
      const topic = "all-killed"
      fleet = await WriterFleet.start(cluster, { topic, partitions: 3, rate: 200, configs })
      await cluster.killAll()
      await cluster.up()
      await fleet.untilAcknowledged()
      expectNothingLost(await fleet.finish())
    },
    3 * minute,
  )

  test(
    "a killed broker comes back and catches up; one more may then be lost",
    async () => {
      cluster = await Cluster.start()
      const topic = "caught-up"
      const { leader, others, written } = await committed(topic, 20)
      const [second = -1] = others
      await cluster.kill(second)
      for (const value of ["while away 1", "while away 2"]) {
        await until(
          value,
          async () => (await writeTo(address(leader), topic, value)).errorCode === 0,
        )
      }
      await cluster.startBroker(second)
      await untilInSync(cluster.bootstrapList, topic)
      await cluster.kill(leader)
      await until(
        "the others to write",
        async () => {
          const next = await writeToLeader(topic, others, "after")
          return next === ErrorCode.NONE
        },
        { timeoutMs: 30_000 },
      )
      const found = new Set(await values(topic))
      for (const value of [...written, "while away 1", "while away 2", "after"]) {
        expect(found).toContain(value)
      }
    },
    2 * minute,
  )
})

/** Asks each in turn; the error of the last one, or none. */
async function writeToLeader(topic: string, ids: ReadonlyArray<number>, value: string) {
  let errorCode = -1
  for (const id of ids) {
    ;({ errorCode } = await writeTo(address(id), topic, value))
    if (errorCode === ErrorCode.NONE) break
  }
  return errorCode
}

describe("a broker that is left alone", () => {
  for (const how of ["SIGSTOP", "SIGKILL"] as const) {
    test(
      `by ${how} of the two others: refuses writes, and serves what was committed and no more`,
      async () => {
        cluster = await Cluster.start()
        const topic = "alone"
        const { leader, others, written } = await committed(topic, 10)
        for (const id of others) await cluster.signal(id, how)

        const errors: Array<string> = []
        for (const value of ["alone 1", "alone 2", "alone 3"]) {
          const { errorCode } = await writeTo(address(leader), topic, value)
          expect(errorCode).not.toBe(ErrorCode.NONE)
          errors.push(errorName(errorCode))
        }
        console.log(`left alone by ${how}: ${errors.join(", ")}`)
        const served = await readFrom(address(leader), topic)
        expect(served.highWatermark).toBeLessThanOrEqual(written.length)
        expect(written.slice(0, served.values.length)).toEqual([...served.values])

        if (how === "SIGSTOP") for (const id of others) await cluster.signal(id, "SIGCONT")
        else for (const id of others) await cluster.startBroker(id)
        await until(
          "the cluster to go on",
          async () => (await writeToLeader(topic, [0, 1, 2], "together again")) === ErrorCode.NONE,
          { timeoutMs: 60_000 },
        )
        const found = await values(topic)
        expect(found.slice(0, written.length)).toEqual(written)
        expect(found).toContain("together again")
      },
      3 * minute,
    )
  }
})

describe("a cluster that is stopped and started", () => {
  test(
    "SIGTERM ends every broker with exit 0; a restart has all data, topics and offsets",
    async () => {
      cluster = await Cluster.start()
      const topic = "kept"
      const { written } = await committed(topic, 25)
      const pids = cluster.brokers.map((broker) => cluster.pidOf(broker.id))
      expect(await cluster.stop()).toBe(0)
      expect(pids.filter(isRunning)).toEqual([])

      await cluster.up()
      await until("all records", async () => (await values(topic)).length === written.length, {
        timeoutMs: 30_000,
      })
      expect(await values(topic)).toEqual(written)
      const topics = await withAdmin(cluster.bootstrapList, (admin) => admin.listTopics())
      expect(topics).toContain(topic)
      await until(
        "writes",
        async () => (await writeToLeader(topic, [0, 1, 2], "next")) === ErrorCode.NONE,
      )
      expect(await values(topic)).toEqual([...written, "next"])
    },
    2 * minute,
  )

  test(
    "a removed broker folder comes back empty, and the cluster goes on",
    async () => {
      cluster = await Cluster.start()
      const topic = "folder-removed"
      const { leader, written } = await committed(topic, 25)
      await cluster.stop()
      rmSync(cluster.broker(leader).dir, { recursive: true })
      await cluster.up()
      await until(
        "writes",
        async () => (await writeToLeader(topic, [0, 1, 2], "next")) === ErrorCode.NONE,
        { timeoutMs: 60_000 },
      )
      expect(await values(topic)).toEqual([...written, "next"])
      const { brokers } = await withAdmin(cluster.bootstrapList, (admin) => admin.describeCluster())
      expect(brokers.length).toBe(3)
    },
    3 * minute,
  )

  test(
    "a second process on a broker's folder is refused",
    async () => {
      cluster = await Cluster.start()
      const second = await run(target.start(cluster.broker(0).dir), { timeoutMs: 30_000 })
      expect(second.code).toBe(1)
      if (target.name === "varve") {
        expect(second.stderr + second.stdout).toContain(String(cluster.pidOf(0)))
      }
    },
    2 * minute,
  )
})
