import { existsSync } from "node:fs"
import { join } from "node:path"

/** The root of the repository. */
export const root = join(import.meta.dir, "..", "..")

/**
 * How to start what is under test. The one place that knows: everything else asks for a cluster.
 */
export interface Target {
  readonly name: "varve" | "kafka"
  /** Followed by the flags of `varve cluster`. */
  readonly cluster: ReadonlyArray<string>
  /** Brings one broker of the cluster back. */
  start(brokerDir: string): ReadonlyArray<string>
  /** `varve start` prints `ready`; Kafka's broker prints its log. */
  readonly startSaysReady: boolean
  /** How long a start may take: a JVM needs much more than varve. */
  readonly startTimeoutMs: number
}

const main = join(root, "src", "cli", "main.ts")

const varve: Target = {
  name: "varve",
  cluster: [process.execPath, main, "cluster"],
  start: (brokerDir) => [
    process.execPath,
    main,
    "start",
    "--config",
    join(brokerDir, "broker.json"),
  ],
  startSaysReady: true,
  startTimeoutMs: 20_000,
}

/** Apache Kafka itself behind the same flags: the oracle for every test here. */
export const referenceKafka = join(root, "..", "shared", "kafka", "reference-kafka")

const kafka: Target = {
  name: "kafka",
  cluster: [referenceKafka, "cluster"],
  start: (brokerDir) => [referenceKafka, "start", "--config", join(brokerDir, "broker.properties")],
  startSaysReady: false,
  startTimeoutMs: 90_000,
}

/** VARVE_TEST_CLUSTER=kafka aims every test and script at Apache Kafka. */
export function targetNamed(name: string): Target {
  switch (name) {
    case "varve":
      return varve
    case "kafka":
      if (!existsSync(referenceKafka)) throw new Error(`no reference Kafka at ${referenceKafka}`)
      return kafka
    default:
      throw new Error(`VARVE_TEST_CLUSTER=${name}: expected varve or kafka`)
  }
}

export const target: Target = targetNamed(process.env["VARVE_TEST_CLUSTER"] ?? "varve")
