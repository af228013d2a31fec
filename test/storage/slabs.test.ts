import { describe, expect, test } from "bun:test"
import { PinnedMemory } from "../../storage/pinned-memory.ts"
import { Slabs } from "../../storage/slabs.ts"
import { data } from "./entries.ts"
import { openSqlite } from "./open-wals.ts"

describe("slabs", () => {
  test("a slab is filled, left when full, and used again once nobody needs it", () => {
    const slabs = new Slabs(10)
    const first = slabs.current
    first.users += 1
    slabs.place(Uint8Array.of(1, 2, 3, 4, 5, 6))
    expect(slabs.hasRoom(4)).toBe(true)
    expect(slabs.hasRoom(5)).toBe(false)
    slabs.next(5)
    expect(slabs.current).not.toBe(first)
    expect([...first.bytes.subarray(0, 7)]).toEqual([1, 2, 3, 4, 5, 6, 0])
    slabs.release(first)
    slabs.current.users += 1
    slabs.next(5)
    expect(slabs.current).toBe(first)
    expect(first.position).toBe(0)
    expect(slabs.made).toBe(2)
  })

  test("two transactions in one slab: the later one keeps it", () => {
    const slabs = new Slabs(10)
    const slab = slabs.current
    slab.users += 2
    slabs.place(new Uint8Array(4))
    slabs.release(slab)
    expect(slab.position).toBe(4)
    slabs.release(slab)
    expect(slab.position).toBe(0)
  })

  test("a payload larger than a slab gets one of its own, which is not kept", () => {
    const slabs = new Slabs(10)
    slabs.next(25)
    const large = slabs.current
    expect(large.bytes.length).toBe(25)
    large.users += 1
    slabs.next(1)
    slabs.release(large)
    slabs.next(20)
    expect(slabs.current).not.toBe(large)
  })

  test("a steady load runs in a handful of slabs", async () => {
    const opened = await openSqlite({ slabBytes: 10_000, cacheBytes: 0 })
    for (let n = 0; n < 300; n++) {
      opened.wal.commit([{ group: 1, entries: [data(n + 1, n - 1, { bytes: 4000 })] }])
      if (n % 4 === 3) await opened.durable()
    }
    expect(opened.wal.stats().slabsMade).toBeLessThan(8)
    await opened.dispose()
  })
})

describe("pinned memory", () => {
  test("counts a buffer once, from its first view to its last", () => {
    const pinned = new PinnedMemory()
    const frame = new Uint8Array(5000)
    const views = [frame.subarray(0, 10), frame.subarray(10, 4000)]
    for (const view of views) pinned.pin(view)
    pinned.pin(new Uint8Array(2000))
    expect(pinned.bytes).toBe(7000)
    for (const view of views) pinned.unpin(view)
    expect(pinned.bytes).toBe(2000)
    pinned.unpin(frame)
    expect(pinned.bytes).toBe(2000)
  })

  test("small entries in large frames do not outgrow the cache", async () => {
    const opened = await openSqlite({ cacheBytes: 1_000_000, rowBytesMax: 100 })
    for (let n = 0; n < 40; n++) {
      const frame = new Uint8Array(100_000)
      const entry = data(n + 1, n - 1, { bytes: 50 })
      frame.set(entry.payload)
      opened.wal.commit([{ group: 1, entries: [{ ...entry, payload: frame.subarray(0, 50) }] }])
    }
    await opened.durable()
    expect(opened.wal.stats().cachedBytes).toBeLessThanOrEqual(1_000_000)
    expect(opened.wal.stats().cachedBytes).toBeGreaterThan(500_000)
    expect(opened.wal.log(1).entries(1, 41, 1e9).length).toBe(40)
    await opened.dispose()
  })
})
