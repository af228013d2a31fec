/** Waits for a condition instead of for a time. */
export interface UntilOptions {
  readonly timeoutMs?: number
  readonly everyMs?: number
}

type NotYet = undefined | null | false
type Awaitable<A> = A | Promise<A>

/**
 * Polls until `condition` gives something other than undefined, null or false; throws, naming
 * `what`, when it never does. An exception of the condition counts as "not yet" and is named in the
 * error.
 */
export async function until<A>(
  what: string,
  condition: () => Awaitable<A | NotYet>,
  options: UntilOptions = {},
): Promise<A> {
  const { timeoutMs = 15_000, everyMs = 25 } = options
  const deadline = performance.now() + timeoutMs
  let last: unknown = "it stayed false"
  for (;;) {
    try {
      const value = await condition()
      if (value !== undefined && value !== null && value !== false) {
        return value
      }
    } catch (error) {
      last = error
    }
    if (performance.now() > deadline) {
      const reason = last instanceof Error ? last.message : String(last)
      throw new Error(`waited ${timeoutMs} ms in vain for: ${what} (${reason})`)
    }
    await Bun.sleep(everyMs)
  }
}
