/** Which groups a run has, and of whom they consist; from the seed alone. */
import { join } from "node:path"
import { stream } from "../../../raft/prng.ts"
import type { Prng } from "../../../raft/prng.ts"
import { pythonWith } from "../drivers/available.ts"
import { classicProtocol } from "../drivers/groups/classic-protocol.ts"
import { consumerProtocol } from "../drivers/groups/consumer-protocol.ts"
import { ForeignMember } from "../drivers/groups/foreign-member.ts"
import type { GroupPorts } from "../drivers/groups/group-ports.ts"
import { RawMember } from "../drivers/groups/raw-member.ts"
import type { GroupProtocol, Member } from "../drivers/groups/raw-member.ts"
import type { Topic } from "../drivers/partition.ts"
import type { DriverName } from "../workload.ts"

export interface PlannedGroup {
  /** Begins with the driver's name, and so do the names of its processes in the history. */
  readonly group: string
  readonly members: ReadonlyArray<Member>
}

export interface GroupsPlan {
  readonly groups: ReadonlyArray<PlannedGroup>
}

interface Options {
  readonly ports: GroupPorts
  readonly topics: ReadonlyArray<Topic>
  readonly drivers: ReadonlyArray<DriverName>
  readonly bootstrap: ReadonlyArray<string>
  readonly sessionTimeoutMs: number
}

const lifeMs = 25_000
const crashPercent = 60
const commitEveryMs = 400
const rawMembers = 3
const foreignMembers = 2
/** From so many partitions on there is a group of every strategy, else of one that is drawn. */
const manyPartitions = 12

interface Foreign {
  readonly name: string
  readonly protocol: "classic" | "consumer"
  readonly program: ReadonlyArray<string>
  readonly strategy: string
  readonly isUntagged: boolean
}

export async function planGroups(options: Options): Promise<ReadonlyArray<PlannedGroup>> {
  const { ports, drivers } = options
  const chance = stream(ports.seed, "groups")
  const groups: Array<PlannedGroup> = []
  if (drivers.includes("raw")) {
    groups.push(rawGroup("raw-classic", classicProtocol, options))
    groups.push(rawGroup("raw-consumer", consumerProtocol, options))
  }
  for (const foreign of await foreignOf(options, chance))
    groups.push(foreignGroup(foreign, options))
  return groups
}

function rawGroup(name: string, protocol: GroupProtocol, options: Options): PlannedGroup {
  const { ports, topics, sessionTimeoutMs } = options
  const group = `${name}-${ports.runId}`
  const shape = {
    group,
    topics,
    sessionTimeoutMs,
    rebalanceTimeoutMs: sessionTimeoutMs,
    heartbeatMs: 500,
    commitEveryMs,
    lifeMs,
    crashPercent,
  }
  const members = Array.from({ length: rawMembers }, (_, i) => {
    const chance = stream(ports.seed, `${name}.${i}`)
    return new RawMember(String(i), shape, ports, protocol, chance)
  })
  return { group, members }
}

function foreignGroup(foreign: Foreign, options: Options): PlannedGroup {
  const { ports, topics, bootstrap, sessionTimeoutMs } = options
  const { name, protocol, program, strategy, isUntagged } = foreign
  const group = `${name}-${ports.runId}`
  const flags = {
    bootstrap: bootstrap.join(","),
    topics: topics.map((topic) => topic.name).join(","),
    group,
    session: String(sessionTimeoutMs),
    strategy,
  }
  const words = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value])
  const command = [...program, ...words]
  const shape = { group, topics, protocol, command, isUntagged }
  const habits = { commitEveryMs, lifeMs, crashPercent }
  const members = Array.from({ length: foreignMembers }, (_, i) => {
    const chance = stream(ports.seed, `${name}.${i}`)
    return new ForeignMember(String(i), { ...shape, ...habits }, ports, chance)
  })
  return { group, members }
}

const programs = join(import.meta.dir, "..", "drivers", "groups", "members")
const varveMember = [process.execPath, join(programs, "varve-member.ts")]
const kafkajsMember = [process.execPath, join(programs, "kafkajs-member.ts")]

async function foreignOf(
  { drivers, topics }: Options,
  chance: Prng,
): Promise<ReadonlyArray<Foreign>> {
  const partitions = topics.reduce((sum, topic) => sum + topic.partitions, 0)
  const some = <T>(all: ReadonlyArray<T>): ReadonlyArray<T> => {
    const at = chance.below(all.length)
    return partitions >= manyPartitions ? all : all.slice(at, at + 1)
  }
  const found: Array<Foreign> = []
  const add = (name: string, program: ReadonlyArray<string>, strategy: string, untagged = false) =>
    found.push({
      name: `${name}-${strategy}`,
      protocol: strategy === "consumer" ? "consumer" : "classic",
      program,
      strategy,
      isUntagged: untagged,
    })
  const varveStrategies = some(["range", "cooperative-sticky", "consumer"])
  const confluentStrategies = some(["range", "cooperative-sticky"])
  if (drivers.includes("raw")) {
    for (const strategy of varveStrategies) add("raw-client", varveMember, strategy)
  }
  if (drivers.includes("kafkajs")) add("kafkajs", kafkajsMember, "roundrobin")
  if (drivers.includes("confluent")) {
    const python = (await pythonWith("confluent_kafka")) ?? "python3"
    const program = [python, join(programs, "confluent_member.py")]
    // Its Python face cannot set the metadata of a commit before 2.0.
    for (const strategy of confluentStrategies) add("confluent", program, strategy, true)
  }
  if (drivers.includes("python-kafka")) {
    const python = (await pythonWith("kafka")) ?? "python3"
    add("python-kafka", [python, join(programs, "python_kafka_member.py")], "range")
  }
  return found
}
