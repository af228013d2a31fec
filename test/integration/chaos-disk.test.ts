import { afterAll, beforeAll, expect, test } from "bun:test"
import { rmSync } from "node:fs"
import { until } from "../../scripts/harness/until.ts"
import { buildShim } from "../../src/chaos/disk/power/library.ts"
import { folder } from "../storage/shim/power.ts"
import { HurtCluster, type Hurt } from "./chaos-disk/hurt-cluster.ts"

/**
 * Faults of disks and clocks on real brokers, one after the other on one cluster: each bites, each
 * is healed, and nothing acknowledged is lost.
 */

const minute = 60_000
const dir = folder("varve-chaos-disk-")

let hurt: HurtCluster
beforeAll(async () => {
  hurt = await HurtCluster.start(dir, true)
}, minute)
afterAll(async () => {
  await hurt?.dispose()
  rmSync(dir, { recursive: true, force: true })
}, minute)

function expectBite({ effective, evidence }: Hurt, what: RegExp): void {
  expect({ effective, evidence }).toEqual({
    effective: true,
    evidence: expect.stringMatching(what),
  })
}

test(
  "an fsync error, SQLite's or the disk's own: the broker stops of itself, and comes back",
  async () => {
    const told = /a commit failed as if fsync had.*: exit code 1$/
    const real = /^fsync gave EIO; .*: exit code 1$/
    const hasShim = hurt.cluster.capabilities.has("power")
    expectBite(await hurt.hurt("fsync-error", 1, 300), told)
    expectBite(await hurt.hurt("fsync-error", 3, 300), hasShim ? real : told)
  },
  minute,
)

test(
  "a full disk: records are refused until there is room; a commit that meets it stops the broker",
  async () => {
    expectBite(await hurt.hurt("disk-full", 1, 500), /disk space low; the disk is nearly full/)
    expectBite(await hurt.hurt("disk-full", 3, 500), /a commit found the disk full; .*exit code 1$/)
  },
  minute,
)

test(
  "commits that are held, or slow",
  async () => {
    const held = await hurt.hurt("held-commits", 1, 1_000)
    expectBite(held, /transactions held back at broker \d, the longest for \d{3,} ms/)
    expectBite(await hurt.hurt("slow-disk", 1, 1_000), /[1-9]\d* commits were slow at broker \d/)
  },
  minute,
)

test(
  "power of all brokers and of one: what was not fsynced is lost, and nothing else",
  async () => {
    if (!hurt.cluster.capabilities.has("power")) return
    expectBite(await hurt.hurt("power", 3, 100), /^brokers 0, 1, 2 without power; [1-9]/)
    expectBite(await hurt.hurt("power", 4, 100), /^broker \d without power; [1-9]/)
    expect(hurt.distrust()).toEqual([])
  },
  minute,
)

test(
  "flipped bits: the broker says so where it matters, and is given again what it lost",
  async () => {
    const flips = /^segment-\d+\.db-wal: byte \d+ \d+→\d+, .*it says: .*damaged/
    expectBite(await hurt.hurt("bit-flips", 1, 100), flips)
  },
  minute,
)

test(
  "a wiped disk, and a cut before it is filled up: nobody leads without what is missing",
  async () => {
    const cut = await hurt.hurt("wiped-then-cut", 1, 5_000)
    expectBite(cut, /^late: 4 of 4 links .*files of disk .* are gone, it is disk .*keepers: 4 of 4/)
  },
  minute,
)

test(
  "a clock that is wrong",
  async () => {
    expectBite(
      await hurt.hurt("clock-jump", 3, 300),
      /an hour behind .*: its log is -3\d{3}\.\d s off/,
    )
  },
  minute,
)

test(
  "after all of it: everything acknowledged is there, once, and where it was said to be",
  async () => {
    expect(await hurt.problems()).toEqual([])
    expect(hurt.acknowledged).toBeGreaterThan(50)
  },
  minute,
)

test.skipIf("missing" in buildShim())(
  "with synchronous=NORMAL the same cut loses what was acknowledged, and the brokers notice",
  async () => {
    const other = folder("varve-chaos-plant-")
    const planted = await HurtCluster.start(other, true, "synchronous-normal")
    try {
      await planted.strike("power", 3, 100)
      await until("the brokers to notice", () => planted.distrust().length > 0)
    } finally {
      await planted.dispose()
      rmSync(other, { recursive: true, force: true })
    }
  },
  minute,
)
