/**
 * What runs a broker or a command: the bundle if it is there and newer than every source, else the
 * source.
 */
import { existsSync, readdirSync, statSync } from "node:fs"
import { join } from "node:path"

/** The repository root, seen from src/cli; in the bundle, the folder above dist. */
export const root = join(import.meta.dir, import.meta.dir.endsWith("dist") ? ".." : "../..")

export type Entry = "start" | "commands"

interface Program {
  readonly run: (argv: ReadonlyArray<string>) => Promise<void>
}

/** Absolute path of the module that implements `entry`. */
export function programModule(entry: Entry): string {
  const bundled = join(root, "dist", `${entry}.js`)
  const source = join(root, "src", "cli", `${entry}.ts`)
  if (!existsSync(bundled)) return source
  if (!existsSync(source)) return bundled
  return newestSourceMs(root) <= statSync(bundled).mtimeMs ? bundled : source
}

export async function runProgram(entry: Entry, argv: ReadonlyArray<string>): Promise<void> {
  const path = programModule(entry)
  if (!path.endsWith(".js")) {
    const { run } = await (entry === "start" ? import("./start.ts") : import("./commands.ts"))
    return run(argv)
  }
  const program: unknown = await import(path)
  if (!isProgram(program)) throw new Error(`${path} is not a command`)
  return program.run(argv)
}

function isProgram(program: unknown): program is Program {
  return (
    typeof program === "object" &&
    program !== null &&
    "run" in program &&
    typeof program.run === "function"
  )
}

function newestSourceMs(folder: string): number {
  let newest = statSync(join(folder, "package.json")).mtimeMs
  for (const name of ["raft", "storage", "src"]) {
    for (const file of readdirSync(join(folder, name), { recursive: true, withFileTypes: true })) {
      if (!file.isFile() || !file.name.endsWith(".ts")) continue
      newest = Math.max(newest, statSync(join(file.parentPath, file.name)).mtimeMs)
    }
  }
  return newest
}
