import { join } from "node:path"
import { root } from "../../scripts/harness/target.ts"

export interface CliRun {
  readonly exit: number | null
  readonly stdout: string
  readonly stderr: string
  readonly elapsedMs: number
  /** Time of a processor that it took, whatever else the machine does. */
  readonly cpuMs: number
}

/** Runs `src/cli/<script>` to its end. */
export async function runCli(
  script: string,
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {},
): Promise<CliRun> {
  const startedMs = performance.now()
  const child = Bun.spawn([process.execPath, join(root, "src/cli", script), ...args], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, ...env },
  })
  const [stdout, stderr, exit] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  const cpuMs = Number(child.resourceUsage()?.cpuTime.total ?? 0) / 1000
  return { exit, stdout, stderr, elapsedMs: performance.now() - startedMs, cpuMs }
}
