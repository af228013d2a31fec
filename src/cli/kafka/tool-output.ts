/** Where a tool writes, so that tests can listen; and what all tools say of themselves. */
import { writeSync } from "node:fs"

export interface ToolOutput {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
}

/**
 * Writes all of it before it returns, so that nothing is lost at `process.exit`. False when the
 * reader has gone.
 */
export function writeStandard(descriptor: 1 | 2, bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(descriptor, bytes, at)
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined
      if (code === "EPIPE") return false
      if (code !== "EAGAIN") throw error
      Bun.sleepSync(1)
    }
  }
  return true
}

export const standardOutput: ToolOutput = {
  out: (text) => void writeStandard(1, Buffer.from(text)),
  err: (text) => void writeStandard(2, Buffer.from(text)),
}

/** Kafka's version whose tools these follow. */
export const toolVersion = "4.3.1 (varve 0.1.0)"

/** As the console logger of Kafka's tools prints it. */
export function logLine(level: "WARN" | "ERROR", message: string, logger: string): string {
  const time = new Date().toISOString().replace("T", " ").replace(".", ",").replace("Z", "")
  return `[${time}] ${level} ${message} (${logger})\n`
}
