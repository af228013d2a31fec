import { join } from "node:path"
import { runOrThrow } from "../../scripts/harness/run.ts"
import { root } from "../../scripts/harness/target.ts"

/** An example as a reader starts it. */
export const exampleCommand = (name: string, ...args: ReadonlyArray<string | number>) => [
  process.execPath,
  join(root, "examples", `${name}.ts`),
  ...args.map(String),
]

/** Runs it to its end; gives the lines that it printed. */
export async function runExample(
  name: string,
  ...args: ReadonlyArray<string | number>
): Promise<Array<string>> {
  const { stdout } = await runOrThrow(exampleCommand(name, ...args))
  return stdout.trim().split("\n")
}
