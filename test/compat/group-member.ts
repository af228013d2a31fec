/** Members of a group as processes of clients that others wrote, and what they said they owned. */
import { existsSync } from "node:fs"
import { join } from "node:path"
import type { Subprocess } from "bun"
import { confluent, pythonKafka, type ForeignClient } from "../../scripts/harness/foreign.ts"
import { flags } from "../../scripts/harness/run.ts"
import { referenceKafka, root } from "../../scripts/harness/target.ts"
import { until } from "../../scripts/harness/until.ts"

const drivers = join(root, "test", "integration", "drivers")

export interface MemberOptions {
  readonly bootstrap: string
  readonly group: string
  readonly topic: string
  /** Topics by pattern instead, for clients that `matches`. */
  readonly pattern?: string
}

export interface GroupClient extends ForeignClient {
  /** After `command`. */
  readonly words: (options: MemberOptions) => ReadonlyArray<string>
  readonly strategy: string
  /** How late it may tell of what it owns. */
  readonly lateMs: number
  /** It joins again by itself when a topic grows; some keep what they knew when they began. */
  readonly seesGrowth: boolean
  /** It subscribes by pattern and finds topics that come later. */
  readonly matches: boolean
}

const sessionMs = 6_000

const driven = (client: ForeignClient, program: string, strategy: string): GroupClient => ({
  ...client,
  matches: program.endsWith(".py"),
  name: `${client.name}, ${strategy}`,
  strategy,
  command: [client.command[0] ?? "", join(drivers, program)],
  words: ({ pattern, ...options }) => flags({ ...options, pattern, session: sessionMs, strategy }),
  lateMs: 0,
  seesGrowth: true,
})

const java = Bun.which("java") !== null && Bun.which("mvn") !== null && existsSync(referenceKafka)

const verifiable = (strategy: string, words: ReadonlyArray<string>): GroupClient => ({
  name: `Java's verifiable consumer, ${strategy}`,
  matches: false,
  available: java,
  strategy,
  command: [referenceKafka, "kafka-verifiable-consumer"],
  words: ({ bootstrap, group, topic }) => [
    ...flags({ "bootstrap-server": bootstrap, "group-id": group, topic }),
    ...words,
  ],
  lateMs: 0,
  seesGrowth: true,
})

const platformatic: ForeignClient = {
  name: "@platformatic/kafka",
  available: true,
  command: [process.execPath],
}

const assignor = "org.apache.kafka.clients.consumer.CooperativeStickyAssignor"

export const groupClients: ReadonlyArray<GroupClient> = [
  driven(pythonKafka, "python_kafka_group.py", "range"),
  driven(confluent, "confluent_group.py", "range"),
  driven(confluent, "confluent_group.py", "cooperative-sticky"),
  {
    ...driven(platformatic, "platformatic-group.ts", "classic"),
    lateMs: 150,
    seesGrowth: false,
  },
  { ...driven(platformatic, "platformatic-group.ts", "consumer"), lateMs: 150 },
  verifiable("cooperative-sticky", [
    // By default it looks for new partitions every five minutes.
    ...flags({ "command-config": join(drivers, "verifiable-consumer.properties") }),
    ...flags({ "assignment-strategy": assignor, "session-timeout": sessionMs }),
    "--enable-autocommit",
  ]),
  verifiable("consumer", ["--group-protocol", "consumer", "--enable-autocommit"]),
]

interface Owned {
  readonly fromMs: number
  readonly partitions: ReadonlySet<number>
}

export class GroupMember {
  readonly history: Array<Owned> = []
  readonly read = new Set<string>()
  /** It owns nothing from then on, whatever it said. */
  endedMs = Number.POSITIVE_INFINITY
  private readonly child: Subprocess<"pipe", "pipe", "pipe">
  private said = ""

  constructor(client: GroupClient, options: MemberOptions) {
    this.child = Bun.spawn([...client.command, ...client.words(options)], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
      env: { ...process.env, KAFKA_HEAP_OPTS: "-Xmx128m" },
    })
    void this.listen(this.child.stdout, (line) => this.heard(line))
    void this.listen(this.child.stderr, (line) => {
      this.said = `${this.said}\n${line}`.slice(-2_000)
    })
  }

  get partitions(): ReadonlyArray<number> {
    return [...(this.history.at(-1)?.partitions ?? [])]
  }

  /** The end of what it said on stderr, for the message of a failing test. */
  get tail(): string {
    return this.said
  }

  kill(): void {
    this.child.kill("SIGKILL")
    this.endedMs = Date.now()
  }

  /** As its user ends it. */
  async leave(): Promise<void> {
    await this.child.stdin.end()
    this.child.kill("SIGTERM")
    await this.child.exited
    this.endedMs = Date.now()
  }

  private async listen(stream: ReadableStream<Uint8Array>, heard: (line: string) => void) {
    const decoder = new TextDecoder()
    let rest = ""
    for await (const chunk of stream) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n")
      rest = lines.pop() ?? ""
      for (const line of lines) heard(line)
    }
  }

  private heard(line: string): void {
    if (line.startsWith("{")) return this.heardEvent(line)
    const [what = "", first = "", second = ""] = line.split(" ")
    if (what === "own") {
      const partitions = second === "" ? [] : second.split(",").map(Number)
      this.history.push({ fromMs: Number(first), partitions: new Set(partitions) })
    } else if (what === "read") this.read.add(`${first} ${second}`)
  }

  /** Of Java's verifiable consumer: what was added, what was taken away, what was read. */
  private heardEvent(line: string): void {
    const event: {
      readonly name: string
      readonly timestamp: number
      readonly partitions?: ReadonlyArray<{
        readonly partition: number
        readonly minOffset?: number
        readonly maxOffset?: number
      }>
    } = JSON.parse(line)
    const changed = event.partitions ?? []
    const owned = new Set(this.partitions)
    switch (event.name) {
      case "partitions_assigned":
        for (const { partition } of changed) owned.add(partition)
        this.history.push({ fromMs: event.timestamp, partitions: owned })
        break
      case "partitions_revoked":
        for (const { partition } of changed) owned.delete(partition)
        this.history.push({ fromMs: event.timestamp, partitions: owned })
        break
      case "records_consumed":
        for (const { partition, minOffset = 0, maxOffset = -1 } of changed) {
          for (let at = minOffset; at <= maxOffset; at++) this.read.add(`${partition} ${at}`)
        }
        break
      default:
        break
    }
  }
}

/** As many as can own some, and together they own every partition, each once. */
export const untilShared = (members: ReadonlyArray<GroupMember>, partitions: number) =>
  until(
    `${members.length} members to share ${partitions} partitions`,
    () => {
      const owned = members.flatMap((member) => member.partitions)
      const owners = members.filter((member) => member.partitions.length > 0)
      const all = owners.length === Math.min(members.length, partitions)
      if (all && owned.length === partitions && new Set(owned).size === partitions) return true
      throw new Error(members.map((one) => `[${one.partitions.join(" ")}]${one.tail}`).join("; "))
    },
    { timeoutMs: 45_000 },
  )

interface Span {
  readonly partition: number
  readonly member: number
  readonly fromMs: number
  readonly toMs: number
}

function spansOf({ history, endedMs }: GroupMember, member: number): ReadonlyArray<Span> {
  return history.flatMap(({ fromMs, partitions }, i) => {
    const toMs = Math.min(endedMs, history[i + 1]?.fromMs ?? Number.POSITIVE_INFINITY)
    return [...partitions].map((partition) => ({ partition, member, fromMs, toMs }))
  })
}

/** Every time in which two members owned one partition for longer than `lateMs`. */
export function ownedByTwo(members: ReadonlyArray<GroupMember>, lateMs: number) {
  const spans = members.flatMap(spansOf)
  return spans.flatMap((a) =>
    spans.flatMap((b) => {
      if (a.partition !== b.partition || a.member >= b.member) return []
      const bothMs = Math.min(a.toMs, b.toMs) - Math.max(a.fromMs, b.fromMs)
      return bothMs > lateMs ? [{ partition: a.partition, bothMs }] : []
    }),
  )
}
