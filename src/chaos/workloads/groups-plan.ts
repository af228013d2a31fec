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

interface Options {
  readonly ports: GroupPorts
  readonly topics: ReadonlyArray<Topic>
  readonly drivers: ReadonlyArray<DriverName>
  readonly bootstrap: ReadonlyArray<string>
  readonly sessionTimeoutMs: number
  /** The Python that has a module. */
  readonly python?: typeof pythonWith
}

const lifeMs = 25_000
const crashPercent = 60
const commitEveryMs = 400
const rawMembers = 3
const foreignMembers = 2
/** Groups of processes, drawn from all that could be: each takes its share of the machine. */
const foreignGroupsMax = 3

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

function foreignGroup(planned: Foreign, options: Options): PlannedGroup {
  const { ports, topics, bootstrap, sessionTimeoutMs } = options
  const { name, protocol, program, strategy, isUntagged } = planned
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

const { dir } = import.meta
const members = join(dir, "..", "drivers", "groups", "members")
const varveMember = [
  process.execPath,
  join(dir, "..", "drivers", "groups", "members", "varve-member.ts"),
]
const kafkajsMember = [
  process.execPath,
  join(dir, "..", "drivers", "groups", "members", "kafkajs-member.ts"),
]

/** One strategy of each client, and of the clients as many as there may be. */
async function foreignOf(
  { drivers, python = pythonWith }: Options,
  chance: Prng,
): Promise<ReadonlyArray<Foreign>> {
  const all = await Promise.all(
    [...clients]
      .filter(([name]) => drivers.includes(name))
      .map(([, client]) => client(chance, python)),
  )
  const left = [...all]
  return Array.from({ length: Math.min(foreignGroupsMax, all.length) }, () =>
    left.splice(chance.below(left.length), 1),
  ).flat()
}

const oneOf = (chance: Prng, all: ReadonlyArray<string>): string =>
  all[chance.below(all.length)] ?? ""

const clients: ReadonlyMap<
  DriverName,
  (chance: Prng, python: typeof pythonWith) => Promise<Foreign>
> = new Map([
  [
    "raw",
    async (chance: Prng) => {
      const strategy = oneOf(chance, ["range", "cooperative-sticky", "consumer"])
      return foreign("raw-client", varveMember, strategy)
    },
  ],
  ["kafkajs", async () => foreign("kafkajs", kafkajsMember, "roundrobin")],
  [
    "confluent",
    async (chance: Prng, python: typeof pythonWith) => {
      const strategy = oneOf(chance, ["range", "cooperative-sticky"])
      const program = pythonProgram(await python("confluent_kafka"), "confluent_member.py")
      // Its Python face cannot set the metadata of a commit before 2.0.
      return { ...foreign("confluent", program, strategy), isUntagged: true }
    },
  ],
  [
    "python-kafka",
    async (_: Prng, python: typeof pythonWith) => {
      const program = pythonProgram(await python("kafka"), "python_kafka_member.py")
      return foreign("python-kafka", program, "range")
    },
  ],
])

const pythonProgram = (python: string | undefined, file: string): ReadonlyArray<string> => [
  python ?? "python3",
  join(members, file),
]

const foreign = (name: string, program: ReadonlyArray<string>, strategy: string): Foreign => ({
  name: `${name}-${strategy}`,
  protocol: strategy === "consumer" ? "consumer" : "classic",
  program,
  strategy,
  isUntagged: false,
})
