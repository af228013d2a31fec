/**
 * What one broker runs with. A setting comes from `--set`, else the environment, else broker.json,
 * else Kafka's default; who and where the broker is comes from broker.json alone. Nothing unknown
 * or unreadable passes: the refusal names the key, the value and what was expected.
 */
import { dirname, resolve } from "node:path"
import { Config, ConfigProvider, Data, Effect, Schema, SchemaGetter, SchemaIssue } from "effect"
import { parseDiskUuids, parseEndpoint, parsePeers } from "./broker-json.ts"
import type { BrokerJson, DiskPair, Endpoint } from "./broker-json.ts"
import { groupSettingsProblem } from "./group-settings.ts"
import { isOtherSetting, isWithoutEffect, placeKeys, settingProblem, settings } from "./settings.ts"
import type { SettingKind } from "./setting-kinds.ts"
import type { SettingName, Settings } from "./settings.ts"

export interface BrokerConfig {
  /** Its broker.json. */
  readonly filePath: string
  readonly nodeId: number
  readonly clusterId: string
  /** Lock, identity, log segments and pid file. */
  readonly dir: string
  readonly listen: Endpoint
  readonly advertised: Endpoint
  /** Null: no HTTP. */
  readonly http: Endpoint | null
  /** Where the other brokers are dialled; may name a proxy. */
  readonly peers: ReadonlyArray<Endpoint & { readonly nodeId: number }>
  /** All known disks; the first of each node id is its founder. */
  readonly diskUuids: ReadonlyArray<DiskPair>
  readonly settings: Settings
  /** Those of them that were given, by name, as text. */
  readonly given: ReadonlyMap<string, string>
  /** Settings asked for by `--set` or the environment that this version checks and does not use. */
  readonly unused: ReadonlyArray<string>
}

/** Nothing was started. `problem` is one plain line. */
export class ConfigRefused extends Data.TaggedError("ConfigRefused")<{ readonly problem: string }> {
  override get message() {
    return this.problem
  }
}

export interface ConfigSources {
  /** `--set key=value`. */
  readonly set: Readonly<Record<string, string>>
  /** Under Kafka's names: `settingsFromEnvironment(process.env)`. */
  readonly environment: Readonly<Record<string, string>>
  readonly file: BrokerJson
  readonly filePath: string
  /** Permits another address than loopback: there is no authentication. */
  readonly insecure: boolean
}

export const loadConfig = Effect.fn("loadConfig")(function* (sources: ConfigSources) {
  const problem = findProblem(sources)
  if (problem !== undefined) return yield* new ConfigRefused({ problem })
  const provider = ConfigProvider.fromUnknown(sources.set).pipe(
    ConfigProvider.orElse(ConfigProvider.fromUnknown(sources.environment)),
    ConfigProvider.orElse(ConfigProvider.fromUnknown(sources.file)),
  )
  const values = yield* settingsConfig.pipe(
    Effect.provide(ConfigProvider.layer(provider)),
    Effect.mapError((error) => new ConfigRefused({ problem: String(error) })),
  )
  const together = groupSettingsProblem(values)
  if (together !== undefined) return yield* new ConfigRefused({ problem: together })
  const place = yield* Effect.try({
    try: () => readPlace(sources),
    catch: (error) =>
      error instanceof ConfigRefused ? error : new ConfigRefused({ problem: String(error) }),
  })
  const asked = { ...sources.environment, ...sources.set }
  const unused = Object.keys(asked).filter(isWithoutEffect)
  const all: Readonly<Record<string, string>> = { ...sources.file, ...asked }
  const given = new Map(
    Object.entries(all).filter(([key]) => key in settings || isOtherSetting(key) || isShown(key)),
  )
  const { filePath } = sources
  return { ...place, filePath, settings: values, given, unused } satisfies BrokerConfig
})

/** Of who and where the broker is, what Kafka's DescribeConfigs shows. */
const isShown = (key: string): boolean =>
  ["node.id", "listeners", "advertised.listeners", "log.dirs"].includes(key)

/** One Config per row of the table; the schema turns the text into the value. */
const settingsConfig: Config.Config<Settings> = Config.all(
  // fromEntries forgets the keys, which are those of the table.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  Object.fromEntries(
    Object.entries<SettingKind>(settings).map(([name, kind]) => [
      name,
      Config.schema(settingSchema(name, kind), [name]).pipe(Config.withDefault(kind.default)),
    ]),
  ) as { readonly [K in SettingName]: Config.Config<Settings[K]> },
)

function settingSchema(name: string, kind: SettingKind): Schema.Codec<unknown, string> {
  return Schema.String.pipe(
    Schema.decodeTo(Schema.Unknown, {
      decode: SchemaGetter.transformEffect((value: string, options) => {
        const parsed = kind.parse(value)
        if (parsed !== undefined) return Effect.succeed(parsed)
        const message = settingProblem(name, value) ?? name
        return Effect.fail(new SchemaIssue.InvalidValue({ message }, value, options))
      }),
      encode: SchemaGetter.transform(String),
    }),
  )
}

/**
 * Every key of every source is known and every value readable, also those that a source before it
 * overrides.
 */
function findProblem(sources: ConfigSources): string | undefined {
  const places = new Set<string>(placeKeys)
  const all: ReadonlyArray<readonly [string, Readonly<Record<string, string>>]> = [
    ["--set", sources.set],
    ["the environment", sources.environment],
    [sources.filePath, sources.file],
  ]
  for (const [from, values] of all) {
    for (const [key, value] of Object.entries(values)) {
      if (places.has(key) && values === sources.file) continue
      const problem = places.has(key)
        ? `${key} (value "${value}") is set in broker.json only`
        : settingProblem(key, value)
      if (problem !== undefined) return `${from}: ${problem}`
    }
  }
  return undefined
}

function readPlace(
  sources: ConfigSources,
): Omit<BrokerConfig, "filePath" | "settings" | "given" | "unused"> {
  const { file, filePath } = sources
  const read = <A>(
    key: (typeof placeKeys)[number],
    expected: string,
    parse: (v: string) => A,
  ): NonNullable<A> => {
    const value = file[key]
    const parsed = value === undefined ? undefined : parse(value)
    if (parsed === undefined || parsed === null) {
      const problem =
        value === undefined
          ? `${key} is missing; expected ${expected}`
          : `${key} has the value "${value}"; expected ${expected}`
      throw new ConfigRefused({ problem: `${filePath}: ${problem}` })
    }
    return parsed
  }
  const listen = read("listeners", "host:port, as PLAINTEXT://127.0.0.1:9092", parseEndpoint)
  const http =
    file["varve.http.listener"] === undefined
      ? null
      : read("varve.http.listener", "host:port, as 127.0.0.1:8080", parseEndpoint)
  for (const endpoint of http === null ? [listen] : [listen, http]) {
    refuseForeignAddress(endpoint, sources.insecure)
  }
  return {
    nodeId: read("node.id", "a whole number from 0 to 2147483647", parseNodeId),
    clusterId: read("cluster.id", "22 characters of base64url", (value) =>
      /^[A-Za-z0-9_-]{1,64}$/.test(value) ? value : undefined,
    ),
    dir: read("log.dirs", "one folder", (value) =>
      value === "" || value.includes(",") ? undefined : resolve(dirname(filePath), value),
    ),
    listen,
    advertised:
      file["advertised.listeners"] === undefined
        ? listen
        : read("advertised.listeners", "host:port, as PLAINTEXT://127.0.0.1:9092", parseEndpoint),
    http,
    peers: read("varve.peers", "id@host:port,…", (value) => parsePeers(value)),
    diskUuids: read("varve.disk.uuids", "id@uuid,…", (value) => parseDiskUuids(value)),
  }
}

function parseNodeId(value: string): number | undefined {
  return /^\d{1,10}$/.test(value) && Number(value) < 2 ** 31 ? Number(value) : undefined
}

function refuseForeignAddress(endpoint: Endpoint, insecure: boolean): void {
  if (insecure || isLoopback(endpoint.host)) return
  throw new ConfigRefused({
    problem:
      `refusing to listen on ${endpoint.host}: whoever reaches that address could read and write ` +
      "everything (there is no authentication yet); bind 127.0.0.1 or say --insecure",
  })
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host)
}
