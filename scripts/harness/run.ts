/** One child process to its end. */
export interface Finished {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly stdin?: string
  readonly timeoutMs?: number
  readonly env?: Readonly<Record<string, string>>
}

/** {rate: 5, idempotent: true} → --rate 5 --idempotent; what is undefined or false is left out. */
export function flags(
  options: Readonly<Record<string, string | number | boolean | undefined>>,
): Array<string> {
  return Object.entries(options).flatMap(([name, value]) => {
    if (value === undefined || value === false) return []
    return value === true ? [`--${name}`] : [`--${name}`, String(value)]
  })
}

/**
 * Runs a command and collects what it says; a command that outlives its time is killed and gives
 * code 124.
 */
export async function run(
  command: ReadonlyArray<string>,
  options: RunOptions = {},
): Promise<Finished> {
  const { stdin, timeoutMs = 60_000, env } = options
  const child = Bun.spawn([...command], {
    stdin: stdin === undefined ? "ignore" : Buffer.from(stdin),
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, ...env },
  })
  let late = false
  const timer = setTimeout(() => {
    late = true
    child.kill("SIGKILL")
  }, timeoutMs)
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  clearTimeout(timer)
  return { code: late ? 124 : code, stdout, stderr }
}

/** As `run`, but a bad exit is an error that carries what the command said. */
export async function runOrThrow(
  command: ReadonlyArray<string>,
  options: RunOptions = {},
): Promise<Finished> {
  const finished = await run(command, options)
  if (finished.code !== 0) {
    const said = `${finished.stdout.slice(-2_000)}${finished.stderr.slice(-2_000)}`
    throw new Error(`exit ${finished.code} of: ${command.join(" ")}\n${said}`)
  }
  return finished
}
