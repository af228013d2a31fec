import { existsSync, readFileSync } from "node:fs"
import { dirname, join, normalize } from "node:path"

/** The repository's own sources, as text, for the tests that check the house. */

export const root = join(import.meta.dir, "..", "..")

const folders = ["raft", "storage", "src", "test", "scripts", "examples"]

export interface Source {
  /** From the root, with slashes. */
  readonly path: string
  readonly text: string
  readonly lines: ReadonlyArray<string>
  readonly imports: ReadonlyArray<Import>
}

export interface Import {
  /** As written. */
  readonly specifier: string
  /** The file from the root, where the specifier is relative; otherwise undefined. */
  readonly file: string | undefined
  readonly typesOnly: boolean
}

const statement =
  /(?:^|\n)\s*(?:import|export)\s+(type\s+)?(?:[^"';]*?\sfrom\s+)?"([^"\n]+)"|\bimport\(\s*"([^"\n]+)"\s*\)/g

function importsOf(path: string, text: string): Array<Import> {
  return Array.from(text.matchAll(statement), ([, types, specifier, dynamic]) => {
    const name = specifier ?? dynamic ?? ""
    const isRelative = name.startsWith(".")
    const file = isRelative ? normalize(join(dirname(path), name)) : undefined
    return { specifier: name, file, typesOnly: types !== undefined }
  })
}

function read(path: string): Source {
  const text = readFileSync(join(root, path), "utf8")
  return { path, text, lines: text.split("\n"), imports: importsOf(path, text) }
}

const listed = (pattern: string): Array<string> =>
  folders
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) => [...new Bun.Glob(`${folder}/**/${pattern}`).scanSync(root)])
    .toSorted()

/** Every TypeScript file but those that a compiler or a test wrote. */
export const sources: ReadonlyArray<Source> = listed("*.ts").map(read)

export const files = (pattern: string): ReadonlyArray<string> => listed(pattern)

export const textOf = (path: string): string => readFileSync(join(root, path), "utf8")

export const exists = (path: string): boolean => existsSync(join(root, path))
