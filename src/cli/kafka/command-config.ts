/**
 * `--command-config FILE`: Java properties. What this client cannot do (TLS, SASL) is refused, not
 * ignored.
 */
import { readFileSync } from "node:fs"
import { OptionError } from "./tool-options.ts"

export interface ClientSettings {
  readonly clientId?: string
  readonly requestTimeoutMs?: number
}

export function clientSettings(path: string | undefined): ClientSettings {
  if (path === undefined) return {}
  const properties = readProperties(path)
  const protocol = properties.get("security.protocol")
  if (protocol !== undefined && protocol !== "PLAINTEXT") {
    throw new OptionError(
      `${path}: security.protocol=${protocol} is not possible yet; only PLAINTEXT is`,
    )
  }
  const clientId = properties.get("client.id")
  const timeout = Number(properties.get("request.timeout.ms"))
  return {
    ...(clientId === undefined ? {} : { clientId }),
    ...(timeout > 0 ? { requestTimeoutMs: timeout } : {}),
  }
}

function readProperties(path: string): ReadonlyMap<string, string> {
  let text: string
  try {
    text = readFileSync(path, "utf8")
  } catch {
    throw new OptionError(`${path} (No such file or directory)`)
  }
  const properties = new Map<string, string>()
  for (const line of text.split("\n")) {
    const match = /^\s*([^#!=:\s][^=:\s]*)\s*[=:\s]\s*(.*?)\s*$/.exec(line)
    if (match?.[1]) properties.set(match[1], match[2] ?? "")
  }
  return properties
}
