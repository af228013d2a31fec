/**
 * Every setting a broker takes: Kafka's own name where Kafka has one, Kafka's default, and what a
 * value must be. Plain data, so that the supervisor can refuse a bad `--set` by itself; `config.ts`
 * makes the schema of it.
 */
import { kafkaBrokerConfigs } from "../cluster/configs/broker-configs.ts"
import type { ConfigDefinition } from "../cluster/configs/config-table.ts"
import { groupSettingKinds } from "./group-settings.ts"
import { logSettingKinds } from "./log-settings.ts"
import { boolean, int, limit, oneOf, text } from "./setting-kinds.ts"
import type { SettingKind } from "./setting-kinds.ts"

const int32Max = 2 ** 31 - 1
const int64Max = Number.MAX_SAFE_INTEGER

/** Settings with an effect in this version. */
export const settings = {
  "num.partitions": int(1, { min: 1, max: 10_000 }),
  "default.replication.factor": int(1, { min: 1, max: 32_767 }),
  "min.insync.replicas": int(1, { min: 1, max: int32Max }),
  "auto.create.topics.enable": boolean(true),
  ...groupSettingKinds,
  ...logSettingKinds,
  "message.max.bytes": int(1_048_588, { min: 0, max: 512 * 1024 * 1024 }),
  "fetch.max.bytes": int(57_671_680, { min: 1024, max: int32Max }),
  "replica.lag.time.max.ms": int(30_000, { min: 100, max: int32Max }),
  "producer.id.expiration.ms": int(86_400_000, { min: 1, max: int32Max }),
  "log.message.timestamp.type": oneOf("CreateTime", ["CreateTime", "LogAppendTime"]),
  "log.message.timestamp.before.max.ms": int(int64Max, { min: 0, max: int64Max }),
  "log.message.timestamp.after.max.ms": int(3_600_000, { min: 0, max: int64Max }),
  "broker.rack": text(""),
  "socket.request.max.bytes": int(104_857_600, { min: 1024, max: 1024 * 1024 * 1024 }),
  "max.connections": int(int32Max, { min: 1, max: int32Max }),
  "max.connections.per.ip": int(int32Max, { min: 1, max: int32Max }),
  "connections.max.idle.ms": int(600_000, { min: 100, max: int64Max }),
  "varve.metadata.snapshot.entries": int(10_000, { min: 10, max: int32Max }),
  "varve.accept.data.loss": boolean(false),
  "varve.disk.reserve.bytes": int(64 * 1024 * 1024, { min: 0, max: int64Max }),
  "varve.segment.bytes": int(512 * 1024 * 1024, { min: 1024 * 1024, max: 2 ** 36 }),
  "varve.scrub.bytes.per.second": int(2 * 1024 * 1024, { min: 0, max: int64Max }),
  "queued.max.request.bytes": limit(-1, { min: 1024 * 1024, max: int64Max }),
} as const satisfies Record<string, SettingKind>

/**
 * Keys of broker.json that say who and where the broker is; never taken from `--set` or the
 * environment.
 */
export const placeKeys = [
  "node.id",
  "cluster.id",
  "listeners",
  "advertised.listeners",
  "log.dirs",
  "varve.http.listener",
  "varve.peers",
  "varve.disk.uuids",
] as const

export type SettingName = keyof typeof settings
type ValueOf<K> = K extends SettingKind<infer A> ? A : never
export type Settings = { readonly [K in SettingName]: ValueOf<(typeof settings)[K]> }

const places = new Set<string>(placeKeys)

/**
 * The rest of Kafka's broker settings (src/cluster/configs). They are checked, kept in broker.json
 * and shown by DescribeConfigs, so that one settings file serves Kafka and varve. Those that change
 * nothing say so there, and are named in a log line at start; what would make a broker less safe
 * than it was told to be is refused.
 */
const others: ReadonlyMap<string, ConfigDefinition> = new Map(
  kafkaBrokerConfigs
    .filter(({ name }) => !(name in settings) && !places.has(name))
    .map((row) => [row.name, row]),
)

export const isOtherSetting = (name: string): boolean => others.has(name)

export const isWithoutEffect = (name: string): boolean => others.get(name)?.withoutEffect === true

const known: ReadonlyMap<string, SettingKind> = new Map<string, SettingKind>([
  ...Object.entries(settings),
  ...[...others].map(([name, row]): [string, SettingKind] => [name, kindOf(row)]),
])

function kindOf({ default: value, expected, fault }: ConfigDefinition): SettingKind {
  const parse = (given: string) => (fault(given) === undefined ? given : undefined)
  return { default: value, expected, parse }
}

export const settingNames: ReadonlyArray<string> = [...known.keys()]

export function settingKind(name: string): SettingKind | undefined {
  return known.get(name)
}

/**
 * What is wrong with a setting, as one plain line: the key, the value and what was expected;
 * undefined if nothing is.
 */
export function settingProblem(name: string, value: string): string | undefined {
  const kind = known.get(name)
  if (kind === undefined) {
    const near = nearest(name)
    return `unknown setting ${name} (value "${value}")${near ? `; did you mean ${near}?` : ""}`
  }
  const row = others.get(name)
  if (row?.refusal !== undefined && value.trim() !== (row.default ?? "")) {
    return `${name} cannot be set: ${row.refusal}`
  }
  if (kind.parse(value) !== undefined) return undefined
  return `setting ${name} has the value "${value}"; expected ${kind.expected}`
}

/** `num.partitions` ⇄ `VARVE_NUM_PARTITIONS`. */
export function environmentName(name: string): string {
  return `VARVE_${name.toUpperCase().replaceAll(".", "_")}`
}

/**
 * Settings found in the environment, under Kafka's names; an unknown `VARVE_…` keeps its own name
 * and is refused; `VARVE_TEST_…` is for tests.
 */
export function settingsFromEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  const byEnvironmentName = new Map(settingNames.map((name) => [environmentName(name), name]))
  const found: Record<string, string> = {}
  for (const [key, value] of Object.entries(environment)) {
    if (!key.startsWith("VARVE_") || key.startsWith("VARVE_TEST_") || value === undefined) continue
    found[byEnvironmentName.get(key) ?? key] = value
  }
  return found
}

function nearest(name: string): string | undefined {
  let best: string | undefined
  let bestDistance = Math.max(2, Math.floor(name.length / 4)) + 1
  for (const candidate of settingNames) {
    const distance = editDistance(name, candidate)
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** Levenshtein, two rows. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const current = [i]
    for (let j = 1; j <= b.length; j++) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      current.push(Math.min(substitution, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1))
    }
    previous = current
  }
  return previous[b.length] ?? 0
}
