/**
 * How long a broker that was killed takes until it answers for every group again, with many commits
 * in its log: one broker, as many groups as write at the same time.
 *     bun scripts/bench-group-restart.ts [--commits 100000] [--groups 200] [--json]
 */
import { offsetCommit } from "../src/protocol/messages/offset-commit.ts"
import { offsetFetch } from "../src/protocol/messages/offset-fetch.ts"
import { cpuSeconds, residentMB } from "./bench/footprint.ts"
import { coordinatorOf } from "./bench/group-load.ts"
import { Cluster } from "./harness/cluster.ts"
import { createTopic } from "./harness/layout.ts"
import { parseAddress, RawConnection, withRaw } from "./harness/raw.ts"
import { scriptFlags } from "./harness/script-flags.ts"
import { until } from "./harness/until.ts"

const args = scriptFlags({
  commits: { type: "string", default: "100000" },
  groups: { type: "string", default: "200" },
  json: { type: "boolean", default: false },
})
const commits = Number(args.commits)
const groups = Array.from({ length: Number(args.groups) }, (_, i) => `group-${i}`)
const topic = "measured"
const partitions = 3
const settings = {
  "offsets.topic.replication.factor": "1",
  "default.replication.factor": "1",
}

/** Each group by itself, one commit after the other, until all together have done as many. */
async function commitAll(address: string): Promise<void> {
  let left = commits
  const write = async (groupId: string): Promise<void> => {
    const connection = await RawConnection.open(parseAddress(address))
    for (let offset = 0; left > 0; offset++) {
      left--
      const partitionIndex = offset % partitions
      const committed = { partitionIndex, committedOffset: offset, committedMetadata: "" }
      const body = { groupId, topics: [{ name: topic, partitions: [committed] }] }
      const answer = await connection.request(offsetCommit, 9, body)
      const code = answer.topics[0]?.partitions[0]?.errorCode
      if (code !== 0) throw new Error(`a commit failed: ${code}`)
    }
    connection.close()
  }
  await Promise.all(groups.map(write))
}

const allAnswered = (address: string): Promise<boolean> =>
  withRaw(address, async (connection) => {
    const asked = groups.map((groupId) => ({ groupId, topics: null }))
    const { groups: answers } = await connection.request(offsetFetch, 9, { groups: asked })
    return answers.every(({ errorCode, topics }) => errorCode === 0 && topics.length === 1)
  })

const cluster = await Cluster.start({ nodes: 1, settings })
try {
  const [address = ""] = cluster.bootstrapList
  await createTopic([address], { topic, partitions, replicationFactor: 1 })
  await withRaw(address, async (any) => {
    for (const group of groups) await coordinatorOf(any, group)
  })
  const beganMs = performance.now()
  await commitAll(address)
  const commitSeconds = (performance.now() - beganMs) / 1000
  await cluster.kill(0)
  const killedMs = performance.now()
  const started = cluster.startBroker(0)
  const patience = { timeoutMs: 120_000, everyMs: 10 }
  await until("every group to be answered for", () => allAnswered(address), patience)
  const readyMs = Math.round(performance.now() - killedMs)
  const cpu = cpuSeconds(cluster.pidOf(0))
  await started
  const rate = Math.round(commits / commitSeconds)
  const resident = residentMB(cluster.pidOf(0))
  if (args.json) console.log(JSON.stringify({ commits, rate, readyMs, cpu, resident }))
  else {
    console.log(`${commits} commits of ${groups.length} groups, ${rate}/s`)
    console.log(
      `all answered for ${readyMs} ms after the start; ${cpu.toFixed(2)} s of CPU, ${resident} MB`,
    )
  }
} finally {
  await cluster.dispose()
}
