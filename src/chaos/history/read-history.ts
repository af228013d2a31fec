/** A history's file, read line by line: it may be larger than memory would like. */
import { createReadStream } from "node:fs"
import { BrokenHistory, HistoryReader } from "./lines.ts"
import type { ReadHistory } from "./lines.ts"

/** A drain of a million records is one line. */
const lineBytesMax = 512 * 1024 * 1024
const newline = 10

/**
 * Rejects with a `BrokenHistory` whose message names file and line, or with the error of the file
 * system.
 */
export async function readHistory(path: string): Promise<ReadHistory> {
  const reader = new HistoryReader()
  try {
    await eachLine(path, (line) => reader.push(line))
  } catch (error) {
    if (error instanceof BrokenHistory) throw new BrokenHistory(`${path}: ${error.message}`)
    throw error
  }
  const history = reader.finish()
  // Reading leaves as much garbage as there are operations; checking needs the room.
  Bun.gc(true)
  return history
}

async function eachLine(path: string, take: (line: string) => void): Promise<void> {
  let begun: Array<Buffer> = []
  let begunBytes = 0
  const stream: AsyncIterable<Buffer> = createReadStream(path, { highWaterMark: 1024 * 1024 })
  for await (const chunk of stream) {
    let start = 0
    for (;;) {
      const end = chunk.indexOf(newline, start)
      if (end === -1) break
      if (begunBytes === 0) take(chunk.toString("utf8", start, end))
      else take(Buffer.concat([...begun, chunk.subarray(start, end)]).toString("utf8"))
      begun = []
      begunBytes = 0
      start = end + 1
    }
    if (start === chunk.length) continue
    begun.push(chunk.subarray(start))
    begunBytes += chunk.length - start
    if (begunBytes > lineBytesMax) {
      throw new BrokenHistory(`a line is longer than ${lineBytesMax} bytes`)
    }
  }
  if (begunBytes > 0) take(Buffer.concat(begun).toString("utf8"))
}
