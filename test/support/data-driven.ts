/**
 * Tests as transcripts. A file is a sequence of blocks
 *
 *     # comment, kept as it is
 *     command positional key=value
 *     ----
 *     what it printed, up to an empty line
 *
 * REWRITE=1 replaces the printed parts by what is printed now; git then shows the difference.
 * Commit it only when you understand what caused it.
 */
import { expect } from "bun:test"
import { readFileSync, writeFileSync } from "node:fs"

export interface Command {
  readonly name: string
  readonly positional: ReadonlyArray<string>
  readonly options: ReadonlyMap<string, string>
  readonly line: string
}

export function runTranscript(path: string, run: (command: Command) => string): void {
  const source = readFileSync(path, "utf8").split("\n")
  const printed = replay(source, run)
  if (process.env["REWRITE"] === "1") writeFileSync(path, printed.join("\n"))
  else expect(printed).toEqual(source)
}

function replay(source: ReadonlyArray<string>, run: (command: Command) => string): Array<string> {
  const printed: Array<string> = []
  for (let at = 0; at < source.length; at++) {
    const line = source[at] ?? ""
    printed.push(line)
    if (line === "" || line.startsWith("#")) continue
    if (source[at + 1] === "----") {
      at += 2
      while (at < source.length && source[at] !== "") at++
      at--
    }
    const output = run(parse(line)).trimEnd()
    printed.push("----", ...(output === "" ? ["ok"] : output.split("\n")))
    if (at + 1 >= source.length) printed.push("")
  }
  return printed
}

function parse(line: string): Command {
  const words = line.split(/\s+/).filter((word) => word !== "")
  const options = new Map<string, string>()
  const positional: Array<string> = []
  for (const word of words.slice(1)) {
    const equals = word.indexOf("=")
    if (equals < 0) positional.push(word)
    else options.set(word.slice(0, equals), word.slice(equals + 1))
  }
  return { name: words[0] ?? "", positional, options, line }
}
