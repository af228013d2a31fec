/**
 * The questions that Apache Kafka 4.3.1 was asked (this folder), put in the same order to a
 * simulated cluster of three brokers, and the answers compared decoded. What is free to differ is
 * in `freedoms.ts`, what differs with a reason in `known-differences.ts`, both in
 * scripts/conformance; what varve does not offer closes the connection.
 */
import { beforeAll, describe, expect, test } from "bun:test"
import { advertisedApis } from "../../src/node/node.ts"
import { apiVersions } from "../../src/protocol/messages/api-versions.ts"
import { allRuns, recordedAnswer } from "../../scripts/conformance/exchange.ts"
import { Replay, type Replayed } from "../../scripts/conformance/replay.ts"
import { fieldOf } from "../../scripts/conformance/values.ts"
import {
  linesOf,
  needlessReasons,
  sameOf,
  shareOf,
  verdictOn,
} from "../../scripts/conformance/verdicts.ts"
import { SimulatedCluster } from "./simulated-cluster.ts"

const [golden = [], own = []] = allRuns()

describe("Kafka's recorded exchanges", () => {
  const replayed: Array<Replayed> = []

  beforeAll(async () => {
    for (const exchanges of [golden, own]) {
      replayed.push(...(await Replay.of(exchanges, new SimulatedCluster())))
    }
  }, 60_000)

  test("what is advertised has Kafka's own version ranges", () => {
    const exchange = golden.find(({ key }) => key === apiVersions.key)
    if (exchange === undefined) throw new Error("no ApiVersions was recorded")
    const ranges = fieldOf(recordedAnswer(exchange), "apiKeys")
    for (const { key, minVersion, maxVersion } of advertisedApis) {
      expect(ranges).toContainEqual({ apiKey: key, minVersion, maxVersion })
    }
  })

  test("were all put to varve", () => {
    expect(golden.length).toBe(1_063)
    expect(replayed.length).toBe(golden.length + own.length)
    const asked = new Set([...golden, ...own].map(({ key }) => key))
    const served = advertisedApis.map(({ key }) => key).filter((key) => asked.has(key))
    expect(new Set(replayed.filter((one) => one.offered).map((one) => one.api.key))).toEqual(
      new Set(served),
    )
  })

  test("are answered as Kafka answers, or otherwise with a reason", () => {
    const unexplained = replayed.filter((one) => verdictOn(one)._tag === "unexplained")
    expect(unexplained.flatMap(linesOf).join("\n")).toBe("")
  })

  test("need every reason that is given", () => {
    expect(needlessReasons(replayed).map(({ reason, note }) => `${reason} (${note})`)).toEqual([])
  })

  test("are answered the same in 97 of 100 cases", () => {
    expect(
      sameOf(shareOf(replayed.filter(({ exchange }) => exchange.seq < 10_000))),
    ).toBeGreaterThanOrEqual(0.97)
  })
})
