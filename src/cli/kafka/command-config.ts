/**
 * `--command-config FILE` and `--…-property key=value`: Java properties. What this client cannot do
 * (TLS, SASL) is refused, not ignored.
 */
import { readFileSync } from "node:fs"
import { OptionError } from "./tool-options.ts"

export interface ClientSettings {
  readonly clientId?: string
  readonly requestTimeoutMs?: number
}

export type Properties = ReadonlyMap<string, string>

export function clientSettings(path: string | undefined): ClientSettings {
  return path === undefined ? {} : settingsIn(readProperties(path), path)
}

/** `source`: where they come from, for the message. */
export function settingsIn(properties: Properties, source: string): ClientSettings {
  const protocol = properties.get("security.protocol")
  if (protocol !== undefined && protocol !== "PLAINTEXT") {
    throw new OptionError(
      `${source}: security.protocol=${protocol} is not possible yet; only PLAINTEXT is`,
    )
  }
  const clientId = properties.get("client.id")
  const timeout = Number(properties.get("request.timeout.ms"))
  return {
    ...(clientId === undefined ? {} : { clientId }),
    ...(timeout > 0 ? { requestTimeoutMs: timeout } : {}),
  }
}

export function readProperties(path: string): Map<string, string> {
  let text: string
  try {
    text = readFileSync(path, "utf8")
  } catch {
    throw new OptionError(`${path} (No such file or directory)`)
  }
  return parseProperties(text)
}

/** Java's format without line continuations: `key=value`, `key: value`, `#` and `!` comments. */
export function parseProperties(text: string): Map<string, string> {
  const properties = new Map<string, string>()
  for (const line of text.split("\n")) {
    const match = /^\s*([^#!=:\s][^=:\s]*)\s*[=:\s]\s*(.*?)\s*$/.exec(line)
    if (match?.[1]) properties.set(match[1], unescaped(match[2] ?? ""))
  }
  return properties
}

const escapes: ReadonlyMap<string, string> = new Map([
  ["t", "\t"],
  ["n", "\n"],
  ["r", "\r"],
  ["f", "\f"],
])

const unescaped = (value: string): string =>
  value.replaceAll(/\\(u[0-9a-fA-F]{4}|.)/g, (_, code: string) =>
    code.length === 5
      ? String.fromCharCode(Number.parseInt(code.slice(1), 16))
      : (escapes.get(code) ?? code),
  )

/** `key=value` words; what has no `=` is there with an empty value. */
export function keyValues(words: ReadonlyArray<string>): Map<string, string> {
  return new Map(
    words.map((word) => {
      const at = word.indexOf("=")
      return at < 0 ? [word, ""] : [word.slice(0, at), word.slice(at + 1)]
    }),
  )
}
