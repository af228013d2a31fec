/**
 * Where in a file something lies that matters: most of a journal or a sentinel may be of no use.
 */
import { closeSync, openSync, readSync, statSync } from "node:fs"
import type { Prng } from "../../../../raft/prng.ts"

/** SQLite's format: a header, then frames, each with the header's salt while it counts. */
const journalHeaderBytes = 32
const frameHeaderBytes = 24
const saltAt = 16

/** How many bytes of SQLite's journal count; 0 when it has no header. */
export function journalBytes(path: string): number {
  const file = openSync(path, "r")
  try {
    const header = Buffer.alloc(journalHeaderBytes)
    if (readSync(file, header, 0, journalHeaderBytes, 0) < journalHeaderBytes) return 0
    const frameBytes = frameHeaderBytes + header.readUInt32BE(8)
    const frame = Buffer.alloc(frameHeaderBytes)
    let end = journalHeaderBytes
    while (readSync(file, frame, 0, frameHeaderBytes, end) === frameHeaderBytes) {
      if (frame.readUInt32BE(8) !== header.readUInt32BE(saltAt)) break
      end += frameBytes
    }
    return Math.min(end, statSync(path).size)
  } finally {
    closeSync(file)
  }
}

/** Zeros are mostly room that nobody uses. */
const triesMax = 64

/** Below `end`; nearly always of a byte that is not zero. */
export function placeIn(path: string, end: number, chance: Prng): number {
  let place = chance.below(end)
  for (let tries = 0; tries < triesMax && readByte(path, place) === 0; tries++) {
    place = chance.below(end)
  }
  return place
}

export function readByte(path: string, offset: number): number {
  const byte = new Uint8Array(1)
  const file = openSync(path, "r")
  try {
    readSync(file, byte, 0, 1, offset)
  } finally {
    closeSync(file)
  }
  return byte[0] ?? 0
}
