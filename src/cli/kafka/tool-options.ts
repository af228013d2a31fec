/**
 * Options as Kafka's tools take them: `--name value`, `--name=value`, any unambiguous beginning of
 * a name, words that are no options passed over. Errors carry the words those tools use.
 */

export interface OptionSpec {
  readonly name: string
  /** What its argument is called in the help; undefined: it has none. */
  readonly argument?: string
  /** The argument may be left out: the option is then there without a value. */
  readonly optional?: boolean
  readonly integer?: boolean
  /** Options of which one must be given too. */
  readonly availableIf?: ReadonlyArray<string>
  readonly about: string
}

/** The command line is wrong: the message, then the help, exit code 1. */
export class ToolUsageError extends Error {
  override readonly name = "ToolUsageError"
}

/** The command line cannot be read at all: the message alone, exit code 1. */
export class OptionError extends Error {
  override readonly name = "OptionError"
  /** The class of Kafka's parser; undefined for what that parser does not look at. */
  readonly exception: string | undefined
  constructor(message: string, exception?: string) {
    super(message)
    this.exception = exception
  }
}

/**
 * An argument is not of its option's type; found only when the option is used, as with Kafka's
 * parser.
 */
export class OptionArgumentError extends Error {
  override readonly name = "OptionArgumentError"
}

export class ToolOptions {
  private readonly values: ReadonlyMap<string, ReadonlyArray<string>>

  constructor(values: ReadonlyMap<string, ReadonlyArray<string>>) {
    this.values = values
  }

  has(name: string): boolean {
    return this.values.has(name)
  }

  /** The names of the options in the order in which they were first given. */
  names(): ReadonlyArray<string> {
    return [...this.values.keys()]
  }

  text(name: string): string | undefined {
    return this.values.get(name)?.at(-1)
  }

  list(name: string): ReadonlyArray<string> {
    return this.values.get(name) ?? []
  }

  integer(name: string): number | undefined {
    return this.number(name, 2 ** 31)
  }

  /** A Java long, as far as a number holds it. */
  long(name: string): number | undefined {
    return this.number(name, 2 ** 63)
  }

  private number(name: string, limit: number): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const number = /^[+-]?\d{1,19}$/.test(text) ? Number(text) : Number.NaN
    if (number >= -limit && number < limit) return number
    throw new OptionArgumentError(`Cannot parse argument '${text}' of option ${name}`)
  }
}

export function parseToolOptions(
  specs: ReadonlyArray<OptionSpec>,
  argv: ReadonlyArray<string>,
): ToolOptions {
  const values = new Map<string, string[]>()
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] ?? ""
    if (word === "--") break
    const match = /^--?([^=]+)(?:=(.*))?$/s.exec(word)
    if (!match?.[1] || !word.startsWith("-") || word === "-") continue
    const spec = findOption(specs, match[1])
    const given = values.get(spec.name) ?? []
    if (spec.argument === undefined) {
      values.set(spec.name, given)
      continue
    }
    const value = match[2] ?? argv[i + 1]
    const missing = value === undefined || (match[2] === undefined && isOption(specs, value))
    if (missing && spec.optional !== true) {
      const what = `Option ${spec.name} requires an argument`
      throw new OptionError(what, "OptionMissingRequiredArgumentException")
    }
    if (missing) values.set(spec.name, given)
    else {
      if (match[2] === undefined) i++
      values.set(spec.name, [...given, value])
    }
  }
  checkAvailable(specs, values)
  return new ToolOptions(values)
}

function checkAvailable(
  specs: ReadonlyArray<OptionSpec>,
  values: ReadonlyMap<string, ReadonlyArray<string>>,
): void {
  const unavailable = specs.filter(
    ({ name, availableIf }) =>
      values.has(name) && availableIf?.some((other) => values.has(other)) === false,
  )
  if (unavailable.length === 0) return
  const names = unavailable.map(({ name }) => name).join(", ")
  throw new OptionError(
    `Option(s) [${names}] are unavailable given other options on the command line`,
    "UnavailableOptionException",
  )
}

function findOption(specs: ReadonlyArray<OptionSpec>, name: string): OptionSpec {
  const exact = specs.find((spec) => spec.name === name)
  if (exact !== undefined) return exact
  const beginning = specs.filter((spec) => spec.name.startsWith(name))
  const [only] = beginning
  if (only !== undefined && beginning.length === 1) return only
  throw new OptionError(`${name} is not a recognized option`, "UnrecognizedOptionException")
}

function isOption(specs: ReadonlyArray<OptionSpec>, word: string): boolean {
  return word.startsWith("--") && specs.some((spec) => word === `--${spec.name}`)
}

/** `--a` given together with any of `others`: Kafka's sentence about it. */
export function refuseTogether(
  options: ToolOptions,
  name: string,
  others: ReadonlyArray<string>,
): void {
  if (!options.has(name)) return
  const other = others.find((candidate) => options.has(candidate))
  if (other === undefined) return
  throw new ToolUsageError(`Option "[${name}]" can't be used with option "[${other}]"`)
}

export function requireOption(options: ToolOptions, name: string): void {
  if (!options.has(name)) throw new ToolUsageError(`Missing required argument "[${name}]"`)
}

const nameColumn = 40
const aboutColumn = 38

/** Two columns, as Kafka's tools lay out their help. */
export function formatHelp(specs: ReadonlyArray<OptionSpec>): string {
  const lines = [
    `${"Option".padEnd(nameColumn)} ${"Description".padEnd(aboutColumn)}`,
    `${"------".padEnd(nameColumn)} ${"-----------".padEnd(aboutColumn)}`,
  ]
  for (const spec of specs) {
    const type = spec.integer === true ? "Integer" : "String"
    const left = `--${spec.name}${spec.argument === undefined ? "" : ` <${type}: ${spec.argument}>`}`
    const lefts = wrap(left, nameColumn)
    const rights = wrap(spec.about, aboutColumn)
    for (let i = 0; i < Math.max(lefts.length, rights.length); i++) {
      lines.push(`${(lefts[i] ?? "").padEnd(nameColumn)} ${(rights[i] ?? "").padEnd(aboutColumn)}`)
    }
  }
  return `${lines.join("\n")}\n`
}

/** Continuation lines are indented by two. */
function wrap(text: string, width: number): ReadonlyArray<string> {
  const lines: string[] = []
  let line = ""
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`
    if (longer.length > width && line.trim() !== "") {
      lines.push(line)
      line = `  ${word}`
    } else line = longer
  }
  return [...lines, line]
}
