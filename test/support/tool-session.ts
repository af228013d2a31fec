import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { until } from "../../scripts/harness/until.ts"
import { Client, parseBootstrap } from "../../src/client/client.ts"
import { describeGroup } from "../../src/client/groups.ts"
import { runConfigsTool } from "../../src/cli/kafka/configs-tool.ts"
import { runConsoleConsumerTool } from "../../src/cli/kafka/console-consumer-tool.ts"
import { runConsoleProducerTool } from "../../src/cli/kafka/console-producer-tool.ts"
import { runConsumerGroupsTool } from "../../src/cli/kafka/consumer-groups-tool.ts"
import { runDeleteRecordsTool } from "../../src/cli/kafka/delete-records-tool.ts"
import { runGetOffsetsTool } from "../../src/cli/kafka/get-offsets-tool.ts"
import { runLeaderElectionTool } from "../../src/cli/kafka/leader-election-tool.ts"
import { runLogDirsTool } from "../../src/cli/kafka/log-dirs-tool.ts"
import { runMetadataQuorumTool } from "../../src/cli/kafka/metadata-quorum-tool.ts"
import { runTopicsTool } from "../../src/cli/kafka/topics-tool.ts"

/** One step of a recorded session (`scripts/capture-kafka-tools.ts`). */
export interface Step {
  readonly tool?: string
  readonly args?: ReadonlyArray<string>
  readonly stdin?: string
  readonly files?: Readonly<Record<string, string>>
  readonly hold?: string
  readonly release?: string
  readonly settled?: string
  readonly members?: number
  readonly exit?: number
  readonly stdout?: string
  readonly stderr?: string
}

export interface Printed {
  readonly exit: number
  readonly stdout: string
  readonly stderr: string
}

type Run = (
  argv: ReadonlyArray<string>,
  output: Output,
  stdin: string,
  stop: AbortSignal,
) => Promise<number>

class Output {
  readonly #out: Array<Uint8Array> = []
  readonly #err: Array<string> = []
  readonly out = (text: string) => void this.#out.push(Buffer.from(text))
  readonly err = (text: string) => void this.#err.push(text)
  readonly bytes = (bytes: Uint8Array) => {
    this.#out.push(bytes)
    return true
  }
  get printed() {
    return { stdout: Buffer.concat(this.#out).toString(), stderr: this.#err.join("") }
  }
}

async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text)
}

const plain =
  (run: (argv: ReadonlyArray<string>, output: Output) => Promise<number>): Run =>
  (argv, output) =>
    run(argv, output)

const tools: Readonly<Record<string, Run>> = {
  "kafka-topics": plain(runTopicsTool),
  "kafka-consumer-groups": plain(runConsumerGroupsTool),
  "kafka-configs": plain(runConfigsTool),
  "kafka-get-offsets": plain(runGetOffsetsTool),
  "kafka-delete-records": plain(runDeleteRecordsTool),
  "kafka-log-dirs": plain(runLogDirsTool),
  "kafka-leader-election": plain(runLeaderElectionTool),
  "kafka-metadata-quorum": plain(runMetadataQuorumTool),
  "kafka-console-producer": (argv, output, stdin) =>
    runConsoleProducerTool(argv, output, once(stdin)),
  "kafka-console-consumer": (argv, output, _, stop) => runConsoleConsumerTool(argv, output, stop),
}

/** Runs the steps of a session in this process, against any cluster. */
export class ToolSession {
  readonly #bootstrap: string
  readonly #dir = mkdtempSync(join(tmpdir(), "varve-tools-"))
  readonly #held = new Map<string, { readonly stop: () => void; readonly done: Promise<unknown> }>()

  constructor(bootstrap: string) {
    this.#bootstrap = bootstrap
  }

  /** What our tool prints; undefined for a step that prints nothing of interest. */
  async run(step: Step): Promise<Printed | undefined> {
    for (const [name, text] of Object.entries(step.files ?? {})) {
      writeFileSync(join(this.#dir, name), text)
    }
    if (step.release !== undefined) await this.#release(step.release)
    const printed = await this.#print(step)
    if (step.settled !== undefined) await this.#settle(step.settled, step.members)
    return printed
  }

  async dispose(): Promise<void> {
    for (const name of this.#held.keys()) await this.#release(name)
    rmSync(this.#dir, { recursive: true, force: true })
  }

  async #print(step: Step): Promise<Printed | undefined> {
    const run = tools[step.tool ?? ""]
    if (run === undefined) return undefined
    const args = (step.args ?? []).map((word) =>
      word.replaceAll("{bootstrap}", this.#bootstrap).replaceAll("{dir}", this.#dir),
    )
    const output = new Output()
    const stop = new AbortController()
    const done = run(args, output, step.stdin ?? "", stop.signal)
    if (step.hold !== undefined) {
      this.#held.set(step.hold, { stop: () => stop.abort(), done })
      return undefined
    }
    const exit = await done
    const { stdout, stderr } = output.printed
    return { exit, stdout: this.#emptied(stdout), stderr: this.#emptied(stderr) }
  }

  async #release(name: string): Promise<void> {
    const held = this.#held.get(name)
    held?.stop()
    await held?.done
    this.#held.delete(name)
  }

  #emptied(text: string): string {
    return text.replaceAll(this.#bootstrap, "{bootstrap}").replaceAll(this.#dir, "{dir}")
  }

  async #settle(group: string, members: number | undefined): Promise<void> {
    const client = new Client({ bootstrap: parseBootstrap(this.#bootstrap) ?? [] })
    await until(`group ${group} to settle`, async () => {
      const found = await describeGroup(client, group)
      if (members === 0) return found.state === "Empty"
      return found.state === "Stable" && (members === undefined || found.members.length === members)
    }).finally(() => client.close())
  }
}

/** Without the logger's lines and the help, as in the recordings. */
export function withoutNoise(stderr: string): string {
  const lines = stderr.split("\n")
  const help = lines.findIndex((line) => /^Option +Description/.test(line))
  return (help < 0 ? lines : [...lines.slice(0, help), ""])
    .filter((line) => !/^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+\] /.test(line))
    .join("\n")
    .trim()
}
