/** The recorded sessions: steps, and what Kafka's tools said to Kafka. */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { root } from "../harness/target.ts"
import type { Step } from "./session.ts"

export interface Recorded {
  /** Of the cluster. */
  readonly brokers: number
  /** Sessions of one cluster were recorded one after the other: later ones see earlier topics. */
  readonly cluster: string
  readonly steps: ReadonlyArray<Step>
}

const own = join(import.meta.dir, "other-tools.json")

const steps = (path: string): ReadonlyArray<Step> => {
  const fixture: { readonly cases: ReadonlyArray<Step> } = JSON.parse(readFileSync(path, "utf8"))
  return fixture.cases
}

interface TopicsStep {
  readonly step: string
  readonly exit: number
  readonly stdout: string
  readonly stderr: string
}

export function sessionNamed(name: string): Recorded {
  const fixtures = join(root, "test", "cli", "fixtures")
  if (name === "other-tools") return { brokers: 1, cluster: name, steps: steps(own) }
  if (name !== "kafka-topics") {
    return {
      brokers: 1,
      cluster: "shared",
      steps: steps(join(fixtures, "kafka-tools", `${name}.json`)),
    }
  }
  const fixture: { readonly cases: ReadonlyArray<TopicsStep> } = JSON.parse(
    readFileSync(join(fixtures, "kafka-topics.json"), "utf8"),
  )
  return {
    brokers: 3,
    cluster: name,
    steps: fixture.cases.map(({ step, ...said }) => ({
      tool: "kafka-topics",
      args: ["--bootstrap-server", "{bootstrap}", ...step.split(" ").filter((one) => one !== "")],
      ...said,
    })),
  }
}

export function keepOwn(kafka: string, cases: ReadonlyArray<Step>): void {
  writeFileSync(own, `${JSON.stringify({ kafka, cases }, null, 2)}\n`)
}
