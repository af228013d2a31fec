/**
 * kafka-metadata-quorum as a function of its arguments: `describe --status` and `--replication`.
 * Its parser is another one than that of the other tools. Controllers are added to and removed from
 * varve by other means (brokers join and leave).
 */
import { existsSync } from "node:fs"
import { describeMetadataQuorum } from "../../client/cluster.ts"
import type { Quorum, QuorumAnswer } from "../../client/cluster.ts"
import { describeCluster } from "../../protocol/messages/describe-cluster.ts"
import { uuidToBase64, zeroUuid } from "../../protocol/uuid.ts"
import { asToolError } from "./tool-error.ts"
import { terseError, isTerse, withToolClient } from "./tool-frame.ts"
import { ToolOptions } from "./tool-options.ts"
import { standardOutput } from "./tool-output.ts"
import type { ToolOutput } from "./tool-output.ts"

const usage = `usage: kafka-metadata-quorum [-h] [--command-config COMMAND_CONFIG]
                             (--bootstrap-server BOOTSTRAP_SERVER |
                             --bootstrap-controller BOOTSTRAP_CONTROLLER)
                             {describe,add-controller,remove-controller}
                             ...
`

const help = `${usage}
This tool describes kraft metadata quorum status.

positional arguments:
  {describe}
    describe             Describe the metadata quorum info:
                         --status, or --replication [--human-readable]

named arguments:
  -h, --help             show this help message and exit
  --bootstrap-server BOOTSTRAP_SERVER
                         host:port of brokers, several with commas
  --command-config COMMAND_CONFIG
                         a file of client settings
`

class ArgumentError extends Error {
  override readonly name = "ArgumentError"
}

interface Arguments {
  readonly values: Map<string, string[]>
  readonly command: string
}

const valued = ["bootstrap-server", "bootstrap-controller", "command-config"]
const switches = ["status", "replication", "human-readable"]
const commands = ["describe", "add-controller", "remove-controller"]

function parse(argv: ReadonlyArray<string>): Arguments {
  const values = new Map<string, string[]>()
  let command: string | undefined
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] ?? ""
    const [name = "", given] = /^--([^=]+)(?:=(.*))?$/s.exec(word)?.slice(1) ?? []
    if (valued.includes(name)) {
      const value = given ?? argv[++i]
      if (value === undefined) throw new ArgumentError(`argument --${name}: expected one argument`)
      const other = name.endsWith("server") ? "bootstrap-controller" : "bootstrap-server"
      if (name.startsWith("bootstrap") && values.has(other)) {
        throw new ArgumentError(`argument --${name}: not allowed with argument --${other}`)
      }
      values.set(name, [value])
    } else if (command !== undefined && switches.includes(name)) values.set(name, [])
    else if (word.startsWith("-")) throw new ArgumentError(`unrecognized arguments: '${word}'`)
    else if (command === undefined) command = checkedCommand(word)
    else throw new ArgumentError(`unrecognized arguments: '${word}'`)
  }
  if (command === undefined) throw new ArgumentError("too few arguments")
  if (!values.has("bootstrap-server") && !values.has("bootstrap-controller")) {
    const names = "--bootstrap-server --bootstrap-controller"
    throw new ArgumentError(`one of the arguments ${names} is required`)
  }
  return { values, command }
}

function checkedCommand(word: string): string {
  if (commands.includes(word)) return word
  const names = commands.map((name) => `'${name}'`).join(", ")
  throw new ArgumentError(`invalid choice: '${word}' (choose from ${names})`)
}

/** Gives the exit code. */
export async function runMetadataQuorumTool(
  argv: ReadonlyArray<string>,
  output: ToolOutput = standardOutput,
): Promise<number> {
  if (argv.includes("-h") || argv.includes("--help")) {
    output.out(help)
    return 0
  }
  try {
    await run(parse(argv), output)
    return 0
  } catch (error) {
    if (error instanceof ArgumentError) {
      output.err(`${usage}kafka-metadata-quorum: error: ${error.message}\n`)
      return 1
    }
    const known = asToolError(error, "describeMetadataQuorum")
    output.err(`${known.message}\n`)
    if (!isTerse(known)) output.err(`${known.toString()}\n\n`)
    return 1
  }
}

async function run({ values, command }: Arguments, output: ToolOutput): Promise<void> {
  const options = new ToolOptions(values)
  const config = options.text("command-config")
  if (config !== undefined && !existsSync(config)) {
    throw terseError(`Properties file ${config} does not exists!`)
  }
  if (options.has("bootstrap-controller")) {
    throw terseError("varve has no controllers of their own: use --bootstrap-server")
  }
  if (command !== "describe") {
    throw terseError(`${command} is not available: brokers join and leave varve by themselves`)
  }
  const [status, replication] = [options.has("status"), options.has("replication")]
  if (status && replication) {
    throw terseError(
      "Only one of --status or --replication should be specified with describe sub-command",
    )
  }
  if (!status && !replication) {
    throw terseError("One of --status or --replication must be specified with describe sub-command")
  }
  if (status && options.has("human-readable")) {
    throw terseError("The option --human-readable is only supported along with --replication")
  }
  await withToolClient(options, { clientId: "kafka-metadata-quorum" }, async (client) => {
    if (replication) {
      const { quorum } = await describeMetadataQuorum(client)
      const ageOf = options.has("human-readable") ? Date.now() : undefined
      return output.out(formatReplication(quorum, ageOf))
    }
    const { clusterId } = await client.ask(describeCluster, {})
    const { quorum, nodes } = await describeMetadataQuorum(client)
    output.out(formatStatus(clusterId, quorum, nodes))
  })
}

type ReplicaState = Quorum["currentVoters"][number]

export function formatStatus(
  clusterId: string,
  quorum: Quorum,
  nodes: QuorumAnswer["nodes"],
): string {
  const leader = quorum.currentVoters.find(({ replicaId }) => replicaId === quorum.leaderId)
  const slowest = quorum.currentVoters.reduce<ReplicaState | undefined>(
    (min, one) => (min === undefined || one.logEndOffset < min.logEndOffset ? one : min),
    undefined,
  )
  const lag = (leader?.logEndOffset ?? 0) - (slowest?.logEndOffset ?? 0)
  const shown = (replicas: ReadonlyArray<ReplicaState>) =>
    `[${replicas.map((replica) => formatReplica(replica, nodes)).join(", ")}]`
  return [
    `ClusterId:              ${clusterId}`,
    `LeaderId:               ${quorum.leaderId}`,
    `LeaderEpoch:            ${quorum.leaderEpoch}`,
    `HighWatermark:          ${quorum.highWatermark}`,
    `MaxFollowerLag:         ${lag}`,
    `MaxFollowerLagTimeMs:   ${lagMs(leader, slowest)}`,
    `CurrentVoters:          ${shown(quorum.currentVoters)}`,
    `CurrentObservers:       ${shown(quorum.observers)}`,
    "",
  ].join("\n")
}

function lagMs(leader: ReplicaState | undefined, slowest: ReplicaState | undefined): number {
  if (leader === undefined || slowest === undefined || leader === slowest) return 0
  const times = [leader.lastCaughtUpTimestamp, slowest.lastCaughtUpTimestamp] as const
  return times[0] < 0 || times[1] < 0 ? -1 : times[0] - times[1]
}

function formatReplica(replica: ReplicaState, nodes: QuorumAnswer["nodes"]): string {
  const { replicaId, replicaDirectoryId } = replica
  const directory =
    replicaDirectoryId === zeroUuid ? "" : `, "directoryId": "${uuidToBase64(replicaDirectoryId)}"`
  const listeners = nodes.find(({ nodeId }) => nodeId === replicaId)?.listeners ?? []
  const addresses = listeners.map(({ name, host, port }) => {
    const bracketed = host.includes(":") ? `[${host}]` : host
    return `"${name}://${bracketed}:${port}"`
  })
  const endpoints = addresses.length === 0 ? "" : `, "endpoints": [${addresses.join(", ")}]`
  return `{"id": ${replicaId}${directory}${endpoints}}`
}

/** `nowMs`: times are shown as ages at that time; undefined: as they are. */
export function formatReplication(quorum: Quorum, nowMs?: number): string {
  const leader = quorum.currentVoters.find(({ replicaId }) => replicaId === quorum.leaderId)
  const followers = quorum.currentVoters.filter((one) => one !== leader)
  const time = (ms: number) =>
    ms < 0 ? "-1" : nowMs === undefined ? String(ms) : `${nowMs - ms} ms ago`
  const row = (status: string) => (one: ReplicaState) => [
    String(one.replicaId),
    uuidToBase64(one.replicaDirectoryId),
    String(one.logEndOffset),
    String((leader?.logEndOffset ?? one.logEndOffset) - one.logEndOffset),
    time(one.lastFetchTimestamp),
    time(one.lastCaughtUpTimestamp),
    status,
  ]
  const head = "NodeId DirectoryId LogEndOffset Lag LastFetchTimestamp LastCaughtUpTimestamp Status"
  return prettyTable([
    head.split(" "),
    ...(leader === undefined ? [] : [leader]).map(row("Leader")),
    ...followers.map(row("Follower")),
    ...quorum.observers.map(row("Observer")),
  ])
}

/** Columns as wide as they need, each followed by a tab. */
function prettyTable(rows: ReadonlyArray<ReadonlyArray<string>>): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)))
  const line = (row: ReadonlyArray<string>) =>
    row.map((cell, i) => `${cell.padEnd(widths[i] ?? 0)}\t`).join("")
  return rows.map((row) => `${line(row)}\n`).join("")
}
