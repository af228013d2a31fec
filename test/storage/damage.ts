/** What may befall the files of a log, by region class. */
import type { Prng } from "../../raft/prng.ts"
import { frameHeaderBytes, JournalHeader, journalHeaderBytes } from "../../storage/journal.ts"
import type { Files, Specimen } from "./specimen.ts"

export interface DamageClass {
  readonly name: string
  /** The files with one damage; undefined when the specimen has no such place. */
  readonly inflict: (specimen: Specimen, prng: Prng) => Files | undefined
}

type Kind = "wal" | "db" | "sentinel"

function namesOf(files: Files, kind: Kind): ReadonlyArray<string> {
  const suffix = { wal: ".db-wal", db: ".db", sentinel: "sentinel" }[kind]
  return [...files.keys()].filter((name) => {
    return name.endsWith(suffix) && (files.get(name)?.length ?? 0) > 0
  })
}

function pick<A>(from: ReadonlyArray<A>, prng: Prng): A | undefined {
  return from[prng.below(Math.max(1, from.length))]
}

function changed(files: Files, name: string, bytes: Buffer): Files {
  return new Map([...files, [name, bytes]])
}

function flip(bytes: Buffer, position: number, prng: Prng): Buffer {
  const copy = Buffer.from(bytes)
  copy.writeUInt8(copy.readUInt8(position) ^ (1 << prng.below(8)), position)
  return copy
}

/** A bit in a byte that `where` finds. */
function flips(
  name: string,
  kind: Kind,
  where: (bytes: Buffer, prng: Prng) => number | undefined,
): DamageClass {
  return {
    name,
    inflict: ({ files }, prng) => {
      const file = pick(namesOf(files, kind), prng)
      const bytes = file === undefined ? undefined : files.get(file)
      const position = bytes === undefined ? undefined : where(bytes, prng)
      if (file === undefined || bytes === undefined || position === undefined) return undefined
      return changed(files, file, flip(bytes, position, prng))
    },
  }
}

interface JournalPlaces {
  readonly frames: number
  readonly frameBytes: number
  readonly all: number
}

function journalPlaces(bytes: Buffer): JournalPlaces | undefined {
  const header = JournalHeader.read(new Uint8Array(bytes.subarray(0, journalHeaderBytes)))
  if (header === undefined) return undefined
  const frameBytes = frameHeaderBytes + header.pageBytes
  const all = Math.floor((bytes.length - journalHeaderBytes) / frameBytes)
  let frames = 0
  while (frames < all) {
    const at = journalHeaderBytes + frames * frameBytes
    if (bytes.readUInt32BE(at + 8) !== header.salt1) break
    frames += 1
  }
  return { frames, frameBytes, all }
}

function inFrame(bytes: Buffer, prng: Prng, from: number, to: number): number | undefined {
  const places = journalPlaces(bytes)
  if (places === undefined || places.frames === 0) return undefined
  const start = journalHeaderBytes + prng.below(places.frames) * places.frameBytes
  return start + from + prng.below(Math.min(to, places.frameBytes) - from)
}

function inOldFrame(bytes: Buffer, prng: Prng): number | undefined {
  const places = journalPlaces(bytes)
  if (places === undefined || places.all === places.frames) return undefined
  const start = journalHeaderBytes + places.frames * places.frameBytes
  return start + prng.below(bytes.length - start)
}

/**
 * In a page of one of SQLite's types (2, 5: interior, 10, 13: leaf): its header and its pointers.
 */
function inPageHead(bytes: Buffer, prng: Prng): number | undefined {
  const pageBytes = bytes.readUInt16BE(16)
  const heads: Array<number> = []
  for (let at = 0; at + pageBytes <= bytes.length; at += pageBytes) {
    const head = at === 0 ? 100 : at
    if ([2, 5, 10, 13].includes(bytes.readUInt8(head))) heads.push(head)
  }
  const head = pick(heads, prng)
  return head === undefined ? undefined : head + prng.below(20)
}

function inRow(marker: string, before: number, length: number) {
  return (bytes: Buffer, prng: Prng): number | undefined => {
    const places = [...bytes.toString("latin1").matchAll(new RegExp(marker, "g"))]
    const place = pick(places, prng)?.index
    if (place === undefined) return undefined
    return Math.min(bytes.length - 1, Math.max(0, place - before) + prng.below(length))
  }
}

function removed(kind: Kind): DamageClass {
  return {
    name: `${kind} removed`,
    inflict: ({ files }, prng) => {
      const name = pick(namesOf(files, kind), prng)
      return name === undefined ? undefined : new Map([...files].filter(([key]) => key !== name))
    },
  }
}

function truncated(kind: Kind): DamageClass {
  return {
    name: `${kind} truncated`,
    inflict: ({ files }, prng) => {
      const name = pick(namesOf(files, kind), prng)
      const bytes = name === undefined ? undefined : files.get(name)
      if (name === undefined || bytes === undefined) return undefined
      return changed(files, name, bytes.subarray(0, prng.below(bytes.length)))
    },
  }
}

function putBack(kind: Kind): DamageClass {
  return {
    name: `${kind}: an old copy`,
    inflict: ({ files, older }, prng) => {
      const old = pick(older, prng)
      const name = old === undefined ? undefined : pick(namesOf(old, kind), prng)
      const bytes = name === undefined ? undefined : old?.get(name)
      return name === undefined || bytes === undefined ? undefined : changed(files, name, bytes)
    },
  }
}

function zeroed(kind: Kind): DamageClass {
  return {
    name: `${kind}: a block of zeros`,
    inflict: ({ files }, prng) => {
      const name = pick(namesOf(files, kind), prng)
      const bytes = name === undefined ? undefined : files.get(name)
      if (name === undefined || bytes === undefined) return undefined
      const at = prng.below(Math.ceil(bytes.length / 4096)) * 4096
      const copy = Buffer.from(bytes)
      copy.fill(0, at, Math.min(at + 4096, copy.length))
      return changed(files, name, copy)
    },
  }
}

const inSentinel = (bytes: Buffer, prng: Prng) => inRow("VSEN", 0, 300)(bytes, prng)

export const damageClasses: ReadonlyArray<DamageClass> = [
  flips("wal header", "wal", (_bytes, prng) => prng.below(journalHeaderBytes)),
  flips("wal frame header", "wal", (bytes, prng) => inFrame(bytes, prng, 0, frameHeaderBytes)),
  flips("wal page", "wal", (bytes, prng) => inFrame(bytes, prng, frameHeaderBytes, Infinity)),
  flips("wal frame of an earlier use", "wal", inOldFrame),
  flips("db file header", "db", (_bytes, prng) => prng.below(100)),
  flips("db page header", "db", inPageHead),
  flips("db row header and directory", "db", inRow("VDR1", 12, 140)),
  flips("db row payload", "db", inRow("VDR1", -400, 3000)),
  flips("db vote", "db", inRow("disk-of-a-voter", 16, 40)),
  flips("db anywhere", "db", (bytes, prng) => prng.below(bytes.length)),
  flips("sentinel record", "sentinel", inSentinel),
  flips("sentinel anywhere", "sentinel", (bytes, prng) => prng.below(bytes.length)),
  ...(["wal", "db", "sentinel"] as const).flatMap((kind) => [
    zeroed(kind),
    truncated(kind),
    removed(kind),
    putBack(kind),
  ]),
]
