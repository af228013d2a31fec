#!/usr/bin/env bun
/**
 * The `varve` command. `cluster` and `start` go straight to what they need: a cluster is to be
 * ready within a second, and the command-line library alone would take a tenth of it.
 */
import { runProgram } from "./program.ts"

const [command, ...argv] = process.argv.slice(2)
const wantsHelp = argv.some((word) => word === "--help" || word === "-h")

if (command === "cluster" && !wantsHelp) {
  const { run } = await import("./cluster.ts")
  await run(argv)
} else if (command === "bench") {
  const { run } = await import("./bench.ts")
  await run(argv)
} else if (command === "sim" && !wantsHelp) {
  const { run } = await import("./sim.ts")
  await run(argv)
} else if (command === "chaos" && !wantsHelp) {
  const { run } = await import("./chaos.ts")
  await run(argv)
} else if (command === "start" && !wantsHelp) {
  await runProgram("start", argv)
} else {
  await runProgram("commands", process.argv.slice(2))
}
