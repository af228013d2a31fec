/**
 * SIGKILLs the brokers in turn, again and again, under a consumer group that reads what writers of
 * different make write, and commits behind every record:
 *
 *     bun scripts/kill-under-group.ts --seconds 120
 *
 * Then it looks for commits that were acknowledged and are gone, for records that nobody of the
 * group has read although they were acknowledged, and at what the writers were promised. Exit 1
 * when something is missing. VARVE_TEST_CLUSTER=kafka aims it at Apache Kafka.
 */
import { Cluster } from "./harness/cluster.ts"
import { WriterFleet, writers } from "./harness/failover.ts"
import { MemberProcess, untilShared } from "./harness/group-processes.ts"
import { committedOffsets, endsOf } from "./harness/layout.ts"
import { problemRuns } from "./harness/problem-runs.ts"
import { scriptFlags } from "./harness/script-flags.ts"
import { until } from "./harness/until.ts"

const args = scriptFlags({
  seconds: { type: "string", default: "120" },
  /** How long a broker stays away, and how long all are there, milliseconds. */
  down: { type: "string", default: "2000" },
  up: { type: "string", default: "4000" },
  members: { type: "string", default: "3" },
  partitions: { type: "string", default: "3" },
  rate: { type: "string", default: "50" },
})

const topic = "under-group"
const group = "under-fire"
const partitions = Number(args.partitions)
const say = (line: string) => console.log(line)

async function killInTurn(cluster: Cluster, members: ReadonlyArray<MemberProcess>) {
  const endMs = performance.now() + Number(args.seconds) * 1_000
  const recordsRead = () => members.reduce((sum, { read }) => sum + read.length, 0)
  let kills = 0
  let longestMs = 0
  for (; performance.now() < endMs; kills++) {
    const id = cluster.brokers[kills % cluster.brokers.length]?.id ?? 0
    const before = recordsRead()
    const killedMs = performance.now()
    await cluster.kill(id)
    await until("the group to read on", () => recordsRead() > before + 2 * Number(args.rate), {
      timeoutMs: 60_000,
    })
    longestMs = Math.max(longestMs, performance.now() - killedMs)
    await Bun.sleep(Math.max(0, Number(args.down) - (performance.now() - killedMs)))
    await cluster.startBroker(id)
    await Bun.sleep(Number(args.up))
  }
  return { kills, longestMs }
}

/** By partition, the greatest offset behind which the group was told that it had committed. */
function acknowledgedCommits(members: ReadonlyArray<MemberProcess>): ReadonlyArray<number> {
  return Array.from({ length: partitions }, (_, partition) =>
    Math.max(...members.map(({ committed }) => committed.get(partition) ?? 0)),
  )
}

interface Read {
  readonly distinct: Set<string>
  readonly again: number
}

function readBy(members: ReadonlyArray<MemberProcess>): Read {
  const all = members.flatMap(({ read }) => read.map((r) => `${r.partition} ${r.offset}`))
  const distinct = new Set(all)
  return { distinct, again: all.length - distinct.size }
}

/** Until the group has read and committed up to what is there. */
async function untilCaughtUp(cluster: Cluster, members: ReadonlyArray<MemberProcess>) {
  const ends = await endsOf(cluster.bootstrapList, topic)
  await until(
    "the group to commit the end of every partition",
    () => acknowledgedCommits(members).every((offset, p) => offset >= (ends[p] ?? 0)),
    { timeoutMs: 120_000, everyMs: 200 },
  )
  return ends
}

async function main(): Promise<number> {
  const cluster = await Cluster.start({ settings: { "offsets.topic.num.partitions": "5" } })
  const members: Array<MemberProcess> = []
  try {
    const fleet = await WriterFleet.start(cluster, { topic, partitions, rate: Number(args.rate) })
    for (let i = 0; i < Number(args.members); i++) {
      members.push(MemberProcess.kafkajs({ bootstrap: cluster.bootstrap, group, topic }))
    }
    await untilShared(members, partitions)
    const joins = () => Math.max(...members.map((member) => member.joins.length))
    const joinsBefore = joins()
    say(
      `${cluster.target.name}: ${writers.map((w) => w.name).join(", ")}; ${members.length} members`,
    )
    const { kills, longestMs } = await killInTurn(cluster, members)
    const verdict = await fleet.finish()
    const ends = await untilCaughtUp(cluster, members)
    const { distinct, again } = readBy(members)
    const skipped = ends.flatMap((end, partition) =>
      Array.from({ length: end }, (_, offset) => `${partition} ${offset}`).filter(
        (place) => !distinct.has(place),
      ),
    )
    const stored = await committedOffsets(cluster.bootstrapList, group, topic)
    const lost = acknowledgedCommits(members).filter((offset, p) => (stored.get(p) ?? -1) < offset)
    say(`${kills} kills; longest wait for a record ${Math.round(longestMs)} ms`)
    say(
      `${joins() - joinsBefore} rebalances, ${distinct.size} records read, ${again} of them again`,
    )
    say(`${verdict.acknowledged} acknowledged to writers, ${verdict.problems.length} wrong`)
    for (const line of problemRuns(verdict.problems, [])) say(line)
    say(`${skipped.length} records skipped, ${lost.length} commits lost`)
    for (const place of skipped.slice(0, 10)) say(`skipped: partition, offset ${place}`)
    return skipped.length + lost.length + verdict.problems.length === 0 ? 0 : 1
  } finally {
    for (const member of members) member.kill()
    await cluster.dispose()
  }
}

process.exit(await main())
