import { afterEach, describe, expect, test } from "bun:test"
import { join } from "node:path"
import { startRunClock } from "../../../src/chaos/clock.ts"
import { ForeignMember } from "../../../src/chaos/drivers/groups/foreign-member.ts"
import type { ForeignShape } from "../../../src/chaos/drivers/groups/foreign-life.ts"
import { operationsOf } from "../../../src/chaos/history/history.ts"
import { noQuirks } from "../../../src/chaos/drivers/raw/quirks.ts"
import { Prng } from "../../../raft/prng.ts"
import { until } from "../../../scripts/harness/until.ts"
import { ref, topic, World } from "./raw-fixture.ts"

const open: Array<ForeignMember> = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((member) => member.dispose()))
})

function begin(behaviour: string, more: Partial<ForeignShape> = {}) {
  const world = new World(() => "lost")
  const ports = { ...world.ports, clock: startRunClock(), log: () => {}, quirks: noQuirks }
  const shape: ForeignShape = {
    group: "kafkajs-g",
    topics: [topic],
    protocol: "classic",
    command: [process.execPath, join(import.meta.dir, "scripted-member.ts"), behaviour],
    isUntagged: false,
    commitEveryMs: 20,
    lifeMs: 0,
    crashPercent: 0,
    ...more,
  }
  const member = new ForeignMember("0", shape, ports, new Prng(3))
  open.push(member)
  member.start()
  const of = <F extends "assign" | "commit" | "poll" | "release">(f: F) =>
    operationsOf(world.history.operations, f)
  return { member, of }
}

const soon = (what: string, isSo: () => boolean) =>
  until(what, isSo, { everyMs: 5, timeoutMs: 15_000 })

describe("a member that others wrote", () => {
  test("tells what it is given, what it owns and what it has committed", async () => {
    const { member, of } = begin("ok")
    await soon("three commits", () => of("commit").length > 3)
    await member.stop()
    expect(of("assign")[0]).toMatchObject({
      member: "m",
      generation: 1,
      partitions: [ref.key],
      outcome: "ok",
    })
    expect(of("poll")[0]).toMatchObject({
      partition: ref.key,
      group: "kafkajs-g",
      from: -1,
      records: [[0, "v0", -1]],
      highWatermark: -1,
    })
    const commits = of("commit")
    for (const { outcome, generation } of commits.slice(0, -1)) {
      expect({ outcome, generation }).toEqual({ outcome: "ok", generation: 1 })
    }
    expect(new Set(commits.map(({ tag }) => tag)).size).toBe(commits.length)
    const read = of("poll").flatMap(({ records }) => records.map(([offset]) => offset))
    expect(Math.max(...commits.map(({ offset }) => offset))).toBeLessThanOrEqual(
      Math.max(...read) + 1,
    )
    expect(of("release").at(-1)?.partitions).toEqual([ref.key])
  })

  test("what its client was refused may have been done by an attempt before", async () => {
    const { of } = begin("refused")
    await soon("a commit", () => of("commit").some(({ outcome }) => outcome !== "pending"))
    expect(of("commit")[0]).toMatchObject({ outcome: "info", generation: -1 })
  })

  test("a process that dies in a commit leaves it unknown, and another takes its place", async () => {
    const { of } = begin("dies")
    await soon("a second life", () => of("poll").some(({ process }) => process.endsWith(".2")))
    expect(of("commit")[0]).toMatchObject({ outcome: "info", error: "CRASHED" })
    expect(of("release")).toEqual([])
  })

  test("stands still while it is paused, as a process", async () => {
    const { member, of } = begin("ok")
    await soon("a poll", () => of("poll").length > 0)
    member.pause()
    await Bun.sleep(100)
    const before = of("poll").length
    await Bun.sleep(150)
    expect(of("poll").length).toBeLessThanOrEqual(before + 1)
    member.resume()
    await soon("more polls", () => of("poll").length > before + 3)
  })

  test("dispose ends the process, also one that stands still", async () => {
    const { member, of } = begin("ok")
    await soon("a poll", () => of("poll").length > 0)
    const { pid } = member
    member.pause()
    await member.dispose()
    expect(member.pid).toBeUndefined()
    expect(() => process.kill(pid ?? 0, 0)).toThrow()
  })

  test("a client that sets no metadata commits without a tag", async () => {
    const { of } = begin("ok", { isUntagged: true })
    await soon("a commit", () => of("commit").length > 1)
    expect(of("commit")[0]?.tag).toBe("")
  })
})
