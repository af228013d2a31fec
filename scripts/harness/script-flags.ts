import { basename } from "node:path"
import { parseArgs, type ParseArgsConfig, type ParseArgsOptionsConfig } from "node:util"

type Values<T extends ParseArgsOptionsConfig> = ReturnType<
  typeof parseArgs<{ options: T; strict: true } & ParseArgsConfig>
>["values"]

/**
 * The flags of a script. Wrong ones end it with one line and exit code 2; `--help` lists them all
 * with their defaults and ends it with 0.
 */
export function scriptFlags<const T extends ParseArgsOptionsConfig>(options: T): Values<T> {
  try {
    if (process.argv.includes("--help")) {
      console.log(usage(options))
      process.exit(0)
    }
    return parseArgs({ options, strict: true }).values
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    console.error(`${scriptName()}: ${why.replace(/\s*\n\s*/g, " ")} (--help lists the flags)`)
    return process.exit(2)
  }
}

const scriptName = () => basename(process.argv[1] ?? "script", ".ts")

function usage(options: ParseArgsOptionsConfig): string {
  const rows = Object.entries(options).map(([name, { type, default: value }]) =>
    type === "boolean" ? `  --${name}` : `  --${name} ${value === undefined ? "…" : String(value)}`,
  )
  return [`${scriptName()}: flags and their defaults`, ...rows].join("\n")
}
