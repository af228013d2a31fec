/** The words the table of settings is written in. */

export interface SettingKind<A = unknown> {
  readonly default: A
  /** What a value must be, to end the sentence "expected …". */
  readonly expected: string
  /** Undefined when the text is not such a value. */
  readonly parse: (value: string) => A | undefined
}

const longMaxText = "9223372036854775807"

export function int(
  defaultValue: number,
  range: { readonly min: number; readonly max: number },
): SettingKind<number> {
  return {
    default: defaultValue,
    expected: `a whole number from ${range.min} to ${range.max}`,
    parse: (value) => {
      if (!/^-?\d{1,19}$/.test(value.trim())) return undefined
      // Kafka writes "no limit" as Long.MAX_VALUE, which no double holds; nobody can tell it from
      // 2^53.
      const number = value.trim() === longMaxText ? Number.MAX_SAFE_INTEGER : Number(value)
      return number >= range.min && number <= range.max ? number : undefined
    },
  }
}

/** A bound, or −1 for none. */
export function limit(
  defaultValue: number,
  range: { readonly min: number; readonly max: number },
): SettingKind<number> {
  const { expected, parse } = int(defaultValue, range)
  return {
    default: defaultValue,
    expected: `${expected}, or -1 for no limit`,
    parse: (value) => (value.trim() === "-1" ? -1 : parse(value)),
  }
}

/** Decimals. */
export function decimal(
  defaultValue: number,
  range: { readonly min: number; readonly max: number },
): SettingKind<number> {
  return {
    default: defaultValue,
    expected: `a number from ${range.min} to ${range.max}`,
    parse: (value) => {
      if (!/^\d{1,9}(\.\d{1,18})?$/.test(value.trim())) return undefined
      const parsed = Number(value)
      return parsed >= range.min && parsed <= range.max ? parsed : undefined
    },
  }
}

/** Without a default: undefined where it is not given, because another setting stands in for it. */
export const given = <A>({ expected, parse }: SettingKind<A>): SettingKind<A | undefined> => ({
  default: undefined,
  expected,
  parse,
})

export function boolean(defaultValue: boolean): SettingKind<boolean> {
  return {
    default: defaultValue,
    expected: "true or false",
    parse: (value) => {
      const word = value.trim().toLowerCase()
      return word === "true" ? true : word === "false" ? false : undefined
    },
  }
}

export function text(defaultValue: string): SettingKind<string> {
  return { default: defaultValue, expected: "text", parse: (value) => value }
}

/** Names with commas between them, each once. */
export function listOf<const A extends string>(
  defaultValue: ReadonlyArray<NoInfer<A>>,
  choices: ReadonlyArray<A>,
): SettingKind<ReadonlyArray<A>> {
  return {
    default: defaultValue,
    expected: `one or more of ${choices.join(", ")}, with commas between them`,
    parse: (value) => {
      const names = value.split(",").map((name) => name.trim())
      const found = names.flatMap((name) => choices.find((choice) => choice === name) ?? [])
      return found.length === names.length && new Set(names).size === names.length
        ? found
        : undefined
    },
  }
}

export function oneOf<const A extends string>(
  defaultValue: NoInfer<A>,
  choices: ReadonlyArray<A>,
): SettingKind<A> {
  return {
    default: defaultValue,
    expected: `one of ${choices.join(", ")}`,
    parse: (value) => choices.find((choice) => choice === value.trim()),
  }
}
