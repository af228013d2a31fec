import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Client, parseBootstrap } from "../src/client/client.ts"
import { describeGroup } from "../src/client/groups.ts"
import { root } from "./harness/target.ts"
import { until } from "./harness/until.ts"

/**
 * Records anew what Kafka's own tools print for the steps of a fixture, one session after the
 * other against one broker:
 *
 *   ../shared/kafka/reference-kafka cluster --nodes 1 --port 29092 --fresh \
 *     --set group.initial.rebalance.delay.ms=0
 *   bun scripts/capture-kafka-tools.ts ../shared/kafka/reference-kafka 127.0.0.1:29092 4.3.1 \
 *     consumer-groups offsets-and-logs configs produce-consume
 *   oxfmt test/cli/fixtures
 *
 * The cluster must be empty. Of stderr the logger's lines, the stack traces and the help are left
 * out. `hold` starts a tool and leaves it running until `release`, `settled` waits until that
 * group is stable or, with `members`, has so many.
 */
interface Case {
  readonly tool?: string
  readonly args?: ReadonlyArray<string>
  readonly stdin?: string
  readonly files?: Readonly<Record<string, string>>
  readonly hold?: string
  readonly release?: string
  readonly settled?: string
  readonly members?: number
  readonly exit?: number | null
  readonly stdout?: string
  readonly stderr?: string
}

interface Fixture {
  readonly kafka: string
  readonly cases: ReadonlyArray<Case>
}

const [script, bootstrap, version, ...sessions] = process.argv.slice(2)
if (!script || !bootstrap || !version) {
  throw new Error("usage: capture-kafka-tools.ts TOOL BOOTSTRAP VERSION SESSION…")
}
const tool = script
const servers = bootstrap
const folder = mkdtempSync(join(tmpdir(), "varve-tools-"))
const held = new Map<string, Bun.Subprocess>()

const filled = (text: string) => text.replaceAll("{bootstrap}", servers).replaceAll("{dir}", folder)

const emptied = (text: string) =>
  text
    .replaceAll(servers, "{bootstrap}")
    .replaceAll(folder, "{dir}")
    .replaceAll(/(?<="logDir":"|log\.dirs=)[^" ,}]+/g, "{log.dirs}")
    .replaceAll(/(?<=ClusterId: +)\S{22}/g, "{cluster.id}")

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

async function settle(group: string, members: number | undefined): Promise<void> {
  const client = new Client({ bootstrap: parseBootstrap(servers) ?? [] })
  await until(
    `group ${group} to settle`,
    async () => {
      const found = await describeGroup(client, group).catch(() => undefined)
      if (found === undefined) return false
      if (members === 0) return found.state === "Empty"
      return found.state === "Stable" && (members === undefined || found.members.length === members)
    },
    { timeoutMs: 60_000, everyMs: 200 },
  )
  client.close()
}

async function run(step: Case): Promise<Case> {
  for (const [name, text] of Object.entries(step.files ?? {})) {
    writeFileSync(join(folder, name), text)
  }
  if (step.release !== undefined) {
    const child = held.get(step.release)
    child?.kill("SIGTERM")
    await child?.exited
  }
  if (step.tool !== undefined) {
    const words = [tool, step.tool, ...(step.args ?? []).map(filled)]
    if (step.hold !== undefined) {
      const quiet = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const
      held.set(step.hold, Bun.spawn(words, quiet))
    } else {
      const child = Bun.spawnSync(words, { stdin: new TextEncoder().encode(step.stdin ?? "") })
      const { stdin, ...rest } = step
      return {
        ...rest,
        ...(stdin === undefined ? {} : { stdin }),
        exit: child.exitCode,
        stdout: emptied(child.stdout.toString()),
        stderr: emptied(withoutNoise(child.stderr.toString())),
      }
    }
  }
  if (step.settled !== undefined) await settle(step.settled, step.members)
  return step
}

for (const session of sessions) {
  const path = join(root, `test/cli/fixtures/kafka-tools/${session}.json`)
  const fixture: Fixture = await Bun.file(path).json()
  const cases: Case[] = []
  for (const [i, step] of fixture.cases.entries()) {
    console.log(`${session} ${i + 1}/${fixture.cases.length}: ${step.tool ?? ""}`)
    cases.push(await run(step))
  }
  await Bun.write(path, `${JSON.stringify({ kafka: version, cases }, null, 2)}\n`)
}
for (const child of held.values()) child.kill("SIGTERM")
rmSync(folder, { recursive: true, force: true })
