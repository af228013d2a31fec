/** The flags of `varve chaos`. */
import type { FlagSpec } from "../flags.ts"

export const chaosFlags: ReadonlyArray<FlagSpec> = [
  {
    name: "profile",
    kind: "text",
    value: "NAME",
    about: "smoke (3 minutes; the default), standard or nightly",
  },
  { name: "seconds", kind: "int", value: "N", about: "how long faults strike (75)" },
  { name: "seed", kind: "int", value: "S", about: "of the plan of faults (drawn)" },
  { name: "nodes", kind: "int", value: "3|5", about: "brokers (3)" },
  {
    name: "faults",
    kind: "text",
    value: "LIST",
    about: "kinds, with commas; all; none; -kind leaves one out",
  },
  {
    name: "workload",
    kind: "text",
    value: "LIST",
    about: "log, idempotence, groups, metadata (all)",
  },
  {
    name: "drivers",
    kind: "text",
    value: "LIST",
    about: "raw, kafkajs, platformatic, confluent, python-kafka, kcat",
  },
  { name: "partitions", kind: "int", value: "N", about: "of each workload's topics together (6)" },
  { name: "rate", kind: "int", value: "N", about: "records per second (200)" },
  {
    name: "out",
    kind: "text",
    value: "DIR",
    about: "where the run is written (./chaos-runs/SEED-TIME)",
  },
  { name: "plant", kind: "text", value: "ID", about: "brokers with that bug planted" },
  {
    name: "against",
    kind: "text",
    value: "kafka=PATH",
    about: "Apache Kafka instead of varve: PATH starts and stops its brokers",
  },
  { name: "json", kind: "switch", about: "result.json on standard output, no progress" },
]

export const replayFlags: ReadonlyArray<FlagSpec> = chaosFlags.filter(({ name }) =>
  ["out", "against", "json"].includes(name),
)

export const checkFlags: ReadonlyArray<FlagSpec> = chaosFlags.filter(({ name }) => name === "json")
