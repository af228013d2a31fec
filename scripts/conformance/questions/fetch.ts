import { fetch } from "../../../src/protocol/messages/fetch.ts"
import { listOffsets } from "../../../src/protocol/messages/list-offsets.ts"
import { offsetForLeaderEpoch } from "../../../src/protocol/messages/offset-for-leader-epoch.ts"
import { produce } from "../../../src/protocol/messages/produce.ts"
import { buildBatch } from "../../../src/protocol/index.ts"
import type { Asker } from "../asker.ts"
import { record } from "./batches.ts"
import { nobodyId, topicLedBy0 } from "./topics-of-our-own.ts"

/** Ten batches of one record, a second apart. */
async function fill(asker: Asker, name: string, topicId: string): Promise<void> {
  for (let i = 0; i < 10; i++) {
    const records = buildBatch({ records: [record("k", `v${i}`, 1_000 * i)] })
    const topicData = [{ name, topicId, partitionData: [{ index: 0, records }] }]
    await asker.call(produce, 12, { acks: -1, timeoutMs: 8_000, topicData }, "a record a second")
  }
}

const part = (partition: number, fetchOffset: number, more: object = {}) => ({
  partition,
  fetchOffset,
  partitionMaxBytes: 1 << 20,
  ...more,
})

export async function askFetch(asker: Asker): Promise<void> {
  const topicId = await topicLedBy0(asker, "f-log")
  await fill(asker, "f-log", topicId)
  await asker.rest(500)
  const base = { maxWaitMs: 100, minBytes: 1, maxBytes: 1 << 20, sessionEpoch: -1 }
  const known = (...partitions: ReadonlyArray<ReturnType<typeof part>>) => ({
    topic: "f-log",
    topicId,
    partitions,
  })
  for (const version of [4, 7, 10, 11, 12, 13, 16, 18]) {
    const ask = (
      topics: ReadonlyArray<ReturnType<typeof known>>,
      note: string,
      more: object = {},
    ) => asker.call(fetch, version, { ...base, ...more, topics }, note)
    await ask([known(part(0, 3, { partitionMaxBytes: 150 }))], "150 bytes of one partition")
    await ask([known(part(0, 0), part(1, 0), part(5, 0))], "one full, one empty, one unknown")
    await ask([known(part(0, 8))], "the last two", { minBytes: 10_000 })
    await ask([known(part(0, 0))], "200 bytes in all", { maxBytes: 200 })
    await ask([], "no topics, no session")
    await ask(
      [{ topic: "f-nobody", topicId: nobodyId, partitions: [part(0, 0)] }, known(part(0, 9))],
      "an unknown topic before a known one",
    )
    await ask([known(part(0, 5, { logStartOffset: 0 }))], "as a follower that is none", {
      replicaId: 2,
      replicaState: { replicaId: 2 },
    })
  }
  await askOffsets(asker)
}

const first = 1_760_000_000_000
const at = (timestamp: number, partitionIndex = 0) => ({ partitionIndex, timestamp })

async function askOffsets(asker: Asker): Promise<void> {
  const ask = (partitions: ReadonlyArray<ReturnType<typeof at>>, note: string, name = "f-log") =>
    asker.every(
      listOffsets,
      { replicaId: -1, topics: [{ name, partitions }], timeoutMs: 5_000 },
      note,
    )
  await ask([at(first + 4_500)], "between two records")
  await ask([at(first + 4_000)], "the time of the fifth")
  await ask([at(first + 9_000)], "the time of the last")
  await ask([at(first + 9_001)], "after the last")
  await ask([at(0)], "time 0")
  await ask([at(-1, 0), at(-2, 1), at(-1, 4)], "three partitions, one unknown")
  await ask([at(-1, 0), at(-2, 0)], "the same partition twice")
  await ask([], "no partitions")
  await ask([at(first)], "a topic that is not there", "f-nobody")
  await asker.every(
    offsetForLeaderEpoch,
    {
      replicaId: -1,
      topics: [
        {
          topic: "f-log",
          partitions: [
            { partition: 0, leaderEpoch: 99 },
            { partition: 7, leaderEpoch: 0 },
          ],
        },
        { topic: "f-nobody", partitions: [{ partition: 0, leaderEpoch: 0 }] },
      ],
    },
    "an epoch to come, an unknown partition, an unknown topic",
  )
  await asker.every(offsetForLeaderEpoch, { replicaId: -1, topics: [] }, "no topics")
}
