import { describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { applyPlant, type Plant } from "../../src/chaos/plants/plant.ts"
import { plants } from "../../src/chaos/plants/plants.ts"
import { exists, root } from "../support/source-tree.ts"

const sourceOf = ({ file }: Plant) => readFileSync(join(root, file), "utf8")
const preload = join(root, "src/chaos/plants/preload.ts")
/** As a literal, for the text of a program. */
const quorum = JSON.stringify(join(root, "raft/quorum.ts"))

const preloaded = (program: string) => [process.execPath, "--preload", preload, "-e", program]

/** Runs a program in a process with that plant; gives its exit code and what it said on stderr. */
async function run(plant: string, program: string): Promise<{ code: number; errors: string }> {
  const child = Bun.spawn(preloaded(program), {
    cwd: root,
    env: { ...process.env, CHAOS_PLANT: plant },
    stdout: "pipe",
    stderr: "pipe",
  })
  const errors = await new Response(child.stderr).text()
  return { code: await child.exited, errors }
}

describe("planted bugs", () => {
  test("each fits its source, changes it, and can be told from the others", () => {
    expect(new Set(plants.map(({ id }) => id)).size).toBe(plants.length)
    for (const plant of plants) {
      const source = sourceOf(plant)
      expect(applyPlant(plant, source)).not.toBe(source)
      if (plant.caughtBy._tag === "test") expect(exists(plant.caughtBy.file)).toBe(true)
    }
  })

  test("one that does not fit, or fits twice, is refused", () => {
    const [plant] = plants
    if (plant === undefined) throw new Error("there are plants")
    const [edit] = plant.edits
    expect(() => applyPlant(plant, "")).toThrow("does not occur")
    expect(() => applyPlant(plant, `${edit?.find} ${edit?.find}`)).toThrow("occurs 2 times")
  })

  test("the preload plants it in the process, and only when asked to", async () => {
    const program = `
      const { majorityReached } = await import(${quorum})
      process.exit(majorityReached([1, 2, 3], (voter) => voter) === 2 ? 0 : 10)`
    expect((await run("", program)).code).toBe(0)
    expect((await run("commits-with-minority", program)).code).toBe(10)
  })

  test("a run without its bug does not count", async () => {
    const unknown = await run("no-such-plant", "0")
    expect(unknown.code).toBe(4)
    expect(unknown.errors).toContain("there is no plant no-such-plant")
    const unused = await run("commits-with-minority", "process.exit(0)")
    expect(unused.code).toBe(4)
    expect(unused.errors).toContain("raft/quorum.ts was never loaded")
  })

  test("what a killed process of the same number has left is no sign that the bug was loaded", async () => {
    const left = `: > "$TMPDIR/varve-plant-$$"; exec "$0" "$@"`
    const child = Bun.spawn(["sh", "-c", left, ...preloaded("process.exit(0)")], {
      cwd: root,
      env: { ...process.env, TMPDIR: tmpdir(), CHAOS_PLANT: "commits-with-minority" },
      stderr: "ignore",
    })
    expect(await child.exited).toBe(4)
  })

  test("a worker runs the planted program too", async () => {
    const program = `
      const reached = await new Promise((resolve, reject) => {
        const worker = new Worker("./test/chaos/planted-worker.ts")
        worker.onmessage = (event) => resolve(event.data)
        worker.onerror = (event) => reject(new Error(event.message))
      })
      process.exit(reached === 2 ? 0 : 10)`
    expect((await run("", program)).code).toBe(0)
    expect((await run("commits-with-minority", program)).code).toBe(10)
  })
})
