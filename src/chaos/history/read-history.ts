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
  let number = 0
  try {
    for await (const line of linesOf(path)) {
      number++
      reader.push(line)
    }
  } catch (error) {
    if (error instanceof BrokenHistory) throw new BrokenHistory(`${path}: ${error.message}`)
    if (error instanceof LineTooLong) {
      throw new BrokenHistory(`${path}: line ${number + 1}: longer than ${lineBytesMax} bytes`)
    }
    throw error
  }
  return reader.finish()
}

class LineTooLong extends Error {}

async function* linesOf(path: string): AsyncGenerator<string> {
  let begun: Array<Buffer> = []
  let begunBytes = 0
  const stream: AsyncIterable<Buffer> = createReadStream(path, { highWaterMark: 1024 * 1024 })
  for await (const chunk of stream) {
    let start = 0
    for (;;) {
      const end = chunk.indexOf(newline, start)
      if (end === -1) break
      const rest = chunk.subarray(start, end)
      yield begun.length === 0 ? rest.toString("utf8") : joined(begun, rest)
      begun = []
      begunBytes = 0
      start = end + 1
    }
    if (start === chunk.length) continue
    begun.push(chunk.subarray(start))
    begunBytes += chunk.length - start
    if (begunBytes > lineBytesMax) throw new LineTooLong()
  }
  if (begunBytes > 0) yield joined(begun, Buffer.alloc(0))
}

const joined = (parts: ReadonlyArray<Buffer>, last: Buffer): string =>
  Buffer.concat([...parts, last]).toString("utf8")
