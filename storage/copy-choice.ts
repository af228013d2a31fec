/**
 * Which files are worth a copy of what is alive in them: stored bytes stay at or below 1.5 × the
 * live ones and two files.
 */

export interface FileBooks {
  /** Not to be copied: still written to, or a copy of it failed. */
  readonly sealed: boolean
  readonly stuck: boolean
  readonly baseSeq: number
  readonly endSeq: number
  readonly bytes: number
  readonly liveBytes: number
}

/** Of a file: more is worth a copy. */
const deadShareMax = 1 / 2
/** Of all files together. */
const deadPerLiveMax = 1 / 2
/** Of the file that is written to, with more than half of it: more is worth another file. */
const activeDeadBytesMax = 32 * 1024 * 1024
/** So many consecutive files that fit into one are copied together. */
const smallFiles = 8

/**
 * Consecutive sealed files to be copied into one; none when it is not worth it. One without
 * anything alive comes alone: it is only removed.
 */
export function worthCopying<File extends FileBooks>(
  all: ReadonlyArray<File>,
  segmentBytes: number,
): ReadonlyArray<File> {
  const files = all.filter(({ sealed, stuck }) => sealed && !stuck)
  const gone = files.find(({ liveBytes }) => liveBytes <= 0)
  if (gone !== undefined) return [gone]
  const worst = files.toSorted((a, b) => deadShare(b) - deadShare(a))[0]
  if (worst === undefined) return []
  const alive = files.reduce((sum, { liveBytes }) => sum + liveBytes, 0)
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  const tooMuch = bytes > alive * (1 + deadPerLiveMax) + segmentBytes
  if (deadShare(worst) > deadShareMax || tooMuch) return withNeighbours(files, worst, segmentBytes)
  return smallOnes(files, segmentBytes)
}

/**
 * The file that is written to is mostly dead: it is worth ending, though it is not full, and though
 * nothing may be written for a long time. With small files `segmentBytes` / 2 dead are enough.
 */
export function worthEnding({ bytes, liveBytes }: FileBooks, segmentBytes: number): boolean {
  const dead = bytes - liveBytes
  return dead > bytes / 2 && dead >= Math.min(segmentBytes / 2, activeDeadBytesMax)
}

const deadShare = ({ bytes, liveBytes }: FileBooks): number =>
  bytes === 0 ? 0 : (bytes - liveBytes) / bytes

/** The file and those beside it that are mostly dead too, as far as they fit into one. */
function withNeighbours<File extends FileBooks>(
  files: ReadonlyArray<File>,
  worst: File,
  segmentBytes: number,
): ReadonlyArray<File> {
  let chosen: ReadonlyArray<File> = [worst]
  for (;;) {
    const from = files.indexOf(chosen[0] ?? worst)
    const to = from + chosen.length
    const longer = [files.slice(Math.max(0, from - 1), to), files.slice(from, to + 1)]
    const next = longer.find((run) => run.length > chosen.length && fitTogether(run, segmentBytes))
    if (next === undefined) return chosen
    chosen = next
  }
}

const fitTogether = (run: ReadonlyArray<FileBooks>, segmentBytes: number): boolean =>
  areConsecutive(run) &&
  run.every((file) => deadShare(file) > deadShareMax) &&
  run.reduce((sum, { liveBytes }) => sum + liveBytes, 0) <= segmentBytes

function smallOnes<File extends FileBooks>(
  files: ReadonlyArray<File>,
  segmentBytes: number,
): ReadonlyArray<File> {
  for (let at = 0; at + smallFiles <= files.length; at++) {
    const run = files.slice(at, at + smallFiles)
    const bytes = run.reduce((sum, file) => sum + file.bytes, 0)
    if (bytes <= segmentBytes && areConsecutive(run)) return run
  }
  return []
}

/** Nothing lies between them, also nothing that was removed. */
function areConsecutive(files: ReadonlyArray<FileBooks>): boolean {
  return files.every((file, n) => n === 0 || files[n - 1]?.endSeq === file.baseSeq)
}
