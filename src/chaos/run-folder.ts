/** What a run leaves behind: one folder, nothing outside of it. */
import {
  copyFileSync,
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { createInterface } from "node:readline"
import type { ChaosNode } from "./cluster.ts"
import { OptionError } from "./options.ts"

export class RunFolder {
  readonly dir: string

  /** Throws `OptionError` for a folder that holds something already. */
  constructor(dir: string) {
    if (existsSync(dir) && readdirSync(dir).length > 0) {
      throw new OptionError(`--out: ${dir} is not empty`)
    }
    mkdirSync(dir, { recursive: true })
    this.dir = dir
  }

  get history(): string {
    return join(this.dir, "history.jsonl")
  }

  /** The brokers' own folders. */
  get cluster(): string {
    return join(this.dir, "cluster")
  }

  get log(): string {
    return join(this.dir, "run.log")
  }

  writeJson(name: string, value: unknown): void {
    this.write(name, `${JSON.stringify(value, undefined, 2)}\n`)
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.dir, name), text)
  }

  /** Beside the report, where a browser finds them. */
  keepLogs(nodes: ReadonlyArray<ChaosNode>): void {
    const logs = join(this.dir, "logs")
    mkdirSync(logs, { recursive: true })
    for (const { id, logFile } of nodes) {
      if (existsSync(logFile)) copyFileSync(logFile, join(logs, `broker-${id}.log`))
    }
  }

  /** Of a run with nothing to look into. */
  removeData(): void {
    rmSync(this.cluster, { recursive: true, force: true })
  }
}

/** The lines of a file, one after the other: no limit on its size. */
export function linesOf(file: string): AsyncIterable<string> {
  return createInterface({ input: createReadStream(file), crlfDelay: Infinity })
}
