import { existsSync } from "node:fs"
import { availableParallelism, tmpdir } from "node:os"
import { join } from "node:path"
import { root } from "../harness/target.ts"

/** What the gate runs, in order: the cheap and sharp first. */
export interface Stage {
  readonly name: string
  /**
   * A tool counts as one check; a test stage counts its tests; a script says itself what it
   * counted, in a closing line like the gate's own.
   */
  readonly kind: "tool" | "tests" | "script"
  readonly command: ReadonlyArray<string>
}

const bin = (name: string) => join(root, "node_modules", ".bin", name)

const sources = ["raft", "storage", "src", "test", "scripts", "examples"].filter((folder) =>
  existsSync(join(root, folder)),
)

const tools: ReadonlyArray<Stage> = [
  { name: "format", kind: "tool", command: [bin("oxfmt"), "--check", ...sources] },
  { name: "lint", kind: "tool", command: [bin("oxlint"), "--type-aware", ...sources] },
  { name: "types", kind: "tool", command: [bin("tsc"), "-b", ".", "examples"] },
  {
    name: "Effect diagnostics",
    kind: "tool",
    command: [bin("effect-tsgo"), "diagnostics", "--project", "src/tsconfig.json", "--strict"],
  },
]

/** Which stage a test file belongs to: the first pattern that its path matches. */
const order: ReadonlyArray<readonly [stage: string, pattern: RegExp]> = [
  ["tidiness", /^test\/tidy/],
  ["simulation", /^test\/sim\//],
  [
    "simulation",
    /^test\/(node|raft|partition)\/(random-[\w-]+|simulat[\w-]*|failover|many-partitions|property)\.test/,
  ],
  ["golden", /golden/],
  ["unit", /^test\/(raft|protocol|partition|cluster|node|peer|broker|client|cli|chaos|scripts)\//],
  ["unit", /^test\/testing\/(history|effects)\.test/],
  ["storage", /^test\/storage\//],
  ["compatibility", /^test\/compat\//],
  ["integration", /^test\/(integration|testing)\//],
  ["examples", /^test\/examples\//],
  ["other", /./],
]

const sequence = [
  "tidiness",
  "unit",
  "storage",
  "golden",
  "simulation",
  "integration",
  "compatibility",
  "examples",
  "other",
]

export function stageOf(file: string): string {
  return order.find(([, pattern]) => pattern.test(file))?.[0] ?? "other"
}

/**
 * A test that times out takes its child processes with it: the default of 5 s is for idle machines.
 */
const testFlags = ["--only-failures", "--timeout=30000"]

/** Files of these run side by side; of the others each has the machine for itself. */
const sideBySide = new Set(["unit", "storage", "golden", "simulation"])
const workers = Math.min(8, availableParallelism())

function flagsOf(stage: string): ReadonlyArray<string> {
  if (!sideBySide.has(stage) || workers === 1) return testFlags
  return [...testFlags, `--parallel=${workers}`]
}

/** Bugs planted on purpose, each against the part of the proof that must find it. */
const plants: Stage = {
  name: "plants",
  kind: "script",
  command: [process.execPath, join(root, "scripts", "plants.ts"), "--fast"],
}

/** Always the same ones; `varve sim` runs any other. */
const seeds: Stage = {
  name: "seeds",
  kind: "tool",
  command: [
    process.execPath,
    join(root, "src", "cli", "main.ts"),
    "sim",
    "--seeds",
    "120",
    "--no-shrink",
  ],
}

/** A short run of real processes under faults: every workload, several clients. */
const chaos: Stage = {
  name: "chaos",
  kind: "tool",
  command: [
    process.execPath,
    join(root, "src", "cli", "main.ts"),
    "chaos",
    "--seconds=20",
    "--seed=6",
    "--faults==kill-leader,=partition-leader,=lost-responses",
    // What is kept of a run is for whoever must find out why it was not VALID.
    `--out=${join(tmpdir(), `varve-chaos-gate-${process.pid}`)}`,
  ],
}

function testStages(): Array<Stage> {
  const files = [...new Bun.Glob("test/**/*.test.ts").scanSync(root)].toSorted()
  const byStage = Map.groupBy(files, stageOf)
  return sequence.flatMap((name): Array<Stage> => {
    const own = byStage.get(name) ?? []
    if (own.length === 0) return []
    const paths = own.map((file) => `./${file}`)
    const command = [process.execPath, "test", ...flagsOf(name), ...paths]
    const tests: Stage = { name, kind: "tests", command }
    if (name === "simulation") return [tests, seeds, plants]
    return name === "integration" ? [tests, chaos] : [tests]
  })
}

export const stages = (): ReadonlyArray<Stage> => [...tools, ...testStages()]
