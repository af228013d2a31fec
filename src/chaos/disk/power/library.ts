/** The shim as a library for LD_PRELOAD, built where there is a C compiler. */
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs"
import { tmpdir, userInfo } from "node:os"
import { join } from "node:path"

export type Shim = { readonly library: string } | { readonly missing: string }

/**
 * The library's path, or in a few words why there is none. Built once for each version of its
 * source, in a folder of this user's under the system's temporary one.
 */
export function buildShim(): Shim {
  if (process.platform !== "linux") return { missing: "LD_PRELOAD as used here is Linux's" }
  const source = join(import.meta.dir, "power.c")
  const version = Bun.hash(readFileSync(source)).toString(36)
  const dir = join(tmpdir(), `varve-shim-${userInfo().uid}`)
  const library = join(dir, `power-${process.arch}-${version}.so`)
  if (existsSync(library)) return { library }
  const compiler = Bun.which("cc") ?? Bun.which("gcc") ?? Bun.which("clang")
  if (compiler === null) return { missing: "there is no C compiler" }
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  // Others may build it at the same time: it appears whole.
  const aside = `${library}.${process.pid}`
  const built = Bun.spawnSync([compiler, "-O2", "-fPIC", "-shared", "-o", aside, source, "-ldl"])
  if (!built.success) return { missing: `the shim does not build: ${built.stderr.toString()}` }
  renameSync(aside, library)
  return { library }
}
