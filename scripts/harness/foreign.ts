import { describe, test } from "bun:test"
import { join } from "node:path"
import { root } from "./target.ts"

/**
 * Clients that others wrote and that do not come from npm: on the machine, or their tests are
 * skipped.
 */

const drivers = join(root, "test", "integration", "drivers")

/** Debian's packages belong to the system's Python, whatever other `python3` is on the PATH. */
const python = process.platform === "linux" ? "/usr/bin/python3" : "python3"

function hasModule(name: string): boolean {
  if (Bun.which(python) === null) return false
  return Bun.spawnSync([python, "-c", `import ${name}`], { stderr: "ignore" }).exitCode === 0
}

export interface ForeignClient {
  readonly name: string
  readonly available: boolean
  /** The words before the client's own arguments. */
  readonly command: ReadonlyArray<string>
}

export const kcat: ForeignClient = {
  name: "kcat",
  available: Bun.which("kcat") !== null,
  command: ["kcat"],
}

export const pythonKafka: ForeignClient = {
  name: "python3-kafka",
  available: hasModule("kafka"),
  command: [python, join(drivers, "python_kafka.py")],
}

export const confluent: ForeignClient = {
  name: "python3-confluent-kafka",
  available: hasModule("confluent_kafka"),
  command: [python, join(drivers, "confluent.py")],
}

/** From npm, so always here; as a process of its own where it puts load on a cluster. */
export const kafkajs: ForeignClient = {
  name: "kafkajs",
  available: true,
  command: [process.execPath, join(drivers, "kafkajs.ts")],
}

/**
 * `describe` for tests that need these clients: skipped with a line that says why, but failing
 * under CI=true.
 */
export function describeWith(
  clients: ReadonlyArray<ForeignClient>,
  name: string,
  body: () => void,
): void {
  const missing = clients.filter((client) => !client.available).map((client) => client.name)
  if (missing.length === 0) return describe(name, body)
  if (process.env["CI"] === "true") {
    return test(`${name}: ${missing.join(", ")} must be installed under CI`, () => {
      throw new Error(`not installed: ${missing.join(", ")}`)
    })
  }
  console.warn(`skipped: ${name} (apt-get install ${missing.join(" ")})`)
  describe.skip(name, body)
}
