import { join } from "node:path"
import { runOrThrow } from "../../scripts/harness/run.ts"
import { root } from "../../scripts/harness/target.ts"

/** Runs an example as a reader does; gives the lines that it printed. */
export async function runExample(
  name: string,
  ...args: ReadonlyArray<string | number>
): Promise<Array<string>> {
  const command = [process.execPath, join(root, "examples", `${name}.ts`), ...args.map(String)]
  const { stdout } = await runOrThrow(command)
  return stdout.trim().split("\n")
}
