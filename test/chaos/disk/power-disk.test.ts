import { afterEach, beforeEach, expect, test } from "bun:test"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Prng } from "../../../raft/prng.ts"
import { buildShim } from "../../../src/chaos/disk/power/library.ts"
import { PowerDisk } from "../../../src/chaos/disk/power/power-disk.ts"
import { root } from "../../support/source-tree.ts"

/** Cuts of a folder that a process has written to under the shim. */

const shim = buildShim()
const library = "library" in shim ? shim.library : ""
if ("missing" in shim) console.log(`power cuts are not played: ${shim.missing}`)

let base = ""
beforeEach(() => (base = mkdtempSync(join(tmpdir(), "varve-power-disk-"))))
afterEach(() => rmSync(base, { recursive: true }))

const fs = JSON.stringify(join(root, "src/chaos/disk/power/fs.ts"))

/** What the program has at hand: files "a" … in the folder, sectors of one letter. */
const prelude = `
  const fs = await import(${fs})
  const dir = process.env.POWER_DIR
  const at = (name) => dir + "/" + name
  const sector = (letter) => new Uint8Array(512).fill(letter.charCodeAt(0))
  const put = (fd, position, letters) => {
    for (const [i, letter] of [...letters].entries()) {
      fs.writeSync(fd, sector(letter), 0, 512, position + 512 * i)
    }
  }
  const syncDir = () => {
    const fd = fs.openSync(dir + "/", "r")
    fs.fsyncSync(fd)
    fs.closeSync(fd)
  }
`

/** Runs it and cuts; each file that is there as letters, in alphabetical order. */
async function cut(seed: number, program: string): Promise<string> {
  const dir = join(base, `disk-${seed}`)
  mkdirSync(dir)
  writeFileSync(join(dir, "old"), Buffer.alloc(1024, "O"))
  const disk = new PowerDisk({ dir, record: join(base, `record-${seed}`), library, slowUs: 0 })
  const child = Bun.spawn([process.execPath, "-e", prelude + program], {
    env: { ...process.env, ...disk.begin() },
    stdout: "ignore",
    stderr: "inherit",
  })
  expect(await child.exited).toBe(0)
  const prng = new Prng(seed)
  const report = disk.cut(prng, prng.below(3) === 0)
  expect(report.lost).toBeLessThanOrEqual(report.unsynced)
  expect(readdirSync(base).filter((name) => name.startsWith(`record-${seed}.`))).toEqual([])
  return readdirSync(dir)
    .toSorted()
    .map((name) => `${name}:${letters(readFileSync(join(dir, name)))}`)
    .join(" ")
}

const letters = (bytes: Buffer): string =>
  Array.from({ length: Math.ceil(bytes.length / 512) }, (_, i) => {
    const part = new Set(bytes.subarray(i * 512, (i + 1) * 512))
    const [byte = 0] = part
    return part.size > 1 ? "?" : byte === 0 ? "." : String.fromCharCode(byte)
  }).join("")

async function outcomes(program: string, cuts = 16): Promise<Array<string>> {
  const all = await Promise.all(Array.from({ length: cuts }, (_, seed) => cut(seed, program)))
  return [...new Set(all)].toSorted()
}

const withShim = test.skipIf(library === "")

withShim("what was fsynced is there; of the rest any sectors", async () => {
  const found = await outcomes(`
    const fd = fs.openSync(at("a"), "w")
    put(fd, 0, "AA")
    fs.fsyncSync(fd)
    syncDir()
    put(fd, 512, "B")
    put(fd, 1024, "C")`)
  expect(found.length).toBeGreaterThan(2)
  for (const one of found) expect(one).toMatch(/^a:A[AB]C? old:OO$/)
})

withShim("a file that was there, written over and longer", async () => {
  const found = await outcomes(`
    const fd = fs.openSync(at("old"), "r+")
    put(fd, 0, "N")
    put(fd, 1024, "N")`)
  for (const one of found) expect(one).toMatch(/^old:[ON]ON?$/)
  expect(found.length).toBeGreaterThan(2)
})

withShim("a file that is emptied by the opening", async () => {
  const shorter = await outcomes(`fs.closeSync(fs.openSync(at("old"), "w"))`)
  expect(shorter).toEqual(["old:", "old:OO"])
})

withShim("names: those of a folder come and go in their order", async () => {
  const found = await outcomes(`
    const write = (name, letter) => {
      const fd = fs.openSync(at(name), "w")
      put(fd, 0, letter)
      fs.fsyncSync(fd)
      fs.closeSync(fd)
    }
    write("a", "A")
    syncDir()
    write("b", "B")
    fs.renameSync(at("b"), at("a"))
    fs.rmSync(at("old"))`)
  expect(found).toEqual(["a:A b:B old:OO", "a:A old:OO", "a:B", "a:B old:OO"])
})

withShim("what is gone for good is not kept", async () => {
  const found = await outcomes(
    `
    fs.rmSync(at("old"))
    syncDir()
    const fd = fs.openSync(at("a"), "w")
    put(fd, 0, "A")
    fs.fsyncSync(fd)
    syncDir()`,
    6,
  )
  expect(found).toEqual(["a:A"])
})

withShim("a record of many files is read while it grows, and goes", async () => {
  const dir = join(base, "disk")
  const record = join(base, "record")
  mkdirSync(dir)
  const disk = new PowerDisk({ dir, record, library, slowUs: 0 })
  const program = `
    const fd = fs.openSync(at("a"), "w")
    syncDir()
    const bytes = new Uint8Array(1 << 20).fill(65)
    for (let i = 0; i < 40; i++) {
      fs.writeSync(fd, bytes, 0, bytes.length, 0)
      fs.fsyncSync(fd)
      await Bun.sleep(60)
    }
    fs.writeSync(fd, bytes.fill(66), 0, bytes.length, 0)`
  const child = Bun.spawn([process.execPath, "-e", prelude + program], {
    env: { ...process.env, ...disk.begin() },
    stdout: "ignore",
    stderr: "inherit",
  })
  expect(await child.exited).toBe(0)
  // 80 MB were written down; what is not needed went while it grew.
  expect(existsSync(`${record}.0`)).toBe(false)
  const report = disk.cut(new Prng(2), true)
  expect(report.unsynced).toBe(1)
  const [byte] = readFileSync(join(dir, "a"))
  expect(byte === 65 || byte === 66).toBe(true)
})
