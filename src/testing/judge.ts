/** All checks over a test's history, and what they come to. */
import { checkHistory } from "../chaos/checkers/index.ts"
import type { Anomaly } from "../chaos/checkers/index.ts"
import type { Operation } from "../chaos/history/history.ts"
import { operationsOf } from "../chaos/history/history.ts"
import { EffectChecks } from "./effects.ts"
import type { EffectPromises } from "./effects.ts"
import { readersOf } from "./expected.ts"
import type { Reader } from "./expected.ts"
import { TestVerdict } from "./verdict.ts"

/**
 * Of what the brokers promise everything is checked always. What readers do with the records is
 * checked as far as it is promised here.
 */
export interface Promises extends EffectPromises {
  /**
   * The topics that each reader (a group, or a process without one) is to process completely.
   * Unless said otherwise whoever has processed or committed anything reads all topics.
   */
  readonly readers?: Readonly<Record<string, ReadonlyArray<string>>>
}

/** `drainedFrom`: number of the first operation of the last drain. */
export function judgeHistory(
  all: ReadonlyArray<Operation>,
  promises: Promises,
  drainedFrom: number | undefined,
): TestVerdict {
  const isOld = ({ f, id }: Operation): boolean => f === "drain" && id < (drainedFrom ?? 0)
  const operations = all.filter((operation) => !isOld(operation))
  const log = checkHistory(operations)
  const effects = new EffectChecks(operations)
  for (const { reader, topics } of wantedReaders(operations, promises)) {
    effects.check(reader, promises, topics)
  }
  const anomalies = [...log.anomalies.filter(isOfBrokers(operations)), ...effects.found]
  return new TestVerdict({
    operations,
    anomalies,
    gaps: gapsOf(operations, log, drainedFrom),
    acknowledged: log.acknowledged,
    received: log.read,
    processed: operationsOf(operations, "process").length,
    drained: log.drained,
  })
}

const nobody = (name: string): Reader => ({ name, effects: [], commits: [] })

function wantedReaders(
  operations: ReadonlyArray<Operation>,
  { readers, atLeastOnce }: Promises,
): ReadonlyArray<{ readonly reader: Reader; readonly topics?: ReadonlyArray<string> }> {
  const known = readersOf(operations)
  if (readers === undefined) {
    const all = known.length === 0 && atLeastOnce === true ? [nobody("anybody")] : known
    return all.map((reader) => ({ reader }))
  }
  return Object.entries(readers).map(([name, topics]) => {
    return { reader: known.find((one) => one.name === name) ?? nobody(name), topics }
  })
}

/**
 * Whether members were given all that their group has committed past is to be seen only where the
 * test records what they were given.
 */
function isOfBrokers(operations: ReadonlyArray<Operation>): (anomaly: Anomaly) => boolean {
  const groups = new Set(operationsOf(operations, "poll").map(({ group }) => group))
  const byId = new Map(operationsOf(operations, "commit").map((one) => [one.id, one.group]))
  return ({ kind, operations: ids }) =>
    kind !== "skipped-record" || ids.some((id) => groups.has(byId.get(id)))
}

/** Why the history cannot show that all is well. */
function gapsOf(
  operations: ReadonlyArray<Operation>,
  { acknowledged, undrained }: ReturnType<typeof checkHistory>,
  drainedFrom: number | undefined,
): ReadonlyArray<string> {
  const gaps: Array<string> = []
  if (acknowledged === 0) gaps.push("no record was acknowledged by all replicas")
  if (undrained.length > 0) {
    const which = undrained.slice(0, 3).join(", ")
    gaps.push(`${which}: not read back; call history.drain(cluster) before the check`)
  }
  const drainedAt = operations.find(({ id }) => id === drainedFrom)?.invoked ?? Infinity
  const late = operationsOf(operations, "append").some(({ returned }) => returned > drainedAt)
  if (late && drainedFrom !== undefined) {
    gaps.push("records were sent after, or were under way during, the drain")
  }
  return gaps
}
