/** Which clients are on this machine. What is missing is left out of a run, and said to be. */
import type { DriverName } from "../workload.ts"

export interface AvailableDrivers {
  readonly there: ReadonlyArray<DriverName>
  readonly missing: ReadonlyArray<{ readonly name: DriverName; readonly why: string }>
}

interface Found {
  readonly name: DriverName
  /** Undefined: it is there. */
  readonly why: string | undefined
}

/** Python of the system beside whatever else is called so: packages may belong to either. */
const pythons = ["python3", "/usr/bin/python3"]

const moduleOf: Readonly<Partial<Record<DriverName, string>>> = {
  confluent: "confluent_kafka",
  "python-kafka": "kafka",
}

const packageOf: Readonly<Partial<Record<DriverName, string>>> = {
  kafkajs: "kafkajs",
  platformatic: "@platformatic/kafka",
}

/** The first Python that has the module; undefined: none. */
export async function pythonWith(module: string): Promise<string | undefined> {
  for (const python of pythons) {
    if (Bun.which(python) === null) continue
    const io = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const
    if ((await Bun.spawn([python, "-c", `import ${module}`], io).exited) === 0) return python
  }
  return undefined
}

function hasPackage(name: string): boolean {
  try {
    Bun.resolveSync(name, import.meta.dir)
    return true
  } catch {
    return false
  }
}

async function find(name: DriverName): Promise<Found> {
  const module = moduleOf[name]
  if (module !== undefined) {
    const isThere = (await pythonWith(module)) !== undefined
    return { name, why: isThere ? undefined : `no python3 here has the module ${module}` }
  }
  const npm = packageOf[name]
  if (npm !== undefined) {
    return { name, why: hasPackage(npm) ? undefined : `the package ${npm} is not installed` }
  }
  if (name === "kcat") {
    return { name, why: Bun.which("kcat") === null ? "kcat is not on the PATH" : undefined }
  }
  return { name, why: undefined }
}

const all: ReadonlyArray<DriverName> = [
  "raw",
  "kafkajs",
  "platformatic",
  "confluent",
  "python-kafka",
  "kcat",
]

export async function availableDrivers(): Promise<AvailableDrivers> {
  const found = await Promise.all(all.map(find))
  return {
    there: found.flatMap(({ name, why }) => (why === undefined ? [name] : [])),
    missing: found.flatMap(({ name, why }) => (why === undefined ? [] : [{ name, why }])),
  }
}
