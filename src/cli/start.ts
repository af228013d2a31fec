/** `varve start`: one broker in the foreground, from its broker.json or from flags. */
import { existsSync, mkdirSync, readdirSync } from "node:fs"
import { join, resolve } from "node:path"
import { Effect } from "effect"
import { beginLog } from "../../storage/admission.ts"
import { readIdentity, writeIdentity } from "../../storage/identity.ts"
import {
  BrokerJsonError,
  formatDiskUuids,
  formatEndpoint,
  readBrokerJson,
  writeBrokerJson,
} from "../broker/broker-json.ts"
import type { BrokerJson } from "../broker/broker-json.ts"
import { startBroker } from "../broker/broker.ts"
import { loadConfig } from "../broker/config.ts"
import type { ConfigRefused, ConfigSources } from "../broker/config.ts"
import type { BrokerError } from "../broker/errors.ts"
import { openLog } from "../broker/log.ts"
import type { Log } from "../broker/log.ts"
import { settingsFromEnvironment } from "../broker/settings.ts"
import { UsageError, parseFlags, parseSets, portRange, startFlags } from "./flags.ts"
import type { Flags } from "./flags.ts"
import { newClusterId, newDiskUuid } from "./new-identity.ts"
import { runBroker } from "./run-broker.ts"

export async function run(argv: ReadonlyArray<string>): Promise<void> {
  let sources: ConfigSources
  let supervised: boolean
  try {
    const flags = parseFlags("start", startFlags, argv)
    supervised = flags.has("supervised")
    sources = {
      set: { ...parseSets(flags.list("set")), ...acceptance(flags) },
      environment: settingsFromEnvironment(process.env),
      ...readOrForm(flags),
      insecure: flags.has("insecure"),
    }
  } catch (error) {
    if (!(error instanceof UsageError) && !(error instanceof BrokerJsonError)) throw error
    process.stderr.write(`varve: ${error.message}\n`)
    return process.exit(error instanceof UsageError ? 2 : 1)
  }
  runBroker(serve(sources), supervised)
}

/** For one start: nothing of it is kept. */
function acceptance(flags: Flags): Readonly<Record<string, string>> {
  return flags.has("accept-data-loss") ? { "varve.accept.data.loss": "true" } : {}
}

/** Runs until interrupted, or fails. */
const serve = (sources: ConfigSources): Effect.Effect<never, BrokerError | ConfigRefused> =>
  Effect.scoped(
    Effect.gen(function* () {
      const config = yield* loadConfig(sources)
      const { log } = yield* Effect.acquireRelease(
        Effect.sync(() => openLog(config.nodeId, join(config.dir, "broker.log"))),
        (file) => Effect.sync(() => file.close()),
      )
      yield* logCrashes(log)
      for (const name of config.unused)
        log("info", `${name} is set and has no effect in this version`)
      const broker = yield* startBroker(config, log, { pidFile: join(config.dir, "broker.pid") })
      yield* broker.ready
      const http = config.http === null ? "" : `, HTTP on ${formatEndpoint(config.http)}`
      const line = `ready: broker ${config.nodeId} on ${formatEndpoint(config.listen)}${http}`
      log("info", line)
      yield* Effect.sync(() => process.stdout.write(`${line}\n`))
      return yield* broker.failure.pipe(Effect.tapError(() => leaveSoon))
    }),
  )

/** What nobody caught is a broken invariant: it is said in the log, and the process ends. */
const logCrashes = (log: Log) =>
  Effect.sync(() => {
    process.on("uncaughtException", (error) => crash(log, error))
    process.on("unhandledRejection", (error) => crash(log, error))
  })

function crash(log: Log, error: unknown): never {
  log("error", `stopped: ${error instanceof Error ? error.stack : String(error)}`)
  return process.exit(1)
}

/** Whatever still hangs in a failed broker: the process goes, and its peers take over. */
const leaveSoon = Effect.sync(() => setTimeout(() => process.exit(1), 3000).unref())

/** The broker.json to run with; on an empty folder, the first one of a cluster of one broker. */
function readOrForm(flags: Flags): { readonly file: BrokerJson; readonly filePath: string } {
  const config = flags.text("config")
  if (config !== undefined) {
    for (const other of ["dir", "host", "port", "http-port"]) {
      if (flags.has(other)) throw new UsageError(`--${other} cannot be given beside --config`)
    }
    return { file: readBrokerJson(resolve(config)), filePath: resolve(config) }
  }
  const dir = resolve(flags.text("dir") ?? "./data/broker-0")
  const filePath = join(dir, "broker.json")
  if (!existsSync(filePath)) formCluster(dir)
  const file = { ...readBrokerJson(filePath), ...placeFromFlags(flags, existsSync(filePath)) }
  return { file, filePath }
}

function placeFromFlags(flags: Flags, keep: boolean): BrokerJson {
  const host = flags.text("host")
  const port = flags.int("port", portRange)
  const httpPort = flags.int("http-port", portRange)
  const place: Record<string, string> = {}
  if (!keep || host !== undefined || port !== undefined) {
    const listen = formatEndpoint({ host: host ?? "127.0.0.1", port: port ?? 9092 })
    place["listeners"] = `PLAINTEXT://${listen}`
    place["advertised.listeners"] = `PLAINTEXT://${listen}`
  }
  if (!keep || host !== undefined || httpPort !== undefined) {
    place["varve.http.listener"] = formatEndpoint({
      host: host ?? "127.0.0.1",
      port: httpPort ?? 8080,
    })
  }
  return place
}

/** Alone on an empty folder: this broker is the cluster. */
function formCluster(dir: string): void {
  mkdirSync(dir, { recursive: true })
  const identity = readIdentity(dir)
  // A start that was cut short may have left the two that come before broker.json.
  const made = identity === undefined ? ["identity.json.new"] : ["identity.json", "sentinel"]
  const others = readdirSync(dir).filter((name) => !made.includes(name))
  if (others.length > 0) {
    throw new BrokerJsonError(
      `${dir} is not empty and has no broker.json: a new cluster is formed on an empty folder only`,
    )
  }
  const { clusterId, nodeId, diskUuid } = identity ?? {
    clusterId: newClusterId(),
    nodeId: 0,
    diskUuid: newDiskUuid(),
  }
  if (identity === undefined) writeIdentity(dir, { clusterId, nodeId, diskUuid })
  beginLog(dir)
  writeBrokerJson(join(dir, "broker.json"), {
    "node.id": String(nodeId),
    "cluster.id": clusterId,
    listeners: "PLAINTEXT://127.0.0.1:9092",
    "advertised.listeners": "PLAINTEXT://127.0.0.1:9092",
    "log.dirs": dir,
    "varve.http.listener": "127.0.0.1:8080",
    "varve.peers": "",
    "varve.disk.uuids": formatDiskUuids([{ nodeId, diskUuid }]),
  })
}

if (import.meta.main) await run(process.argv.slice(2))
