/** What clients in child processes have in common: their ports, and how they are begun. */
import { join } from "node:path"
import type { RunClock } from "../clock.ts"
import type { Recorder } from "../history/recorder.ts"
import type { ClientControl, DriverName } from "../workload.ts"
import { pythonWith } from "./available.ts"
import type { Tally } from "./client.ts"
import type { ForeignProcess, Wards } from "./foreign-process.ts"
import type { Task } from "./foreign/lines.ts"
import type { Topic } from "./partition.ts"

export interface ForeignPorts {
  readonly clock: RunClock
  readonly recorder: Recorder
  readonly tally: Tally
  readonly runId: string
  readonly bootstrap: ReadonlyArray<string>
  readonly wards: Wards
  /** Made-up producer ids, falling from −2: no two sessions of a run have the same. */
  readonly sessionIds: { next: number }
  log(line: string): void
}

/** Drivers that are served by a program of this folder, and the Python module it needs. */
const programs: Readonly<Partial<Record<DriverName, readonly [file: string, module?: string]>>> = {
  kafkajs: ["foreign/kafkajs.ts"],
  platformatic: ["foreign/platformatic.ts"],
  confluent: ["foreign/confluent_client.py", "confluent_kafka"],
  "python-kafka": ["foreign/python_kafka_client.py", "kafka"],
}

/** The words before its task; undefined for a driver that is no client of this kind. */
export async function commandOf(driver: DriverName): Promise<ReadonlyArray<string> | undefined> {
  const [file, module] = programs[driver] ?? []
  if (file === undefined) return undefined
  const interpreter = module === undefined ? process.execPath : await pythonWith(module)
  return [interpreter ?? "python3", join(import.meta.dir, file)]
}

export interface ForeignIdentity {
  readonly name: string
  readonly command: ReadonlyArray<string>
  readonly topics: ReadonlyArray<Topic>
}

export function taskWords(
  { name, command, topics }: ForeignIdentity,
  { bootstrap, runId }: ForeignPorts,
  role: Task["role"],
  idempotent = false,
): ReadonlyArray<string> {
  const task: Task = {
    role,
    bootstrap,
    clientId: name,
    topics: topics.map((topic) => topic.name),
    partitions: topics.map(({ partitions }) => partitions),
    idempotent,
    group: `${name}-${runId}`,
  }
  return [...command, JSON.stringify(task)]
}

export function controlOf(
  name: string,
  role: ClientControl["role"],
  child: ForeignProcess,
  operations: () => number,
): ClientControl {
  return {
    name,
    role,
    get pid() {
      return child.pid
    },
    get operations() {
      return operations()
    },
    pause: () => child.pause(),
    resume: () => child.resume(),
  }
}
