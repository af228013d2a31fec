/** A file of commands as the broker reads it, often: only when it has changed is it read. */
import { appendFileSync, readFileSync, statSync } from "node:fs"
import type { Deed } from "../control-folder.ts"

export class CommandFile<A> {
  private readonly path: string
  private version = ""
  private command: A | undefined

  constructor(path: string) {
    this.path = path
  }

  /** Undefined: all is well. The same object until there is another command. */
  read(): A | undefined {
    const found = statSync(this.path, { throwIfNoEntry: false })
    const version = found === undefined ? "" : `${found.ino} ${found.mtimeMs}`
    if (version === this.version) return this.command
    this.version = version
    this.command = version === "" ? undefined : this.parse()
    return this.command
  }

  private parse(): A | undefined {
    try {
      // Written by the run that started this process.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      return JSON.parse(readFileSync(this.path, "utf8")) as A
    } catch {
      // Taken back in between.
      return undefined
    }
  }
}

export function noteDeed(path: string, deed: Deed): void {
  appendFileSync(path, `${JSON.stringify(deed)}\n`)
}
