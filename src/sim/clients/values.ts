/**
 * Values that are unique in a run and prove their own bytes: a name, and filler that follows from
 * it.
 */
const separator = 0x7c

/** `name`, made longer up to about `bytes`. */
export function valueOf(name: string, bytes: number): Uint8Array {
  const head = Buffer.from(name, "latin1")
  if (bytes <= head.length) return head
  const value = new Uint8Array(bytes)
  value.set(head)
  value[head.length] = separator
  fill(value, head.length + 1, seedOf(head))
  return value
}

/** The name; for bytes that `valueOf` cannot have made, what tells them from every name. */
export function nameOf(value: Uint8Array | null): string {
  if (value === null) return "?null"
  const at = value.indexOf(separator)
  const head = Buffer.from(at === -1 ? value : value.subarray(0, at))
  const name = head.toString("latin1")
  if (at === -1) return name
  let state = seedOf(head)
  for (let i = at + 1; i < value.length; i++) {
    state = next(state)
    if (value[i] !== (state >>> 24 || 1)) return `?damaged ${name}`
  }
  return name
}

function fill(value: Uint8Array, from: number, seed: number): void {
  let state = seed
  for (let i = from; i < value.length; i++) {
    state = next(state)
    value[i] = state >>> 24 || 1
  }
}

const next = (state: number): number => (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0

function seedOf(head: Uint8Array): number {
  let seed = head.length
  for (const byte of head) seed = next(seed ^ byte)
  return seed
}
