import { Cluster } from "./harness/cluster.ts"
import { scriptFlags } from "./harness/script-flags.ts"
import { referenceKafka, targetNamed } from "./harness/target.ts"
import { alike, lineDifferences } from "./java-tools/alike.ts"
import { keepOwn, sessionNamed } from "./java-tools/fixtures.ts"
import { Session, type Step } from "./java-tools/session.ts"

/**
 * Kafka's own command-line tools (Java) against varve: every step of the sessions recorded with
 * Kafka, and the output compared line by line.
 *
 *     bun scripts/java-tools.ts --sessions consumer-groups,configs
 *     bun scripts/java-tools.ts --sessions produce-consume --only console-consumer
 *
 * Needs Java 17, Maven and ../shared beside the repository; about two seconds a step.
 */
const args = scriptFlags({
  sessions: {
    type: "string",
    default: "consumer-groups,offsets-and-logs,configs,produce-consume,kafka-topics,other-tools",
  },
  /** Asks Kafka the steps that no other fixture has, and ends. */
  record: { type: "boolean", default: false },
  /** Steps of other tools are run and not compared. */
  only: { type: "string", default: "" },
  /** A running cluster; one broker is started without it. */
  bootstrap: { type: "string", default: "" },
})

const settings = { "group.initial.rebalance.delay.ms": "0" }

interface Tally {
  steps: number
  same: number
}

/** Ends in the tool itself, before it asks a broker: the same whatever it is pointed at. */
const isOfArguments = (step: Step): boolean =>
  step.tool !== undefined &&
  step.exit !== 0 &&
  /^(Missing|Option|Usage|Command|Invalid|.* is not a recognized|Exactly)/m.test(step.stderr ?? "")

/** Asks Kafka the steps of other-tools.json anew. */
async function record(): Promise<void> {
  const { brokers, steps } = sessionNamed("other-tools")
  const cluster = await Cluster.start({ target: targetNamed("kafka"), nodes: brokers, settings })
  const running = new Session(referenceKafka, cluster.bootstrap)
  const said: Array<Step> = []
  try {
    for (const step of steps) said.push({ ...step, ...(await running.run(step)) })
    keepOwn("4.3.1", said)
  } finally {
    await running.close()
    await cluster.dispose()
  }
}

async function compare(bootstrap: string, session: string, tallies: Map<string, Tally>) {
  const running = new Session(referenceKafka, bootstrap)
  try {
    for (const [i, step] of sessionNamed(session).steps.entries()) {
      if (isOfArguments(step)) continue
      const said = await running.run(step)
      if (said === undefined || step.exit === undefined) continue
      if (!(step.tool ?? "").includes(args.only)) continue
      const tally = tallies.get(step.tool ?? "") ?? { steps: 0, same: 0 }
      tallies.set(step.tool ?? "", tally)
      tally.steps++
      const lines = [
        ...lineDifferences(step.stdout ?? "", said.stdout),
        ...lineDifferences(step.stderr ?? "", said.stderr),
      ]
      if (said.exit === step.exit && lines.length === 0) tally.same++
      else {
        console.log(`${session} ${i}: ${step.tool} ${alike((step.args ?? []).join(" "))}`)
        if (said.exit !== step.exit) console.log(`  exit ${step.exit}, here ${said.exit}`)
        for (const line of lines.slice(0, 20)) console.log(`  ${line.slice(0, 240)}`)
      }
    }
  } finally {
    await running.close()
  }
}

async function main(): Promise<void> {
  if (args.record) return await record()
  const tallies = new Map<string, Tally>()
  const clusters = Map.groupBy(args.sessions.split(","), (name) => sessionNamed(name).cluster)
  for (const names of clusters.values()) {
    if (args.bootstrap !== "") {
      for (const name of names) await compare(args.bootstrap, name, tallies)
      continue
    }
    const nodes = sessionNamed(names[0] ?? "").brokers
    const cluster = await Cluster.start({ target: targetNamed("varve"), nodes, settings })
    try {
      for (const name of names) await compare(cluster.bootstrap, name, tallies)
    } finally {
      await cluster.dispose()
    }
  }
  for (const [tool, { steps, same }] of tallies)
    console.log(`${tool}: ${same} of ${steps} the same`)
}

await main()
