/** Kafka's own tools, step after step, as the fixtures of the CLI's tests hold them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Client, parseBootstrap } from "../../src/client/client.ts"
import { describeGroup } from "../../src/client/groups.ts"
import { until } from "../harness/until.ts"

export interface Step {
  readonly tool?: string
  readonly args?: ReadonlyArray<string>
  readonly stdin?: string
  /** Written into the session's folder, `{dir}` in the arguments. */
  readonly files?: Readonly<Record<string, string>>
  /** Starts the tool and leaves it running until `release`. */
  readonly hold?: string
  readonly release?: string
  /** Waits until that group is stable, or has so many members. */
  readonly settled?: string
  readonly members?: number
  readonly exit?: number | null
  readonly stdout?: string
  readonly stderr?: string
}

export interface Said {
  readonly exit: number | null
  readonly stdout: string
  readonly stderr: string
}

const toolTimeoutMs = 120_000

export class Session {
  private readonly script: string
  private readonly bootstrap: string
  private readonly folder = mkdtempSync(join(tmpdir(), "varve-tools-"))
  private readonly held = new Map<string, Bun.Subprocess>()

  /** `script` takes the tool's name and its arguments. */
  constructor(script: string, bootstrap: string) {
    this.script = script
    this.bootstrap = bootstrap
  }

  /** What a tool said; undefined for a step that starts none to its end. */
  async run(step: Step): Promise<Said | undefined> {
    for (const [name, text] of Object.entries(step.files ?? {})) {
      writeFileSync(join(this.folder, name), text)
    }
    if (step.release !== undefined) await this.release(step.release)
    const words = [
      this.script,
      step.tool ?? "",
      ...(step.args ?? []).map((one) => this.filled(one)),
    ]
    let said: Said | undefined
    if (step.tool !== undefined && step.hold !== undefined) {
      const quiet = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const
      this.held.set(step.hold, Bun.spawn(words, quiet))
    } else if (step.tool !== undefined) said = await this.finished(words, step.stdin ?? "")
    if (step.settled !== undefined) await this.settle(step.settled, step.members)
    return said
  }

  async close(): Promise<void> {
    for (const name of this.held.keys()) await this.release(name)
    rmSync(this.folder, { recursive: true, force: true })
  }

  private async finished(words: Array<string>, stdin: string): Promise<Said> {
    const options = { stdin: Buffer.from(stdin), stdout: "pipe", stderr: "pipe" } as const
    const child = Bun.spawn(words, { ...options, timeout: toolTimeoutMs })
    const [out, err] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ])
    const exit = await child.exited
    return { exit, stdout: this.emptied(out), stderr: this.emptied(withoutNoise(err)) }
  }

  private async release(name: string): Promise<void> {
    const child = this.held.get(name)
    child?.kill("SIGTERM")
    await child?.exited
    this.held.delete(name)
  }

  private filled(text: string): string {
    return text.replaceAll("{bootstrap}", this.bootstrap).replaceAll("{dir}", this.folder)
  }

  private emptied(text: string): string {
    return text
      .replaceAll(this.bootstrap, "{bootstrap}")
      .replaceAll(this.folder, "{dir}")
      .replaceAll(/(?<="logDir":"|log\.dirs=)[^" ,}]+/g, "{log.dirs}")
      .replaceAll(/(?<=ClusterId: +)\S{22}/g, "{cluster.id}")
  }

  private async settle(group: string, members: number | undefined): Promise<void> {
    const client = new Client({ bootstrap: parseBootstrap(this.bootstrap) ?? [] })
    await until(
      `group ${group} to settle`,
      async () => {
        const found = await describeGroup(client, group)
        if (members === 0) return found.state === "Empty"
        const isComplete = members === undefined || found.members.length === members
        return found.state === "Stable" && isComplete
      },
      { timeoutMs: 60_000, everyMs: 200 },
    )
    client.close()
  }
}

/** Without the logger's lines, the stack traces and the help. */
function withoutNoise(stderr: string): string {
  const lines = stderr.split("\n")
  const help = lines.findIndex((line) => /^Option +Description/.test(line))
  return (help < 0 ? lines : [...lines.slice(0, help), ""])
    .filter(
      (line) => !/^\d\d:\d\d:\d\d\.\d+ \[|^\tat |^Caused by|^\t\.\.\. |^\t?Suppressed: /.test(line),
    )
    .join("\n")
    .replace(/^\n+$/, "")
}
