/**
 * Chaos as a user runs it, small: one run that must be VALID, one with a bug that it must find, one
 * whose faults do nothing and that must not look like a success; and none leaves a process behind.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { root } from "../../scripts/harness/target.ts"
import { until } from "../../scripts/harness/until.ts"
import type { ChaosCluster } from "../../src/chaos/cluster.ts"
import { runOptions, type Wishes } from "../../src/chaos/options.ts"
import type { RunResult } from "../../src/chaos/result.ts"
import { runChaos, type RunRequest } from "../../src/chaos/run.ts"
import { runCli } from "../support/run-cli.ts"

let dir = ""
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "varve-chaos-run-"))
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const small: Wishes = {
  seed: 5,
  seconds: 8,
  faults: ["kill-leader"],
  workloads: ["log"],
  drivers: ["raw"],
  partitions: 2,
  rate: 100,
}

async function run(
  name: string,
  wishes: Partial<Wishes>,
  more: Partial<RunRequest> = {},
): Promise<RunResult> {
  const { result } = await runChaos({
    options: runOptions({ ...small, ...wishes }),
    dir: join(dir, name),
    signal: new AbortController().signal,
    ...more,
  })
  return result
}

/** Processes whose command line names the folder. */
function processesOf(folder: string): ReadonlyArray<string> {
  const { stdout } = Bun.spawnSync(["ps", "-axo", "pid=,args="])
  const isIt = (line: string) => line.includes(folder) && !line.includes("ps -axo")
  return stdout.toString().split("\n").filter(isIt)
}

/** The cluster as it is, for faults that do nothing to it. */
function untouchable(cluster: ChaosCluster): ChaosCluster {
  const { nodes, capabilities, bootstrap, network, product, version } = cluster
  return {
    product,
    version,
    nodes,
    capabilities,
    bootstrap,
    network: {
      links: network.links,
      trouble: () => {},
      heal: () => {},
      healAll: () => {},
      reset: () => 0,
      counters: (link) => network.counters(link),
    },
    pidOf: (id) => cluster.pidOf(id),
    signal: async () => {},
    start: async () => {},
    lastExit: (id) => cluster.lastExit(id),
    dispose: async () => {},
  }
}

describe("a small run", () => {
  test("is VALID, says what it tried, and leaves report, history and plan, no data", async () => {
    const result = await run("valid", { workloads: ["log", "idempotence"] })
    expect([result.verdict, ...result.reasons]).toEqual(["VALID"])
    expect(result.acknowledged).toBeGreaterThan(100)
    expect(result.faults.some(({ effective }) => effective)).toBe(true)
    const folder = join(dir, "valid")
    for (const name of ["report.html", "result.json", "history.jsonl", "plan.json", "logs"]) {
      expect([name, existsSync(join(folder, name))]).toEqual([name, true])
    }
    expect(existsSync(join(folder, "cluster"))).toBe(false)
    const kept: RunResult = JSON.parse(readFileSync(join(folder, "result.json"), "utf8"))
    expect(kept.verdict).toBe("VALID")
    const checked = await runCli("main.ts", ["chaos", "check", join(folder, "history.jsonl")])
    expect([checked.exit, checked.stdout]).toEqual([0, expect.stringMatching(/^VALID: /)])
  }, 120_000)

  test("with a bug planted is INVALID, and keeps the brokers' folders", async () => {
    const result = await run("planted", { plant: "no-dedupe", faults: ["lost-responses"] })
    expect(result.verdict).toBe("INVALID")
    expect(Object.keys(result.anomalyCounts)).toContain("duplicate")
    expect(existsSync(join(dir, "planted", "cluster"))).toBe(true)
  }, 120_000)

  test("whose faults do nothing is INCONCLUSIVE", async () => {
    const result = await run("neutral", { faults: ["kill"] }, { wrapCluster: untouchable })
    expect(result.verdict).toBe("INCONCLUSIVE")
    expect(result.reasons.join()).toContain("kill had no effect")
  }, 120_000)
})

const slow = { timeoutMs: 60_000 }

const startCli = (folder: string) =>
  Bun.spawn(
    [
      process.execPath,
      join(root, "src/cli/main.ts"),
      "chaos",
      `--out=${folder}`,
      "--seconds=60",
      "--seed=1",
      "--faults==pause",
      "--workload=log",
      "--drivers=raw",
    ],
    { stdin: "ignore", stdout: "pipe", stderr: "pipe" },
  )

describe("a run that is ended", () => {
  test("by Ctrl-C says so, and leaves no process", async () => {
    const folder = join(dir, "interrupted")
    const child = startCli(folder)
    await until("three brokers", () => processesOf(join(folder, "cluster")).length === 3, slow)
    child.kill("SIGINT")
    expect(await child.exited).toBe(3)
    expect(await new Response(child.stderr).text()).toContain("interrupted")
    expect(processesOf(folder)).toEqual([])
  }, 120_000)

  test("by SIGKILL leaves no process either", async () => {
    const folder = join(dir, "killed")
    const child = startCli(folder)
    await until("three brokers", () => processesOf(join(folder, "cluster")).length === 3, slow)
    child.kill("SIGKILL")
    await child.exited
    await until("no process left", () => processesOf(folder).length === 0, slow)
  }, 120_000)
})

describe("wrong usage is one line and exit code 2", () => {
  const wrong: ReadonlyArray<readonly [words: ReadonlyArray<string>, says: string]> = [
    [["--faults", "kil"], 'there is no fault "kil"'],
    [["--workload", "queue"], "--workload: there is no queue"],
    [["--drivers", "javaa"], "--drivers: there is no javaa"],
    [["--nodes", "4"], "3 or 5 brokers"],
    [["--plant", "no-such"], "there is no plant no-such"],
    [["--against", "redpanda=x"], "expected kafka=PATH"],
    [["--secondes", "5"], "unknown flag --secondes"],
    [["check"], "varve chaos check HISTORY.jsonl"],
    [["check", "no-such.jsonl"], "there is no no-such.jsonl"],
    [["replay", "no-such"], "there is no no-such/options.json"],
  ]
  test.each(wrong)("varve chaos %p", async (words, says) => {
    const { exit, stderr, stdout } = await runCli("main.ts", ["chaos", ...words])
    expect([exit, stdout]).toEqual([2, ""])
    expect(stderr).toContain(says)
    expect(stderr.trimEnd().split("\n")).toHaveLength(1)
  })
})
