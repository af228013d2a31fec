/** How often what was done, by whom, and how it went. */
import { operationsOf } from "../../history/history.ts"
import type { Operation } from "../../history/history.ts"
import type { OperationCount } from "../../result.ts"

type Driver = OperationCount["process"]

const drivers: ReadonlyArray<Driver> = [
  "raw",
  "kafkajs",
  "platformatic",
  "confluent",
  "python-kafka",
  "kcat",
]

/** Who speaks: processes are named "<driver>-<whatever>"; all others are the run's own. */
export const driverOf = (process: string): Driver =>
  drivers.find((driver) => process === driver || process.startsWith(`${driver}-`)) ?? "harness"

type Tally = { -readonly [K in keyof OperationCount]: OperationCount[K] }

/** By kind and driver, in the order of their names. What never returned counts as info. */
export function operationCounts(
  operations: ReadonlyArray<Operation>,
): ReadonlyArray<OperationCount> {
  const tallies = new Map<string, Tally>()
  const known = new Map<string, Driver>()
  for (const { f, process, outcome } of operations) {
    const driver = known.get(process) ?? driverOf(process)
    known.set(process, driver)
    const key = `${f} ${driver}`
    const tally = tallies.get(key) ?? { f, process: driver, ok: 0, fail: 0, info: 0 }
    tallies.set(key, tally)
    tally[outcome === "pending" ? "info" : outcome]++
  }
  return [...tallies].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, tally]) => tally)
}

/** Records that a broker has acknowledged: with acks=0 none ever does. */
export function countAcknowledged(operations: ReadonlyArray<Operation>): number {
  let records = 0
  for (const append of operationsOf(operations, "append"))
    if (append.outcome === "ok" && append.acks !== 0) records += append.values.length
  return records
}

/** Records that consumers were given while the run lasted; not those of the drain. */
export function countRead(operations: ReadonlyArray<Operation>): number {
  let records = 0
  for (const poll of operationsOf(operations, "poll"))
    if (poll.outcome === "ok") records += poll.records.length
  return records
}
