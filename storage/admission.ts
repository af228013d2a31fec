/**
 * Everything that must be looked at before SQLite opens a file of the log: opening one destroys
 * evidence (VERIFICATION D1, D2).
 */
import { Database, SQLiteError } from "bun:sqlite"
import { closeSync, existsSync, openSync, readdirSync, rmSync, statSync } from "node:fs"
import { join } from "node:path"
import { setAside, type Aside } from "./aside.ts"
import { autopsy, type Autopsy } from "./autopsy.ts"
import { readFully } from "./journal.ts"
import { applicationId, versionOfTables } from "./schema.ts"
import { readSentinel, SentinelFile, type SentinelFound } from "./sentinel-file.ts"

export interface Admission {
  /** Of the active file's journal. */
  readonly journal: Autopsy
  readonly sentinel: SentinelFound
  /** The log was made before there were sentinels, or was never written: none is missing. */
  readonly sentinelExpected: boolean
  /** Groups that neither log nor sentinel know may have had votes: a sentinel was lost. */
  readonly forgetful: boolean
  /** Why the log may not be what was closed in order; undefined when it was, or is new. */
  readonly unclean: string | undefined
  /** For the operator: what was found and done. */
  readonly lines: ReadonlyArray<string>
}

export const sentinelPath = (dir: string): string => join(dir, "sentinel")

/** First schema version whose logs have a sentinel. */
const sentinelSince = 2

/** A disk that is known to have had a log has none: it is a new disk, and must be called one. */
export class LogGone extends Error {
  constructor(dir: string) {
    super(
      `${dir} has had a log and has none: what it voted for is not known; it needs a new identity`,
    )
    this.name = "LogGone"
  }
}

/** Whether the folder has anything of a log. */
const hasLog = (dir: string): boolean =>
  segmentPaths(dir).length > 0 || existsSync(sentinelPath(dir))

/** Throws `LogGone` when there is neither a file of the log nor a sentinel. */
export function expectLog(dir: string): void {
  if (!hasLog(dir)) throw new LogGone(dir)
}

/**
 * Durable when it returns: from here on the folder is known to have a log. To be called when a new
 * identity has been written and before anybody may vote under it, never at a later time: an open
 * with `expected` then tells a log that is gone from one that was not begun.
 */
export function beginLog(dir: string): void {
  if (!hasLog(dir)) new SentinelFile(sentinelPath(dir), new Map()).close()
}

export function admit(dir: string): Admission {
  const lines: Array<string> = []
  const sentinel = readSentinel(sentinelPath(dir))
  if (sentinel._tag === "damaged") keep(sentinelPath(dir), "copy", lines, "the sentinel is damaged")
  else if (sentinel._tag === "readable" && sentinel.mended > 0) {
    lines.push(`${sentinel.mended} damaged records of the sentinel were read from their copies`)
  }
  const unclean = whyUnclean(dir, sentinel, lines)
  const journal = examineJournals(dir, sentinel, lines)
  const versions = segmentPaths(dir).map((path) => versionOf(path, sentinel, lines))
  const sentinelExpected = versions.some((version) => (version ?? sentinelSince) >= sentinelSince)
  // From here on a log that is found without a sentinel has lost it.
  if (sentinel._tag === "absent" && !sentinelExpected) {
    new SentinelFile(sentinelPath(dir), new Map()).close()
  }
  const forgetful = sentinel._tag === "readable" ? sentinel.contents.forgetful : sentinelExpected
  return { journal, sentinel, sentinelExpected, forgetful, unclean, lines }
}

/** The file is of no use: out of the way with it, and what was read of it is forgotten. */
export function giveUp(path: string, what: string): ReadonlyArray<string> {
  const lines: Array<string> = []
  keep(path, "move", lines, `${path} cannot be used: ${what}`)
  const journal = `${path}-wal`
  if ((statSync(journal, { throwIfNoEntry: false })?.size ?? 0) > 0) {
    keep(journal, "move", lines, "its journal with it")
  }
  for (const rest of [journal, `${path}-shm`, unusableMark(path)]) rmSync(rest, { force: true })
  return lines
}

/** What the log's files look like: for the next open, to see whether they were exchanged. */
export function describeFiles(dir: string): string {
  const files = readdirSync(dir).filter((name) => /^segment-[\d-]+\.db(-wal)?$/.test(name))
  const seen = files.sort().flatMap((name) => {
    const { size, ino, ctimeNs } = statSync(join(dir, name), { bigint: true })
    // The journal of a file that was closed is empty or gone.
    return name.endsWith("-wal") && size === 0n ? [] : [`${name} ${size} ${ino} ${ctimeNs}`]
  })
  return seen.join("\n")
}

function whyUnclean(
  dir: string,
  sentinel: SentinelFound,
  lines: Array<string>,
): string | undefined {
  if (sentinel._tag === "damaged") return "the sentinel is damaged"
  const segments = segmentPaths(dir)
  if (sentinel._tag === "absent") return segments.length > 0 ? "there is no sentinel" : undefined
  const { closed, groups } = sentinel.contents
  if (closed === undefined) {
    return segments.length > 0 || groups.size > 0 ? "it was not closed in order" : undefined
  }
  const changed = differences(closed, describeFiles(dir))
  for (const name of changed.filter((file) => file.endsWith("-wal"))) {
    // A log that was closed has no journal: this one is another's or an older one.
    if (!existsSync(join(dir, name))) continue
    keep(join(dir, name), "move", lines, `${name} was not there when the log was closed`)
  }
  return changed.length > 0 ? `changed since it was closed: ${changed.join(", ")}` : undefined
}

/** Names of the files that are in one description only, or look different. */
function differences(before: string, after: string): ReadonlyArray<string> {
  const [old, now] = [new Set(before.split("\n")), new Set(after.split("\n"))]
  const odd = [...old, ...now].filter((line) => line !== "" && !(old.has(line) && now.has(line)))
  return [...new Set(odd.map((line) => line.split(" ")[0] ?? line))]
}

function examineJournals(dir: string, sentinel: SentinelFound, lines: Array<string>): Autopsy {
  let active = autopsy("")
  for (const path of segmentPaths(dir)) {
    const found = autopsy(path)
    if (found.verdict === "absent") continue
    active = active.verdict === "corruptMiddle" ? active : found
    if (found.verdict === "headerBad") {
      keep(`${path}-wal`, "copy", lines, `${path}-wal has no readable header`)
    }
    if (found.verdict !== "corruptMiddle") continue
    const { lostCommits, lostFrames } = found
    const lost = `${lostCommits} transactions (${lostFrames} pages)`
    const what = `${path}-wal is damaged: ${lost} are lost`
    keep(`${path}-wal`, "copy", lines, what)
    // Once SQLite has opened the file nothing of this can be seen any more.
    if (sentinel._tag === "readable") {
      const { groups, forgetful } = sentinel.contents
      new SentinelFile(sentinelPath(dir), groups, { suspect: true, forgetful }).close()
    }
  }
  const suspect = sentinel._tag === "readable" && sentinel.contents.suspect
  return suspect ? { ...active, verdict: "corruptMiddle" } : active
}

/**
 * Opens the file without writing to it. One that SQLite does not take for a database of this log is
 * moved aside; the answer is then undefined. A stranger's file is left to be refused: whether it is
 * one, the sentinel knows, for it was written by whoever wrote the files.
 */
function versionOf(
  path: string,
  sentinel: SentinelFound,
  lines: Array<string>,
): number | undefined {
  try {
    if (existsSync(unusableMark(path))) throw new DamagedFile("a write to it failed as malformed")
    checkHeader(path)
    return readVersion(path, sentinel._tag === "readable" ? sentinel.contents.format : undefined)
  } catch (error) {
    const damaged = error instanceof SQLiteError ? isDamage(error) : error instanceof DamagedFile
    if (!damaged) throw error
    lines.push(...giveUp(path, error instanceof Error ? error.message : String(error)))
    return undefined
  }
}

class DamagedFile extends Error {}

function readVersion(path: string, format: number | undefined): number {
  const db = new Database(path, { readonly: true })
  try {
    const version = Number(db.query("PRAGMA user_version").values()[0]?.[0])
    const id = Number(db.query("PRAGMA application_id").values()[0]?.[0])
    const tables = db.query("SELECT name FROM sqlite_master WHERE type = 'table'").values()
    if (version > 0 && !tables.some(([name]) => name === "log")) {
      throw new DamagedFile("it has no log")
    }
    checkBegun(db, tables)
    if (format === undefined) return version
    if (version > 0 && id !== applicationId) throw new DamagedFile("it lacks the mark of a log")
    // A sealed file keeps the version it was written in.
    if (version > format) throw new DamagedFile(`it says format ${version}, it was ${format}`)
    const made = versionOfTables(new Set(tables.map(([name]) => String(name))))
    if (version !== made) throw new DamagedFile(`it says format ${version}, it is of ${made}`)
    return version
  } finally {
    db.close()
  }
}

/** A file with rows says which ones: it would be removed as one that never began. */
function checkBegun(db: Database, tables: ReadonlyArray<ReadonlyArray<unknown>>): void {
  if (!tables.some(([name]) => name === "segment")) return
  const begun = db.query("SELECT base_seq FROM segment").values().length
  if (begun === 1) return
  const rows = db.query("SELECT seq FROM log LIMIT 1").values().length
  if (begun > 1 || rows > 0) throw new DamagedFile("it does not say which rows it has")
}

/** What SQLite would only find out when it writes: bytes 18 and 19, the versions of the format. */
function checkHeader(path: string): void {
  const header = new Uint8Array(20)
  const file = openSync(path, "r")
  try {
    if (readFully(file, header, 0) < header.length) return
  } finally {
    closeSync(file)
  }
  const [writing = 0, reading = 0] = header.subarray(18)
  if (writing < 1 || writing > 2 || reading < 1 || reading > 2) {
    throw new DamagedFile(`its header speaks of format ${writing}/${reading}`)
  }
}

/** SQLite's own word for a damaged file. */
export const isMalformed = (error: SQLiteError): boolean => /CORRUPT|NOTADB/.test(error.code ?? "")

/**
 * Where nothing but a look at the schema is asked for, whatever is not the machine's is the file's.
 */
const isDamage = (error: SQLiteError): boolean =>
  !/IOERR|BUSY|LOCKED|CANTOPEN|PERM|READONLY|NOMEM|FULL|AUTH|INTERRUPT/.test(error.code ?? "")

/** Made when SQLite finds a file damaged while it writes: the next open would fail likewise. */
export const unusableMark = (path: string): string => `${path}.unusable`

function segmentPaths(dir: string): ReadonlyArray<string> {
  if (!existsSync(dir)) return []
  const names = readdirSync(dir).filter((name) => /^segment-[\d-]+\.db$/.test(name))
  return names.sort().map((name) => join(dir, name))
}

function keep(path: string, how: Aside, lines: Array<string>, what: string): void {
  const name = setAside(path, how)
  const verb = how === "move" ? "moved" : "copied"
  lines.push(`${what}; ${name === undefined ? "it could not be copied" : `${verb} to ${name}`}`)
}
