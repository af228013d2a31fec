/**
 * What consumer groups cost: members that do nothing but heartbeat, and how long it takes to list
 * what groups have committed.
 *     bun scripts/bench-groups.ts [--groups 200] [--members 10] [--interval-ms 3000]
 *         [--protocol classic|consumer] [--seconds 20] [--offsets 10000] [--json]
 * Exit 1 when listing the offsets takes 100 ms or more.
 */
import { offsetCommit } from "../src/protocol/messages/offset-commit.ts"
import { offsetFetch } from "../src/protocol/messages/offset-fetch.ts"
import { cpuSeconds, residentMB } from "./bench/footprint.ts"
import { coordinatorOf, joinAll } from "./bench/group-load.ts"
import type { GroupMember } from "./bench/group-load.ts"
import { Cluster } from "./harness/cluster.ts"
import { createTopic } from "./harness/layout.ts"
import { parseAddress, RawConnection } from "./harness/raw.ts"
import { scriptFlags } from "./harness/script-flags.ts"

const args = scriptFlags({
  groups: { type: "string", default: "200" },
  members: { type: "string", default: "10" },
  "interval-ms": { type: "string", default: "3000" },
  protocol: { type: "string", default: "classic" },
  seconds: { type: "string", default: "20" },
  offsets: { type: "string", default: "10000" },
  json: { type: "boolean", default: false },
})
const groups = Number(args.groups)
const membersPerGroup = Number(args.members)
const intervalMs = Number(args["interval-ms"])
const seconds = Number(args.seconds)
const offsets = Number(args.offsets)
const protocol = args.protocol === "consumer" ? "consumer" : "classic"
const listingMaxMs = 100
/** A commit for so many partitions at once. */
const partitions = Math.min(500, offsets)
const topic = "measured"
/** Long enough for all members of a group to come into its first generation. */
const settings = { "group.initial.rebalance.delay.ms": "1000" }
/** Groups that join at the same time. */
const joiningMax = 25

const cluster = await Cluster.start({ settings })
const pids = (): ReadonlyArray<number> => cluster.brokers.map(({ id }) => cluster.pidOf(id))

/** Heartbeats evenly over the interval, as members that joined one by one would send them. */
async function beatFor(members: ReadonlyArray<GroupMember>, forMs: number): Promise<Array<number>> {
  const took: Array<number> = []
  const endMs = performance.now() + forMs
  const loops = members.map(async (member, i) => {
    await Bun.sleep((intervalMs * i) / members.length)
    while (performance.now() < endMs) {
      const sentMs = performance.now()
      await member.beat()
      took.push(performance.now() - sentMs)
      await Bun.sleep(Math.max(0, intervalMs - (performance.now() - sentMs)))
    }
  })
  await Promise.all(loops)
  return took.toSorted((a, b) => a - b)
}

const at = (sorted: ReadonlyArray<number>, share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0

async function heartbeats(any: RawConnection) {
  const resident = () => pids().map(residentMB)
  const residentBefore = resident()
  const members: Array<GroupMember> = []
  const joinedMs = performance.now()
  for (let from = 0; from < groups; from += joiningMax) {
    const ids = Array.from({ length: Math.min(joiningMax, groups - from) }, (_, i) => from + i)
    const joined = ids.map(async (i) => {
      const group = `group-${i}`
      const address = await coordinatorOf(any, group)
      return joinAll(address, group, membersPerGroup, topic, protocol)
    })
    members.push(...(await Promise.all(joined)).flat())
  }
  const joinMs = performance.now() - joinedMs
  // Members of the new protocol settle within a few of their heartbeats.
  await beatFor(members, 2 * intervalMs)
  const cpuBefore = pids().map(cpuSeconds)
  const startedMs = performance.now()
  const took = await beatFor(members, seconds * 1000)
  const spanSeconds = (performance.now() - startedMs) / 1000
  const cpu = pids().map((pid, i) => cpuSeconds(pid) - (cpuBefore[i] ?? 0))
  const result = {
    members: members.length,
    joinMs: Math.round(joinMs),
    beatsPerSecond: Math.round(took.length / spanSeconds),
    p50Ms: at(took, 0.5),
    p99Ms: at(took, 0.99),
    cpuPercent: cpu.map((used) => Math.round((100 * used) / spanSeconds)),
    residentMB: resident(),
    residentBeforeMB: residentBefore,
  }
  for (const member of members) member.close()
  return result
}

/** Commits for as many groups as it takes, then asks for all that each has committed. */
async function listing(any: RawConnection) {
  const count = Math.ceil(offsets / partitions)
  const asked: Array<{ groupId: string; connection: RawConnection }> = []
  for (let i = 0; i < count; i++) {
    const groupId = `committed-${i}`
    const connection = await RawConnection.open(parseAddress(await coordinatorOf(any, groupId)))
    const committed = Array.from({ length: partitions }, (_, partitionIndex) => ({
      partitionIndex,
      committedOffset: partitionIndex,
      committedMetadata: "",
    }))
    const body = { groupId, topics: [{ name: topic, partitions: committed }] }
    const { topics } = await connection.request(offsetCommit, 9, body)
    const failed = topics[0]?.partitions.find(({ errorCode }) => errorCode !== 0)
    if (failed !== undefined) throw new Error(`a commit failed: ${failed.errorCode}`)
    asked.push({ groupId, connection })
  }
  const times: Array<number> = []
  for (let round = 0; round < 5; round++) {
    const startedMs = performance.now()
    const answers = await Promise.all(
      asked.map(({ groupId, connection }) =>
        connection.request(offsetFetch, 9, { groups: [{ groupId, topics: null }] }),
      ),
    )
    times.push(performance.now() - startedMs)
    const listed = answers.reduce(
      (sum, { groups: [group] }) => sum + (group?.topics[0]?.partitions.length ?? 0),
      0,
    )
    if (listed !== count * partitions) throw new Error(`${listed} offsets were listed`)
  }
  for (const { connection } of asked) connection.close()
  return {
    offsets: count * partitions,
    groups: count,
    medianMs: at(
      times.toSorted((a, b) => a - b),
      0.5,
    ),
  }
}

try {
  await createTopic(cluster.bootstrapList, { topic, partitions })
  const any = await RawConnection.open(parseAddress(cluster.bootstrapList[0] ?? ""))
  const load = await heartbeats(any)
  const listed = await listing(any)
  any.close()
  if (args.json) console.log(JSON.stringify({ protocol, groups, intervalMs, ...load, listed }))
  else {
    console.log(
      `${groups} groups of ${membersPerGroup} (${protocol}), a heartbeat every ${intervalMs} ms: ` +
        `joined in ${load.joinMs} ms; ${load.beatsPerSecond} heartbeats/s, ` +
        `p50 ${load.p50Ms.toFixed(1)} ms, p99 ${load.p99Ms.toFixed(1)} ms`,
    )
    console.log(`CPU of the brokers: ${load.cpuPercent.join(" %, ")} %`)
    console.log(
      `resident: ${load.residentMB.join(", ")} MB (before: ${load.residentBeforeMB.join(", ")} MB)`,
    )
    const { offsets: all, groups: of, medianMs } = listed
    console.log(`${all} committed offsets of ${of} groups listed in ${medianMs.toFixed(1)} ms`)
  }
  process.exitCode = listed.medianMs < listingMaxMs ? 0 : 1
} finally {
  await cluster.dispose()
}
