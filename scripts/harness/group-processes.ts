/** Members of a group as processes, and what they have said. */
import { join } from "node:path"
import type { Subprocess } from "bun"
import { until } from "./until.ts"
import { root } from "./target.ts"

export interface Joined {
  readonly member: string
  readonly partitions: ReadonlyArray<number>
}

export class MemberProcess {
  readonly joins: Array<Joined> = []
  readonly read: Array<{ readonly partition: number; readonly offset: number }> = []
  /** By partition, what the broker has acknowledged. */
  readonly committed = new Map<number, number>()
  readonly #child: Subprocess<"pipe", "pipe", "pipe">

  private constructor(command: ReadonlyArray<string>) {
    this.#child = Bun.spawn([...command], { stdin: "pipe", stdout: "pipe", stderr: "pipe" })
    void readLines(this.#child.stdout, (line) => this.#heard(line))
    void readLines(this.#child.stderr, (line) => this.#wasGiven(line))
  }

  static kafkajs(options: Readonly<Record<string, string>>): MemberProcess {
    const program = join(root, "test", "integration", "drivers", "kafkajs-group.ts")
    const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])
    return new MemberProcess([process.execPath, program, ...flags])
  }

  /** kcat -G commits by itself, every 100 ms here, and says on stderr what it is given. */
  static kcat(bootstrap: string, group: string, topic: string): MemberProcess {
    const settings = [
      "session.timeout.ms=6000",
      "heartbeat.interval.ms=300",
      "auto.offset.reset=earliest",
      "auto.commit.interval.ms=100",
      "fetch.wait.max.ms=100",
    ].flatMap((setting) => ["-X", setting])
    const output = ["-u", "-f", "read %p %o %s\n"]
    const command = ["kcat", "-b", bootstrap, ...settings, ...output, "-G", group, topic]
    return new MemberProcess(command)
  }

  get pid(): number {
    return this.#child.pid
  }

  get partitions(): ReadonlyArray<number> {
    return this.joins.at(-1)?.partitions ?? []
  }

  kill(): void {
    this.#child.kill("SIGKILL")
  }

  async leave(): Promise<void> {
    await this.#child.stdin.end()
    await this.#child.exited
  }

  /** `% Group g rebalanced (memberid m): assigned: t [0], t [2]`. */
  #wasGiven(line: string): void {
    const [, memberId = "", given = ""] =
      /rebalanced \(memberid ([^)]*)\): assigned:(.*)/.exec(line) ?? []
    if (memberId === "") return
    const partitions = [...given.matchAll(/\[(\d+)\]/g)].map(([, number]) => Number(number))
    this.joins.push({ member: memberId, partitions })
  }

  #heard(line: string): void {
    const [what = "", first = "", second = "", third = ""] = line.split(" ")
    if (what === "join") {
      const partitions = third === "" ? [] : third.split(",").map(Number)
      this.joins.push({ member: second, partitions })
    } else if (what === "read") this.read.push({ partition: Number(first), offset: Number(second) })
    else if (what === "commit") this.committed.set(Number(first), Number(second))
  }
}

async function readLines(
  stream: ReadableStream<Uint8Array>,
  heard: (line: string) => void,
): Promise<void> {
  const decoder = new TextDecoder()
  let rest = ""
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n")
    rest = lines.pop() ?? ""
    for (const line of lines) heard(line)
  }
}

/** Each owns some, and together they own every partition, each once. */
export const untilShared = (members: ReadonlyArray<MemberProcess>, partitions: number) =>
  until(
    `${members.length} members to share ${partitions} partitions`,
    () => {
      if (members.some((member) => member.partitions.length === 0)) return false
      const owned = members.flatMap((member) => member.partitions)
      const all = new Set(owned)
      return owned.length === partitions && all.size === partitions
    },
    { timeoutMs: 30_000 },
  )
