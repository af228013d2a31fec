/** Housekeeping by itself: in which order things are done, and what a failure leaves. */
import { expect, test } from "bun:test"
import { DirectoryCache } from "../../storage/directory-cache.ts"
import type { HousekeepingJob } from "../../storage/housekeeping-jobs.ts"
import { Housekeeping } from "../../storage/housekeeping.ts"
import { writtenSegment } from "../../storage/segment-files.ts"
import { SegmentFile, Segments } from "../../storage/segments.ts"

const directories = new DirectoryCache(0)

/** Sealed files with these bytes alive of 1000, and one that is written to. */
function segmentsOf(alive: ReadonlyArray<number>): Segments {
  const sealed = alive.map((liveBytes, n) => {
    const info = { baseSeq: n * 10 + 1, endSeq: n * 10 + 11, bytes: 1000 }
    const file = new SegmentFile(writtenSegment("/nowhere", n + 1), info, directories)
    file.liveBytes = liveBytes
    return file
  })
  const info = { baseSeq: alive.length * 10 + 1, endSeq: null, bytes: null }
  const active = new SegmentFile(writtenSegment("/nowhere", alive.length + 1), info, directories)
  return new Segments([...sealed, active], directories)
}

function start(alive: ReadonlyArray<number>, perform?: (job: HousekeepingJob) => Promise<void>) {
  const jobs: Array<string> = []
  const lines: Array<string> = []
  const durable = Promise.withResolvers<void>()
  const segments = segmentsOf(alive)
  const housekeeping = new Housekeeping({
    dir: "/nowhere",
    segments,
    logs: new Map(),
    segmentBytes: 1000,
    perform: async (job) => {
      jobs.push(job._tag)
      await perform?.(job)
    },
    durable: () => durable.promise,
    roll: () => durable.promise,
    log: (line) => void lines.push(line),
  })
  housekeeping.nudge()
  return { housekeeping, segments, jobs, lines, durable }
}

const noSpace = (): Promise<void> => Promise.reject(new Error("no space"))

const turns = async (): Promise<void> => {
  for (let n = 0; n < 20; n++) await Promise.resolve()
}

test("nothing is removed before what killed it is durable", async () => {
  const { housekeeping, segments, jobs, durable } = start([0, 900])
  await turns()
  expect([jobs, segments.all.length]).toEqual([[], 3])
  durable.resolve()
  await housekeeping.idle()
  expect(jobs).toEqual(["remove"])
  expect(segments.all.map(({ baseSeq }) => baseSeq)).toEqual([11, 21])
})

test("a log that failed ends it: nothing was durable, nothing is removed", async () => {
  const { housekeeping, segments, jobs, durable } = start([0])
  await turns()
  durable.reject(new Error("the disk is gone"))
  await housekeeping.stop()
  expect([jobs, segments.all.length]).toEqual([[], 2])
})

test("a job that fails is said once and not tried again; the others are done", async () => {
  const { housekeeping, segments, jobs, lines, durable } = start([0, 0], noSpace)
  durable.resolve()
  await housekeeping.idle()
  housekeeping.nudge()
  await housekeeping.idle()
  expect(jobs).toEqual(["remove", "remove"])
  expect(lines.length).toBe(2)
  expect(lines[0]).toContain("no space")
  expect(segments.all.length).toBe(1)
})
