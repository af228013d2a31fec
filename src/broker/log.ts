/**
 * The broker's log: one line per event, to stderr and to a file beside its data that cannot grow
 * without end.
 */
import { closeSync, fstatSync, openSync, renameSync, writeSync } from "node:fs"

export type LogLevel = "info" | "warn" | "error"
export type Log = (level: LogLevel, line: string) => void

/** At this size broker.log becomes broker.log.1, and the one before it is gone. */
const fileBytesMax = 32 * 1024 * 1024

export interface LogFile {
  readonly log: Log
  close(): void
}

/**
 * `path` null: stderr only. Never throws afterwards: a full disk or a closed terminal stops no
 * broker.
 */
export function openLog(nodeId: number, path: string | null): LogFile {
  let file = path === null ? undefined : openAppend(path)
  // The terminal or the pipe may go away; the file remains.
  process.stderr.on("error", ignore)
  const write = (line: string): void => {
    // Not writeSync: whoever holds the other end of the pipe may not read, and must not stop us.
    process.stderr.write(line)
    if (file === undefined || path === null) return
    try {
      writeSync(file.descriptor, line)
      file.bytes += line.length
      if (file.bytes > fileBytesMax) {
        closeSync(file.descriptor)
        renameSync(path, `${path}.1`)
        file = openAppend(path)
      }
    } catch {
      file = undefined
    }
  }
  return {
    log: (level, line) => {
      const time = new Date().toISOString()
      write(`${time} ${level.toUpperCase().padEnd(5)} broker ${nodeId}: ${oneLine(line)}\n`)
    },
    close: () => {
      process.stderr.off("error", ignore)
      if (file !== undefined) closeSync(file.descriptor)
      file = undefined
    },
  }
}

function openAppend(path: string): { descriptor: number; bytes: number } {
  const descriptor = openSync(path, "a")
  return { descriptor, bytes: fstatSync(descriptor).size }
}

function ignore(): void {}

/** What a client sent may stand in a line: no control characters, no endless length. */
function oneLine(line: string): string {
  // oxlint-disable-next-line no-control-regex
  return line.slice(0, 4000).replaceAll(/[\u0000-\u001f\u007f]/g, (c) => (c === "\n" ? " | " : "?"))
}
