/**
 * Appends whose partition the client chose and has not told: their values may be in any partition
 * of the topic, but no more often than elsewhere; and what was acknowledged is in one.
 */
import type { Operation } from "../history/history.ts"
import { operationsOf, topicOfKey } from "../history/history.ts"
import type { Anomalies } from "./anomaly.ts"
import { isStray } from "./partition-view.ts"
import type { PartitionView } from "./partition-view.ts"
import { Writers } from "./writers.ts"

export function checkStrays(
  operations: ReadonlyArray<Operation>,
  views: ReadonlyArray<PartitionView>,
  found: Anomalies,
): void {
  const strays = operationsOf(operations, "append").filter(({ partition }) => isStray(partition))
  if (strays.length === 0) return
  const viewsByTopic = Map.groupBy(views, ({ partition }) => topicOfKey(partition))
  for (const [topic, appends] of Map.groupBy(strays, ({ partition }) => topicOfKey(partition))) {
    const ofTopic = viewsByTopic.get(topic) ?? []
    const writers = new Writers(appends)
    const isTotal = ofTopic.length > 0 && ofTopic.every(holdsAll)
    for (const append of appends) {
      for (const value of append.values) {
        const places = ofTopic.flatMap(({ log, partition }) =>
          (log?.offsetsOf(value) ?? []).map((offset) => `${partition} ${offset}`),
        )
        if (places.length > writers.copiesMax(value)) {
          found.add("duplicate", topic, `${value} is at ${places.join(", ")}`, [append])
        }
        const isAcknowledged = append.outcome === "ok" && append.acks === -1
        if (places.length > 0 || !isAcknowledged || !isTotal) continue
        const detail = `${value}, acknowledged in a partition not told, is in none`
        found.add("lost-write", topic, detail, [append])
      }
    }
  }
}

/** Nothing can have been cut or compacted away. */
const holdsAll = ({ log, highestStart }: PartitionView): boolean =>
  log !== undefined && !log.isCompacted && log.startOffset === 0 && highestStart === 0
