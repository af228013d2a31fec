import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ControlFolder } from "../../../src/chaos/disk/control-folder.ts"
import { faketimeText, findFaketime } from "../../../src/chaos/disk/faketime.ts"
import { skewOf } from "../../../src/chaos/disk/trouble/clock-in-broker.ts"
import { troubleEdits, troubleName } from "../../../src/chaos/disk/trouble/edits.ts"
import { StorageInBroker } from "../../../src/chaos/disk/trouble/storage-in-broker.ts"
import { applyPlant } from "../../../src/chaos/plants/plant.ts"
import { plants } from "../../../src/chaos/plants/plants.ts"
import { root } from "../../support/source-tree.ts"

/** What chaos tells a broker's storage and clock, and what comes of it. */

let dir = ""
let folder: ControlFolder
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "varve-disk-"))
  folder = new ControlFolder(dir)
})
afterEach(() => rmSync(dir, { recursive: true }))

const sourceOf = (file: string) => readFileSync(join(root, file), "utf8")

describe("the patches", () => {
  test("fit the storage, each once", () => {
    for (const edit of troubleEdits) {
      const patched = applyPlant(edit, sourceOf(edit.file))
      expect(patched).toContain(`globalThis.${troubleName}.`)
    }
  })

  test("fit it also with any bug planted, and the other way round", () => {
    for (const edit of troubleEdits) {
      for (const plant of plants.filter(({ file }) => file === edit.file)) {
        const source = sourceOf(edit.file)
        applyPlant(edit, applyPlant(plant, source))
        applyPlant(plant, applyPlant(edit, source))
      }
    }
  })

  test("one that does not fit says so", () => {
    const [edit] = troubleEdits
    if (edit === undefined) throw new Error("there are patches")
    expect(() => applyPlant(edit, "")).toThrow("does not occur")
  })

  test("a process with them commits as ever, and fails when it is told to", async () => {
    const told = { _tag: "fsyncError", afterCommits: 1, written: true } as const
    const said = await runWriter(["ok", JSON.stringify(told), "ok", "ok"])
    expect(said).toEqual(["1 rows", "2 rows", "disk I/O error SQLITE_IOERR_FSYNC, 3 rows"])
    expect(folder.deeds().map(({ _tag }) => _tag)).toEqual(["fsyncError"])
  })
})

/** Opens a file of the log under the preload, and commits at each "ok"; else it is a command. */
async function runWriter(steps: ReadonlyArray<string>): Promise<ReadonlyArray<string>> {
  const program = join(dir, "writer.ts")
  const writer = JSON.stringify(join(root, "storage/segment-writer.ts"))
  writeFileSync(
    program,
    `const { SegmentWriter } = await import(${writer})
    const { Database } = await import("bun:sqlite")
    const { writeFileSync, renameSync } = await import("node:fs")
    const path = ${JSON.stringify(join(dir, "segment-000001.db"))}
    const file = new SegmentWriter(path, { pageBytes: 4096, checkpointPages: 100 })
    file.begin(1, 1)
    const none = { dropped: [], floors: [], amputations: [], hardStates: [], cuts: [],
      checkpoints: [], compacted: [], rewrites: [], ends: [] }
    let seq = 0
    for (const step of ${JSON.stringify(steps)}) {
      if (step !== "ok") {
        writeFileSync(${JSON.stringify(folder.storage)}, step)
        continue
      }
      let failure = ""
      const slab = new SharedArrayBuffer(8)
      const directory = new Uint8Array(4)
      try {
        const rows = [{ seq: ++seq, directory, slab, position: 0, bytes: 8 }]
        file.commit({ ...none, number: seq, rows })
      } catch (error) {
        failure = error.message + " " + error.code + ", "
      }
      const db = new Database(path)
      console.log(failure + db.query("SELECT count(*) AS n FROM log").get().n + " rows")
      db.close()
    }`,
  )
  const preload = join(root, "src/chaos/disk/trouble/preload.ts")
  const child = Bun.spawn([process.execPath, "--preload", preload, program], {
    env: { ...process.env, CHAOS_DISK: dir },
    stdout: "pipe",
    stderr: "inherit",
  })
  const said = await new Response(child.stdout).text()
  expect(await child.exited).toBe(0)
  return said.trim().split("\n")
}

const source = (name: string) => JSON.stringify(join(root, "src/chaos/disk", name))

/** How often the commit was really made. */
function commit(storage: StorageInBroker): number {
  let done = 0
  storage.commit(() => void done++)
  return done
}

describe("storage in trouble", () => {
  test("without a command nothing happens", () => {
    const storage = new StorageInBroker(folder)
    expect([commit(storage), storage.freeBytes(5), folder.deeds()]).toEqual([1, 5, []])
  })

  test("an fsync error: the n-th commit throws, written or not", () => {
    const storage = new StorageInBroker(folder)
    folder.troubleStorage({ _tag: "fsyncError", afterCommits: 2, written: false })
    expect([commit(storage), commit(storage)]).toEqual([1, 1])
    let done = 0
    const failing = () => storage.commit(() => void done++)
    expect(failing).toThrow("disk I/O error")
    expect(done).toBe(0)
    folder.troubleStorage({ _tag: "fsyncError", afterCommits: 0, written: true })
    expect(failing).toThrow("disk I/O error")
    expect(done).toBe(1)
    expect(folder.deeds().length).toBe(2)
  })

  test("a full disk: the file system says so, then a commit meets it", () => {
    const storage = new StorageInBroker(folder)
    folder.troubleStorage({ _tag: "space", freeBytes: 3 })
    expect([storage.freeBytes(5), commit(storage)]).toEqual([3, 1])
    folder.troubleStorage({ _tag: "full" })
    expect(() => commit(storage)).toThrow("full")
    folder.calm()
    expect([storage.freeBytes(5), commit(storage)]).toEqual([5, 1])
    expect(folder.deeds().map(({ _tag }) => _tag)).toEqual(["space", "full"])
    expect(folder.deeds()).toEqual([])
  })

  test("a slow disk takes its time for each commit and says how long it was", () => {
    const storage = new StorageInBroker(folder)
    folder.troubleStorage({ _tag: "slow", ms: 20 })
    expect(commit(storage)).toBe(1)
    const [deed] = folder.deeds()
    expect(deed?._tag).toBe("slow")
    expect(deed?.ms).toBeGreaterThanOrEqual(20)
  })

  test("a held commit goes on when it is let go", async () => {
    const held = { _tag: "held" }
    writeFileSync(folder.storage, JSON.stringify(held))
    const program = `
      const { StorageInBroker } = await import(${source("trouble/storage-in-broker.ts")})
      const { ControlFolder } = await import(${source("control-folder.ts")})
      const folder = new ControlFolder(${JSON.stringify(dir)})
      console.log("begun")
      new StorageInBroker(folder).commit(() => console.log("done"))`
    const child = Bun.spawn([process.execPath, "-e", program], { stdout: "pipe" })
    const reader = child.stdout.getReader()
    const decoder = new TextDecoder()
    const next = async () => decoder.decode((await reader.read()).value)
    expect(await next()).toBe("begun\n")
    await Bun.sleep(60)
    expect(folder.deeds()).toEqual([])
    folder.calm()
    expect(await next()).toBe("done\n")
    await child.exited
    expect(folder.deeds()[0]?.ms).toBeGreaterThan(20)
  })
})

describe("a wrong clock", () => {
  const right = { offsetMs: 0, rate: 1, sinceMs: 1_000, strobeMs: 0 }

  test("jumps, runs too fast, or is wrong now and then", () => {
    expect(skewOf({ ...right, offsetMs: -3_600_000 }, 9_000)).toBe(-3_600_000)
    expect(skewOf({ ...right, rate: 2 }, 4_000)).toBe(3_000)
    const strobe = { ...right, offsetMs: 60_000, strobeMs: 250 }
    expect([1_000, 1_249, 1_250, 1_499, 1_500].map((ms) => skewOf(strobe, ms))).toEqual([
      60_000, 60_000, 0, 0, 60_000,
    ])
  })

  test("where there is libfaketime it is told by a file, a rate always with it", () => {
    expect([faketimeText(-3_600_000, 1), faketimeText(0, 2)]).toEqual(["-3600 x1\n", "+0 x2\n"])
    expect(findFaketime([dir])).toBeUndefined()
    const library = join(dir, "faketime", "libfaketimeMT.so.1")
    mkdirSync(join(dir, "faketime"))
    writeFileSync(library, "")
    const isLinux = process.platform === "linux"
    expect(findFaketime([join(dir, "none"), dir])).toBe(isLinux ? library : undefined)
  })

  test("is what a process under the preload believes, and monotonic time is left alone", async () => {
    const preload = join(root, "src/chaos/disk/trouble/preload.ts")
    folder.troubleClock({ ...right, offsetMs: 3_600_000, sinceMs: Date.now() })
    const program =
      "console.log(Date.now(), new Date().getTime(), new Date(5).getTime(), " +
      "performance.now(), new Date() instanceof Date, Date.parse('1970-01-01T00:00:01Z'))"
    const child = Bun.spawn([process.execPath, "--preload", preload, "-e", program], {
      env: { ...process.env, CHAOS_DISK: dir },
      stdout: "pipe",
    })
    const said = (await new Response(child.stdout).text()).trim().split(" ")
    const [now, made, given, monotonic, isDate, parsed] = said
    expect(Number(now) - Date.now()).toBeGreaterThan(3_500_000)
    expect(Number(made) - Date.now()).toBeGreaterThan(3_500_000)
    expect([given, isDate, parsed]).toEqual(["5", "true", "1000"])
    expect(Number(monotonic)).toBeLessThan(60_000)
    expect(folder.deeds()).toEqual([{ _tag: "clock", ms: 3_600_000 }])
  })
})
