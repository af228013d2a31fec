import { describe, expect, test } from "bun:test"
import { Prng } from "../../../raft/prng.ts"
import { DiskImage, type DiskEvent } from "../../../src/chaos/disk/power/image.ts"

/** What a disk that lost its power may have of a folder. */

const dir = "/disk"
const path = "/disk/a"
const sector = (text: string) => Buffer.alloc(512, text)
const written = (at: number, data: Buffer): DiskEvent => ({ _tag: "written", inode: 1, at, data })
const opened: DiskEvent = { _tag: "opened", path, inode: 1, size: 0 }
const synced = (inode: number): DiskEvent => ({ _tag: "synced", inode })
const folder: DiskEvent = { _tag: "directory", path: dir, inode: 9 }

function after(...events: ReadonlyArray<DiskEvent>): DiskImage {
  const image = new DiskImage()
  for (const event of [folder, ...events]) image.apply(event)
  return image
}

/** Every outcome of many cuts, as texts. */
function outcomes(image: DiskImage, cut = (prng: Prng) => image.cut(prng)): ReadonlySet<string> {
  const found = new Set<string>()
  for (let seed = 0; seed < 200; seed++) {
    const bytes = cut(new Prng(seed)).get(path)
    found.add(bytes === undefined ? "-" : letters(bytes))
  }
  return found
}

const letters = (bytes: Buffer): string =>
  Array.from({ length: Math.ceil(bytes.length / 512) }, (_, i) =>
    bytes[i * 512] === 0 ? "." : bytes.toString("latin1", i * 512, i * 512 + 1),
  ).join("")

describe("a power cut", () => {
  test("leaves what was fsynced, file and name", () => {
    const image = after(opened, written(0, sector("A")), synced(1), synced(9))
    expect(image.pending).toBe(0)
    expect([...outcomes(image)]).toEqual(["A"])
  })

  test("may take a file whose folder was not fsynced", () => {
    const image = after(opened, written(0, sector("A")), synced(1))
    expect(image.pending).toBe(1)
    expect([...outcomes(image)].toSorted()).toEqual(["-", "A"])
  })

  test("leaves of what was not fsynced any sectors, in any of their versions", () => {
    const durable = [opened, written(0, sector("A")), synced(1), synced(9)]
    const image = after(...durable, written(0, Buffer.concat([sector("B"), sector("C")])))
    expect(image.pending).toBe(1)
    expect([...outcomes(image)].toSorted()).toEqual(["A", "AC", "B", "BC"])
  })

  test("on a disk that keeps the order of writes, the first few", () => {
    const durable = [opened, written(0, sector("A")), synced(1), synced(9)]
    const image = after(...durable, written(0, sector("B")), written(512, sector("C")))
    const found = outcomes(image, (prng) => image.cutInOrder(prng))
    expect([...found].toSorted()).toEqual(["A", "B", "BC"])
  })

  test("a kill leaves everything", () => {
    const image = after(opened, written(0, sector("A")), written(512, sector("B")))
    expect([...outcomes(image, (prng) => image.cut(prng, 100))]).toEqual(["AB"])
  })

  test("a file that is there before the record begins is durable", () => {
    const image = new DiskImage()
    image.present(path, 1, sector("A"))
    image.apply({ _tag: "unlinked", path })
    expect([...outcomes(image)].toSorted()).toEqual(["-", "A"])
  })
})
