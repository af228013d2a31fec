/**
 * The flags of `varve cluster` and `varve start` as a table, and a parser for it. These two
 * commands must be running before a command-line library is even read, so they are parsed here;
 * `commands.ts` shows the same table in its help.
 */
import { settingProblem } from "../broker/settings.ts"

export interface FlagSpec {
  readonly name: string
  /** "list" may be given many times; "switch" takes no value. */
  readonly kind: "int" | "text" | "switch" | "list"
  readonly value?: string
  readonly about: string
}

/** Wrong usage: one plain line, exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError"
}

export class Flags {
  private readonly values: ReadonlyMap<string, ReadonlyArray<string>>

  constructor(values: ReadonlyMap<string, ReadonlyArray<string>>) {
    this.values = values
  }

  text(name: string): string | undefined {
    return this.values.get(name)?.at(-1)
  }

  has(name: string): boolean {
    return this.values.has(name)
  }

  list(name: string): ReadonlyArray<string> {
    return this.values.get(name) ?? []
  }

  int(name: string, range: { readonly min: number; readonly max: number }): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const number = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN
    if (number >= range.min && number <= range.max) return number
    throw new UsageError(
      `--${name} has the value "${text}"; expected a whole number from ${range.min} to ${range.max}`,
    )
  }
}

export function parseFlags(
  command: string,
  specs: ReadonlyArray<FlagSpec>,
  argv: ReadonlyArray<string>,
): Flags {
  const values = new Map<string, string[]>()
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] ?? ""
    const match = /^--([a-z][a-z-]*)(?:=(.*))?$/s.exec(word)
    const spec = specs.find((candidate) => candidate.name === match?.[1])
    if (spec === undefined) {
      const known = specs.map((candidate) => `--${candidate.name}`).join(" ")
      throw new UsageError(`varve ${command}: unknown flag ${word}; known: ${known}`)
    }
    let value = match?.[2]
    if (spec.kind === "switch") {
      if (value !== undefined) throw new UsageError(`--${spec.name} takes no value`)
      value = ""
    } else if (value === undefined) {
      i++
      value = argv[i]
      if (value === undefined) throw new UsageError(`--${spec.name} needs a value`)
    }
    const given = values.get(spec.name) ?? []
    values.set(spec.name, [...given, value])
    if (given.length > 0 && spec.kind !== "list") {
      throw new UsageError(`--${spec.name} is given twice`)
    }
  }
  return new Flags(values)
}

/**
 * `--set key=value …` → settings; unknown keys and bad values are refused before anything is
 * started.
 */
export function parseSets(items: ReadonlyArray<string>): Readonly<Record<string, string>> {
  const sets: Record<string, string> = {}
  for (const item of items) {
    const at = item.indexOf("=")
    if (at <= 0) throw new UsageError(`--set ${item}: expected key=value`)
    const key = item.slice(0, at)
    const value = item.slice(at + 1)
    const problem = settingProblem(key, value)
    if (problem !== undefined) throw new UsageError(`--set: ${problem}`)
    sets[key] = value
  }
  return sets
}

const ports = { min: 1, max: 65_535 }
export const portRange = ports

export const clusterFlags: ReadonlyArray<FlagSpec> = [
  { name: "nodes", kind: "int", value: "N", about: "how many brokers (3)" },
  { name: "dir", kind: "text", value: "DIR", about: "where their data lies (./data)" },
  {
    name: "port",
    kind: "int",
    value: "P",
    about: "Kafka port of broker 0; broker i has P+i (9092)",
  },
  {
    name: "http-port",
    kind: "int",
    value: "H",
    about: "HTTP port of broker 0; broker i has H+i (8080)",
  },
  { name: "fresh", kind: "switch", about: "remove DIR/broker-* first" },
  { name: "restart", kind: "switch", about: "bring back a broker that ended by itself" },
  { name: "form-only", kind: "switch", about: "write the brokers' folders and start nothing" },
  {
    name: "set",
    kind: "list",
    value: "key=value",
    about: "a setting, by Kafka's name; may be repeated",
  },
]

export const startFlags: ReadonlyArray<FlagSpec> = [
  { name: "config", kind: "text", value: "FILE", about: "broker.json of a broker that exists" },
  { name: "dir", kind: "text", value: "DIR", about: "data folder (./data/broker-0)" },
  { name: "host", kind: "text", value: "ADDRESS", about: "address to listen on (127.0.0.1)" },
  { name: "port", kind: "int", value: "P", about: "Kafka port (9092)" },
  { name: "http-port", kind: "int", value: "H", about: "HTTP port (8080)" },
  {
    name: "accept-data-loss",
    kind: "switch",
    about: "run groups of which this disk has the only copy with what is left of them",
  },
  {
    name: "set",
    kind: "list",
    value: "key=value",
    about: "a setting, by Kafka's name; may be repeated",
  },
  { name: "insecure", kind: "switch", about: "permit another address than loopback" },
  {
    name: "supervised",
    kind: "switch",
    about: "stop when standard input ends (varve cluster uses it)",
  },
]
