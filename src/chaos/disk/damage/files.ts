/** The files of a broker's log, and damages to one of them. Only while nobody has them open. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs"
import { closeSync, openSync, truncateSync, writeSync } from "node:fs"
import { join } from "node:path"
import type { Prng } from "../../../../raft/prng.ts"
import { journalBytes, placeIn, readByte } from "./places.ts"

export type FileClass = "db" | "wal" | "sentinel"

export const fileClasses: ReadonlyArray<FileClass> = ["db", "wal", "sentinel"]

const patterns: Readonly<Record<FileClass, RegExp>> = {
  db: /^segment-.*\.db$/,
  wal: /^segment-.*\.db-wal$/,
  sentinel: /^sentinel$/,
}

/** Of that class, with something in them; the newest last. */
export function filesOf(dir: string, kind: FileClass): ReadonlyArray<string> {
  return namesIn(dir)
    .filter((name) => patterns[kind].test(name) && statSync(join(dir, name)).size > 0)
    .toSorted()
}

/** What a broker's folder has beside its log: settings, and what is for people. */
const isLeftAlone = (name: string) =>
  /^(broker\.(json|log(\.1)?|pid)|output\.log|lock\.(db|pid)|reserve)$/.test(name)

export interface BitFlip {
  readonly file: string
  readonly offset: number
  readonly before: number
  readonly after: number
}

/** One bit of what is in use of it. */
export function flipBit(dir: string, file: string, chance: Prng): BitFlip {
  const path = join(dir, file)
  const offset = placeIn(path, usedBytes(path), chance)
  const before = readByte(path, offset)
  const after = before ^ (1 << chance.below(8))
  const descriptor = openSync(path, "r+")
  try {
    writeSync(descriptor, Uint8Array.of(after), 0, 1, offset)
  } finally {
    closeSync(descriptor)
  }
  return { file, offset, before, after }
}

function usedBytes(path: string): number {
  const size = statSync(path).size
  const used = path.endsWith("-wal") ? journalBytes(path) : size
  return used === 0 ? size : used
}

export interface Truncation {
  readonly file: string
  /** Of what is in use. */
  readonly before: number
  readonly after: number
}

/** Of the end of what is in use, up to so many bytes; at least one. */
export function truncate(dir: string, file: string, bytesMax: number, chance: Prng): Truncation {
  const path = join(dir, file)
  const before = usedBytes(path)
  const after = before - 1 - chance.below(Math.min(before, bytesMax))
  truncateSync(path, after)
  return { file, before, after }
}

/**
 * The log and all that says whose it is; the index that SQLite shares between processes is none.
 */
export function copyLog(from: string, to: string): number {
  mkdirSync(to, { recursive: true })
  const names = namesIn(from).filter((name) => !isLeftAlone(name) && !name.endsWith("-shm"))
  for (const name of names) copyFileSync(join(from, name), join(to, name))
  return names.length
}

export interface PutBack {
  readonly files: number
  /** How many of them were not so when they were put back. */
  readonly changed: number
}

/** In the place of all that is there. */
export function putBack(copy: string, dir: string): PutBack {
  const names = namesIn(copy)
  const changed = names.filter((name) => !isSame(join(copy, name), join(dir, name))).length
  removeLog(dir)
  for (const name of names) copyFileSync(join(copy, name), join(dir, name))
  return { files: names.length, changed }
}

/** All but settings and what is for people; how many files went. */
export function removeLog(dir: string, alsoKept: ReadonlyArray<string> = []): number {
  const names = namesIn(dir).filter((name) => !isLeftAlone(name) && !alsoKept.includes(name))
  for (const name of names) rmSync(join(dir, name))
  return names.length
}

function isSame(one: string, other: string): boolean {
  const found = statSync(other, { throwIfNoEntry: false })
  if (found === undefined || found.size !== statSync(one).size) return false
  return readFileSync(one).equals(readFileSync(other))
}

const namesIn = (dir: string): ReadonlyArray<string> =>
  readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
