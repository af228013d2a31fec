/**
 * Reading a journal before SQLite does. SQLite takes a journal over up to its first bad frame and
 * forgets the rest without a word; whether that rest was the unfinished end of a crash or
 * transactions that had been acknowledged shows only in the file itself, and the first write
 * destroys the evidence (VERIFICATION D1).
 *
 * The proof that something acknowledged was lost rests on one rule of the writer: it fsyncs a
 * transaction before it writes a frame of the next. So only the last transaction can be torn, in
 * any order of its sectors; a frame of a later one proves that the one before was durable.
 */
import { closeSync, fstatSync, openSync } from "node:fs"
import {
  frameHeaderBytes,
  JournalHeader,
  journalHeaderBytes,
  readFully,
  sum,
  type Sum,
} from "./journal.ts"
import type { JournalVerdict } from "./verdict.ts"

export interface Autopsy {
  readonly verdict: JournalVerdict
  /** Length of the -wal before SQLite opened it. */
  readonly bytesFound: number
  /** Frames before the first bad one, and those of them that SQLite takes over. */
  readonly frames: number
  readonly committedFrames: number
  /** Of "corruptMiddle": readable frames that SQLite drops, and commit marks among them. */
  readonly lostFrames: number
  readonly lostCommits: number
}

const nothing: Autopsy = {
  verdict: "absent",
  bytesFound: 0,
  frames: 0,
  committedFrames: 0,
  lostFrames: 0,
  lostCommits: 0,
}

/** Of the journal of the database at `path`. Reads it once, changes nothing. */
export function autopsy(path: string): Autopsy {
  const file = openIfThere(`${path}-wal`)
  if (file === undefined) return nothing
  try {
    const bytesFound = fstatSync(file).size
    return bytesFound === 0 ? nothing : examine(file, bytesFound)
  } finally {
    closeSync(file)
  }
}

function examine(file: number, bytesFound: number): Autopsy {
  const head = new Uint8Array(journalHeaderBytes)
  const headerBad: Autopsy = { ...nothing, bytesFound, verdict: "headerBad" }
  if (readFully(file, head, 0) < journalHeaderBytes) return headerBad
  const header = JournalHeader.read(head)
  if (header !== undefined) {
    const { commits: _, ...found } = judgeFrames(new Frames(file, header))
    return { ...found, bytesFound }
  }
  // One flipped bit in the header makes SQLite ignore the whole journal. A crash cannot leave a
  // header that fits the frames behind it but for one bit: the header of a journal that is used
  // again is fsynced before its first frame.
  for (const mended of JournalHeader.mended(head)) {
    const { frames, commits, committedFrames, ...rest } = judgeFrames(new Frames(file, mended))
    if (committedFrames === 0) continue
    return {
      verdict: "corruptMiddle",
      bytesFound,
      frames: 0,
      committedFrames: 0,
      lostFrames: rest.lostFrames + frames,
      lostCommits: rest.lostCommits + commits,
    }
  }
  return headerBad
}

const sectorBytes = 512

/** Frames of a journal, read into one buffer: a frame is valid until the next is read. */
class Frames {
  readonly header: JournalHeader
  private readonly file: number
  private readonly buffer: Uint8Array<ArrayBuffer>
  private readonly view: DataView

  constructor(file: number, header: JournalHeader) {
    this.file = file
    this.header = header
    this.buffer = new Uint8Array(frameHeaderBytes + header.pageBytes)
    this.view = new DataView(this.buffer.buffer)
  }

  /** Frame n, from 1 on; undefined past the end of the file. */
  read(n: number): Frame | undefined {
    const { buffer, view, header } = this
    const position = journalHeaderBytes + (n - 1) * buffer.length
    const got = readFully(this.file, buffer, position)
    if (got < frameHeaderBytes) return undefined
    return {
      whole: got === buffer.length,
      saltsMatch: view.getUint32(8) === header.salt1 && view.getUint32(12) === header.salt2,
      commits: view.getUint32(4) !== 0,
      // A header inside one sector is wholly of one write.
      headerAtomic: (position % sectorBytes) + frameHeaderBytes <= sectorBytes,
      stored: { s0: view.getUint32(16), s1: view.getUint32(20) },
    }
  }

  /** The sum over the frame read last, when it comes after one with the sum `before`. */
  sumAfter(before: Sum): Sum {
    const { buffer, header } = this
    const begun = sum(buffer, 0, 8, header.bigEndian, before)
    return sum(buffer, frameHeaderBytes, buffer.length, header.bigEndian, begun)
  }
}

interface Frame {
  readonly whole: boolean
  readonly saltsMatch: boolean
  /** Has the mark of a transaction's last frame. */
  readonly commits: boolean
  readonly headerAtomic: boolean
  readonly stored: Sum
}

interface Judged extends Omit<Autopsy, "bytesFound"> {
  readonly verdict: "whole" | "tornTail" | "corruptMiddle"
  /** Commit marks among the sound frames. */
  readonly commits: number
}

/** Goes through the sound frames as SQLite does, then looks at what it would drop. */
function judgeFrames(frames: Frames): Judged {
  let before = frames.header.sum
  let committedFrames = 0
  let commits = 0
  for (let n = 1; ; n++) {
    const frame = frames.read(n)
    const computed = frame?.whole === true ? frames.sumAfter(before) : before
    if (frame?.whole !== true || !frame.saltsMatch || !isSame(computed, frame.stored)) {
      const rest = frame === undefined ? nothingLeft : examineRest(frames, n, frame, computed)
      const torn = n - 1 > committedFrames || frame?.saltsMatch === true || rest.lostFrames > 0
      const verdict = rest.proven ? "corruptMiddle" : torn ? "tornTail" : "whole"
      const lost = rest.proven ? rest : nothingLeft
      const { lostFrames, lostCommits } = lost
      return { verdict, frames: n - 1, committedFrames, commits, lostFrames, lostCommits }
    }
    before = computed
    if (!frame.commits) continue
    committedFrames = n
    commits += 1
  }
}

interface Rest {
  readonly proven: boolean
  readonly lostFrames: number
  readonly lostCommits: number
}

const nothingLeft: Rest = { proven: false, lostFrames: 0, lostCommits: 0 }

/**
 * Looks behind the first bad frame for frames of this journal: same salts, and a sum that goes on
 * from the frame before. Those of an earlier use of the file have other salts and are no evidence.
 * Proof is a frame behind a commit mark that lies at or behind the bad frame. A mark in the bad
 * frame itself counts only if its header cannot be a mixture of two writes.
 */
function examineRest(frames: Frames, at: number, bad: Frame, computed: Sum): Rest {
  const mine = bad.whole && bad.saltsMatch
  // Contents and sum are right, only the salts are not: no crash writes that.
  let proven = bad.whole && !bad.saltsMatch && bad.headerAtomic && isSame(computed, bad.stored)
  let marked = mine && bad.commits && bad.headerAtomic
  let lostFrames = mine || proven ? 1 : 0
  let lostCommits = lostFrames === 1 && bad.commits ? 1 : 0
  // What is damaged in the bad frame may be its sum: then the computed one goes on.
  let befores = [bad.stored, computed]
  for (let n = at + 1; ; n++) {
    const frame = frames.read(n)
    if (frame?.whole !== true) break
    const { stored } = frame
    if (frame.saltsMatch && befores.some((sums) => isSame(frames.sumAfter(sums), stored))) {
      proven ||= marked
      marked ||= frame.commits
      lostFrames += 1
      if (frame.commits) lostCommits += 1
    }
    befores = [stored]
  }
  return { proven, lostFrames, lostCommits }
}

function isSame(a: Sum, b: Sum): boolean {
  return a.s0 === b.s0 && a.s1 === b.s1
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, "r")
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined
    throw error
  }
}
