/**
 * Text patches of sources as they are loaded, for `--preload` modules: planted bugs, storage that
 * fails, the power shim. Several may be given to one process and may patch the same file; they are
 * applied in the order in which they were asked for. Of this thread alone, see `preloadWorkers`.
 */
import { readFileSync } from "node:fs"
import { plugin } from "bun"

/** The patched text; may throw when it does not fit, and the program then does not start. */
export type SourcePatch = (source: string, path: string) => string

const patches = new Map<string, Array<SourcePatch>>()
const preloads: Array<string> = []

/** `paths` absolute. Before any of them is imported. */
export function patchSources(paths: ReadonlyArray<string>, patch: SourcePatch): void {
  for (const path of paths) patches.set(path, [...(patches.get(path) ?? []), patch])
  const filter = new RegExp(`^(${paths.map((path) => RegExp.escape(path)).join("|")})$`)
  plugin({
    name: "source patches",
    setup(build) {
      // Of several that match a file only the first is asked: it speaks for all.
      build.onLoad({ filter }, ({ path }) => ({ contents: patched(path), loader: "ts" }))
    },
  })
}

function patched(path: string): string {
  const source = readFileSync(path, "utf8")
  return (patches.get(path) ?? []).reduce((text, patch) => patch(text, path), source)
}

/** A worker does not inherit its parent's preload: every one of this process gets this module. */
export function preloadWorkers(module: string): void {
  preloads.push(module)
  if (preloads.length > 1) return
  globalThis.Worker = class extends Worker {
    constructor(url: string | URL, options?: WorkerOptions) {
      super(url, { ...options, preload: preloads })
    }
  }
}
