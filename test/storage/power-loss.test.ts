/**
 * Power cuts: what was fsynced is there, of the rest any part (VERIFICATION E5, §2.2). Kills cannot
 * show a missing fsync, these can; that they do is shown by taking the fsyncs away.
 */
import { expect, test } from "bun:test"
import { rmSync } from "node:fs"
import { buildShim } from "../../src/chaos/disk/power/library.ts"
import { Expected, playCuts, record, type Load, type Survival } from "./shim/power.ts"

const shim = buildShim()
const library = "library" in shim ? shim.library : ""
if ("missing" in shim) console.log(`power cuts are not played: ${shim.missing}`)

async function survivals(
  load: Omit<Load, "library">,
  count: number,
  kills = false,
): Promise<Array<Survival>> {
  const recorded = await record({ library, ...load })
  expect(recorded.stderr).toBe("")
  expect(recorded.exitCode).toBe(0)
  const seen: Array<Survival> = []
  const expected = new Expected(load.steady)
  const plan = { count, seed: count, kills }
  await playCuts(recorded, load.nodes, expected, plan, (survival) => void seen.push(survival))
  rmSync(recorded.root, { recursive: true })
  return seen
}

const lost = ({ reported, found }: Survival) => found < reported

for (const steady of [false, true]) {
  test.skipIf(library === "")(
    `nothing acknowledged is lost by a cut, nothing is distrusted (${steady ? "steady" : "votes"})`,
    async () => {
      const seen = await survivals({ nodes: 2, commits: 60, steady }, 30)
      expect(seen.filter(lost)).toEqual([])
      expect(seen.filter(({ identical }) => !identical)).toEqual([])
      expect(seen.filter(({ distrusted }) => distrusted.length > 0)).toEqual([])
      // The cuts were not all before the first commit.
      expect(seen.filter(({ reported }) => reported > 5).length).toBeGreaterThan(20)
    },
    60_000,
  )
}

test.skipIf(library === "")(
  "a kill between any two writes: the same",
  async () => {
    const seen = await survivals({ nodes: 1, commits: 40, steady: true }, 40, true)
    expect(seen.filter(lost)).toEqual([])
    expect(seen.filter(({ identical }) => !identical)).toEqual([])
    expect(seen.filter(({ distrusted }) => distrusted.length > 0)).toEqual([])
  },
  60_000,
)

test.skipIf(library === "")(
  "with synchronous=NORMAL the same cuts lose what was acknowledged, and the sentinel says so",
  async () => {
    const load = { nodes: 1, commits: 60, steady: false, plant: "synchronous-normal" } as const
    // Checkpoints fsync as well, and a cut may take nothing: one in five loses something.
    const seen = await survivals(load, 50)
    const losses = seen.filter(lost)
    expect(losses.length).toBeGreaterThan(1)
    // A vote that is not in the log any more is in the sentinel, and what was lost is said.
    for (const { lines, distrusted } of losses) {
      expect([lines.join("\n"), distrusted]).not.toEqual([lines.join("\n"), []])
    }
  },
  60_000,
)
