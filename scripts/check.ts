import { stages, type Stage } from "./check/stages.ts"
import {
  add,
  closingLine,
  closingTotalsOf,
  nothing,
  totalsOf,
  type Totals,
} from "./check/totals.ts"
import { root } from "./harness/target.ts"

/**
 * The whole gate, in order, stopping at the first stage that fails:
 *
 *     npm test                        everything
 *     bun scripts/check.ts unit lint  only these stages
 *
 * The last line counts what passed and failed over all stages that ran.
 */

const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`

/** Passes a child's output on as it comes, and keeps it. */
async function tee(stream: ReadableStream<Uint8Array>, to: NodeJS.WriteStream): Promise<string> {
  const decoder = new TextDecoder()
  let text = ""
  for await (const chunk of stream) {
    to.write(chunk)
    text += decoder.decode(chunk, { stream: true })
  }
  return text
}

async function runStage(stage: Stage): Promise<Totals> {
  const child = Bun.spawn([...stage.command], {
    cwd: root,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, FORCE_COLOR: "0", NO_COLOR: "1" },
  })
  const [out, err, code] = await Promise.all([
    tee(child.stdout, process.stdout),
    tee(child.stderr, process.stderr),
    child.exited,
  ])
  const ok = code === 0
  if (stage.kind === "tool") return { ...nothing, passed: ok ? 1 : 0, failed: ok ? 0 : 1 }
  const count = stage.kind === "script" ? closingTotalsOf : totalsOf
  const counted = count(`${out}\n${err}`) ?? nothing
  // A crash, or an error outside any test: not green, whatever was counted before it.
  return ok || counted.failed > 0 ? counted : { ...counted, failed: 1 }
}

async function main(wanted: ReadonlyArray<string>): Promise<number> {
  const all = stages()
  const unknown = wanted.find((name) => !all.some((stage) => stage.name === name))
  if (unknown !== undefined) {
    console.error(`no stage ${unknown}; there are: ${all.map((stage) => stage.name).join(", ")}`)
    return 2
  }
  const chosen = wanted.length === 0 ? all : all.filter((stage) => wanted.includes(stage.name))
  let totals = nothing
  const startedMs = performance.now()
  for (const [i, stage] of chosen.entries()) {
    console.log(`\n▶ ${i + 1}/${chosen.length} ${stage.name}`)
    const stageMs = performance.now()
    const result = await runStage(stage)
    totals = add(totals, result)
    const took = seconds(performance.now() - stageMs)
    if (result.failed > 0) {
      console.log(`✗ ${stage.name} failed after ${took}: ${stage.command.slice(0, 6).join(" ")} …`)
      break
    }
    console.log(`✓ ${stage.name}: ${closingLine(result)} in ${took}`)
  }
  console.log(`\n${seconds(performance.now() - startedMs)} in all`)
  console.log(closingLine(totals))
  return totals.failed === 0 && totals.passed > 0 ? 0 : 1
}

process.exit(await main(process.argv.slice(2)))
