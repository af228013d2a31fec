/** Which files are copied forward, and that the copying comes to an end within its bound. */
import { expect, test } from "bun:test"
import * as fc from "fast-check"
import { worthCopying, worthEnding, type FileBooks } from "../../storage/copy-choice.ts"

const segmentBytes = 1000

/** Consecutive files by what is stored and alive in each; the last one is written to. */
function filesOf(books: ReadonlyArray<readonly [bytes: number, liveBytes: number]>) {
  return books.map(([bytes, liveBytes], n): FileBooks => {
    const sealed = n < books.length - 1
    return { sealed, stuck: false, baseSeq: n, endSeq: n + 1, bytes, liveBytes }
  })
}

const chosen = (files: ReadonlyArray<FileBooks>): ReadonlyArray<number> =>
  worthCopying(files, segmentBytes).map(({ baseSeq }) => baseSeq)

test("nothing dead: nothing to do", () => {
  expect(
    chosen(
      filesOf([
        [1000, 1000],
        [1000, 900],
        [500, 0],
      ]),
    ),
  ).toEqual([])
})

test("what is dead alone, what is mostly dead with its neighbours, as far as they fit", () => {
  expect(
    chosen(
      filesOf([
        [1000, 400],
        [1000, 0],
        [1000, 1],
      ]),
    ),
  ).toEqual([1])
  expect(
    chosen(
      filesOf([
        [1000, 900],
        [1000, 400],
        [1000, 300],
        [1000, 0],
      ]),
    ),
  ).toEqual([1, 2])
  expect(
    chosen(
      filesOf([
        [1000, 450],
        [1000, 400],
        [1000, 300],
        [10, 10],
      ]),
    ),
  ).toEqual([1, 2])
})

test("files are not joined over one that was removed, nor one whose copy failed", () => {
  const [a, , c, d] = filesOf([
    [1000, 400],
    [0, 0],
    [1000, 300],
    [0, 0],
  ])
  if (a === undefined || c === undefined || d === undefined) throw new Error("no files")
  expect(chosen([a, c, d])).toEqual([2])
  expect(chosen([a, { ...c, stuck: true }, d])).toEqual([0])
})

test("small files are joined by the dozen", () => {
  const small = Array.from({ length: 10 }, () => [50, 50] as const)
  expect(chosen(filesOf(small)).length).toBe(8)
})

test("copying ends, with at most 1.5 × what is alive and a file stored in sealed files", () => {
  const book = fc.tuple(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 0, max: 100 }))
  fc.assert(
    fc.property(fc.array(book, { minLength: 1, maxLength: 40 }), (books) => {
      let files: ReadonlyArray<FileBooks> = filesOf(
        books.map(([bytes, percent]) => [bytes, Math.floor((bytes * percent) / 100)]),
      )
      for (let steps = 0; ; steps++) {
        const run = worthCopying(files, segmentBytes)
        const [first, last] = [run[0], run.at(-1)]
        if (first === undefined || last === undefined) break
        expect(steps).toBeLessThan(100)
        const liveBytes = run.reduce((sum, file) => sum + file.liveBytes, 0)
        const copy = { ...first, endSeq: last.endSeq, bytes: liveBytes, liveBytes }
        const at = files.indexOf(first)
        const rest = files.filter((file) => !run.includes(file))
        files = liveBytes === 0 ? rest : rest.toSpliced(at, 0, copy)
      }
      const sealed = files.filter((file) => file.sealed)
      const bytes = sealed.reduce((sum, file) => sum + file.bytes, 0)
      const alive = sealed.reduce((sum, file) => sum + file.liveBytes, 0)
      expect(bytes).toBeLessThanOrEqual(1.5 * alive + segmentBytes)
    }),
  )
})

const active = (bytes: number, liveBytes: number): FileBooks => {
  return { sealed: false, stuck: false, baseSeq: 0, endSeq: Infinity, bytes, liveBytes }
}

test("what is written to is ended when it is mostly dead, by half a file or 32 MiB", () => {
  const mebi = 2 ** 20
  expect(worthEnding(active(900, 399), segmentBytes)).toBe(true)
  expect(worthEnding(active(900, 401), segmentBytes)).toBe(false)
  expect(worthEnding(active(1500, 800), segmentBytes)).toBe(false)
  expect(worthEnding(active(50 * mebi, 17 * mebi), 512 * mebi)).toBe(true)
  expect(worthEnding(active(50 * mebi, 19 * mebi), 512 * mebi)).toBe(false)
  expect(worthEnding(active(90 * mebi, 50 * mebi), 512 * mebi)).toBe(false)
})
