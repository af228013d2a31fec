import { afterEach, expect, test } from "bun:test"
import { Cluster } from "../../scripts/harness/cluster.ts"
import { WriterFleet } from "../../scripts/harness/failover.ts"
import { untilInSync, withAdmin } from "../../scripts/harness/layout.ts"
import { target } from "../../scripts/harness/target.ts"

/** Real processes: replication factor 2, and whichever broker is killed. */

const minute = 60_000

let cluster: Cluster
let fleet: WriterFleet | undefined

afterEach(async () => {
  fleet?.kill()
  fleet = undefined
  await cluster?.dispose()
}, minute)

// Kafka with two replicas loses nothing either, but by its controller's word, not by a third vote.
test.skipIf(target.name !== "varve")(
  "two replicas: SIGKILL of each broker in turn under load; all partitions go on, nothing is lost",
  async () => {
    cluster = await Cluster.start()
    const topic = "two-replicas"
    // Each broker leads one partition, follows in one and is the witness of one.
    fleet = await WriterFleet.start(cluster, {
      topic,
      partitions: 3,
      rate: 100,
      replicationFactor: 2,
    })
    const gapsMs: Array<number> = []
    for (const id of [0, 1, 2]) {
      const killed = performance.now()
      await cluster.kill(id)
      await fleet.untilAcknowledged()
      gapsMs.push(performance.now() - killed)
      await cluster.startBroker(id)
      await untilInSync(cluster.bootstrapList, topic)
    }
    const verdict = await fleet.finish()
    expect(verdict.problems).toEqual([])
    for (const writer of verdict.perWriter) expect(writer.acknowledged).toBeGreaterThan(0)
    const { topics } = await withAdmin(cluster.bootstrapList, (admin) =>
      admin.fetchTopicMetadata({ topics: [topic] }),
    )
    for (const { replicas } of topics[0]?.partitions ?? []) expect(replicas.length).toBe(2)
    console.log(
      `all partitions written again by everybody after ` +
        `${gapsMs.map((gap) => `${Math.round(gap)} ms`).join(", ")}; ` +
        `${verdict.acknowledged} acknowledged, 0 lost`,
    )
  },
  4 * minute,
)
