import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { simFlags } from "../../src/cli/sim/flags.ts"
import { parseCase } from "../../src/sim/kept-case.ts"
import { runCli } from "../support/run-cli.ts"

let folder = ""
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "varve-sim-"))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Seconds of a small cluster: what a seed draws may take much longer. */
const small = [
  "--set",
  "brokers=3",
  "--set",
  "durationMs=2000",
  "--set",
  'topics=[{"partitions":1,"replicationFactor":3}]',
  "--set",
  "workload.operations=60",
  "--set",
  'faults={"crash":900}',
]

const sim = (...args: ReadonlyArray<string>) => runCli("main.ts", ["sim", ...args])

interface Line {
  readonly seed: number
  readonly verdict: string
  readonly hash: string
  readonly events: number
  readonly simulatedMs: number
  readonly rare: Readonly<Record<string, number>>
}

const linesOf = (stdout: string): ReadonlyArray<Line> =>
  stdout
    .trimEnd()
    .split("\n")
    .map((line): Line => JSON.parse(line))

describe("varve sim", () => {
  test("--json: a line per seed, the same in two processes; counts are appended", async () => {
    const counts = join(folder, "counts.jsonl")
    const args = ["--seeds", "4", "--seed", "40", "--json", "--counts", counts, ...small]
    const first = await sim(...args)
    expect(first.exit).toBe(0)
    const lines = linesOf(first.stdout).toSorted((a, b) => a.seed - b.seed)
    expect(lines.map(({ seed, verdict }) => [seed, verdict])).toEqual(
      [40, 41, 42, 43].map((seed) => [seed, "clean"]),
    )
    for (const line of lines) {
      expect(Object.keys(line)).toEqual([
        "seed",
        "verdict",
        "hash",
        "events",
        "simulatedMs",
        "rare",
      ])
      expect(line.hash).toMatch(/^[0-9a-f]{16}$/)
      expect(line.simulatedMs).toBeGreaterThan(1_000)
    }
    const again = await sim("--seed", "42", "--json", "--jobs", "1", ...small)
    expect(linesOf(again.stdout)[0]).toEqual(lines[2])
    const [counted] = linesOf(readFileSync(counts, "utf8"))
    expect(counted).toMatchObject({ kind: "brokers", firstSeed: 40, seeds: 4, alarms: 0 })
  }, 60_000)

  test("plain lines where the output is piped; the last one sums up", async () => {
    const { exit, stdout } = await sim("--seeds", "2", ...small)
    expect(exit).toBe(0)
    expect(stdout).toMatch(/^2 seeds, \d+\/min, .* simulated h .*, 0 alarms\n$/)
  }, 60_000)

  test("--show prints what a seed is made of, and --plan replays it with trace and picture", async () => {
    const shown = await sim("--seed", "41", "--show", ...small)
    const kept = parseCase(shown.stdout)
    expect(kept.options).toMatchObject({ seed: 41, brokers: 3, faults: { crash: 900 } })
    const file = join(folder, "case.json")
    await Bun.write(file, shown.stdout)
    const out = join(folder, "replay")
    const replayed = await sim("--plan", file, "--out", out, "--json")
    expect(replayed.exit).toBe(0)
    const direct = await sim("--seed", "41", "--json", ...small)
    expect(linesOf(replayed.stdout)).toEqual([...linesOf(direct.stdout)])
    expect(readFileSync(join(out, "trace.ndjson"), "utf8")).toContain('"_tag":"send"')
    expect(readFileSync(join(out, "history.jsonl"), "utf8")).toContain('"type":"invoke"')
    expect(readFileSync(join(out, "picture.svg"), "utf8")).toStartWith("<svg")
  }, 60_000)

  test("an alarm is exit code 1, and says how to see it again", async () => {
    const args = ["--seeds", "30", "--plant", "acks-before-quorum", "--jobs", "1"]
    const { exit, stdout, stderr } = await sim(...args)
    expect(exit).toBe(1)
    expect(stdout).toMatch(/plant acks-before-quorum caught: .* after \d+ seeds\n$/)
    expect(stderr).toMatch(/^ALARM seed \d+ at commit /m)
    expect(stderr).toMatch(/again: bun varve sim --seed \d+ --plant acks-before-quorum\n/)
  }, 120_000)

  test.each([
    [["--wrong"], "unknown flag --wrong"],
    [["--seeds", "none"], "expected a whole number"],
    [["--seeds", "5", "--minutes", "1"], "one of them says when to stop"],
    [["--set", "wrong=1"], "no option wrong"],
    [["--set", "brokers=many"], "not JSON"],
    [["--core", "--set", "brokers=3"], "draws its own options"],
    [["--plan", "/nowhere.json"], "there is no /nowhere.json"],
    [["--plant", "no-such-bug", "--seeds", "1"], "there is no plant no-such-bug"],
  ])("%p is wrong usage: exit code 2", async (args, why) => {
    const { exit, stderr } = await sim(...args)
    expect({ exit, said: stderr.includes(why) }).toEqual({ exit: 2, said: true })
  })

  test("--help lists every flag and shows examples", async () => {
    const { exit, stdout } = await sim("--help")
    expect(exit).toBe(0)
    for (const { name } of simFlags) expect(stdout).toContain(`--${name}`)
    expect(stdout).toContain("varve sim --seeds 500")
  })
})
