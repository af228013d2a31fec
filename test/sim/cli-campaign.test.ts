import { afterEach, expect, test } from "bun:test"
import { join } from "node:path"
import { runCampaign } from "../../src/cli/sim/campaign.ts"
import type { CampaignOptions } from "../../src/cli/sim/campaign.ts"
import { CannotRun, Lane } from "../../src/cli/sim/lane.ts"
import type { SeedOutcome } from "../../src/sim/result.ts"

const stub = [process.execPath, join(import.meta.dir, "fixtures", "stub-child.ts")]
let lanes: ReadonlyArray<Lane> = []

afterEach(async () => {
  await Promise.all(lanes.map((lane) => lane.close()))
})

function newLanes(count: number, command = stub, jobTimeoutMs = 20_000): ReadonlyArray<Lane> {
  lanes = Array.from({ length: count }, () => new Lane({ command, env: {}, jobTimeoutMs }))
  return lanes
}

async function campaign(on: ReadonlyArray<Lane>, options: Partial<CampaignOptions>) {
  const outcomes: Array<SeedOutcome> = []
  const totals = await runCampaign(on, {
    firstSeed: 1,
    seeds: 5,
    isOver: () => false,
    keepGoing: false,
    jobOf: (seed) => ({ _tag: "seed", seed, overrides: [] }),
    onSeed: (outcome) => outcomes.push(outcome),
    ...options,
  })
  return { totals, outcomes }
}

test("every seed is run once, the first of a hundred twice", async () => {
  const { totals, outcomes } = await campaign(newLanes(2), { seeds: 5 })
  expect(outcomes.map(({ seed }) => seed).toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5])
  expect(totals).toMatchObject({ seeds: 5, events: 50, simulatedMs: 5_000, compared: 1 })
  expect(totals.findings).toEqual([])
  expect(totals.rare.get("log cut")).toBe(5)
})

test("an alarm ends the campaign, or not", async () => {
  const { totals } = await campaign(newLanes(1), { firstSeed: 12, seeds: 5 })
  expect(totals.seeds).toBe(2)
  expect(totals.findings).toMatchObject([{ seed: 13, alarm: { kind: "lost-write", atMs: 700 } }])
  const more = await campaign(newLanes(1), { firstSeed: 12, seeds: 4, keepGoing: true })
  expect(more.totals.seeds).toBe(4)
})

test("a process that ends under a seed is an alarm; the lane goes on with another", async () => {
  const { totals, outcomes } = await campaign(newLanes(1), {
    firstSeed: 16,
    seeds: 3,
    keepGoing: true,
  })
  expect(outcomes.map(({ seed, verdict }) => [seed, verdict])).toEqual([
    [16, "clean"],
    [17, "alarm"],
    [18, "clean"],
  ])
  expect(totals.findings[0]?.alarm.kind).toBe("crash")
  expect(totals.findings[0]?.alarm.detail).toContain("exit code 9")
  expect(totals.findings[0]?.alarm.detail).toContain("out of luck")
})

test("a seed without end is an alarm", async () => {
  const { totals } = await campaign(newLanes(1, stub, 300), { firstSeed: 23, seeds: 1 })
  expect(totals.findings[0]?.alarm.kind).toBe("hang")
})

test("a seed whose hash depends on the process is an alarm", async () => {
  const { totals } = await campaign(newLanes(2), { firstSeed: 101, seeds: 3 })
  expect(totals.findings[0]).toMatchObject({ seed: 101, alarm: { kind: "nondeterminism" } })
})

test("children without their planted bug are no alarm", async () => {
  const notPlanted = [process.execPath, "-e", "process.exit(4)"]
  const failure = await campaign(newLanes(1, notPlanted), {}).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(CannotRun)
})
