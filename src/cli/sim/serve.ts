/**
 * A child's loop: a job a line in, a reply a line out, until the input ends. Whatever the code
 * under test prints must not come between the replies, so its console goes to standard error.
 */
import type { Job, Reply, Runner } from "./job.ts"

export async function serve(run: Runner): Promise<void> {
  console.log = console.error
  console.info = console.error
  // The terminal's Ctrl-C reaches every process of its group; the parent decides.
  process.on("SIGINT", () => {})
  for await (const line of lines(Bun.stdin.stream())) {
    const job: Job = JSON.parse(line)
    const reply: Reply = await run(job)
    await Bun.write(Bun.stdout, `${JSON.stringify(reply)}\n`)
  }
}

/** The lines of a stream, without their ends. */
export async function* lines(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ""
  for await (const chunk of stream) {
    rest += decoder.decode(chunk, { stream: true })
    const parts = rest.split("\n")
    rest = parts.pop() ?? ""
    yield* parts
  }
  if (rest !== "") yield rest
}
