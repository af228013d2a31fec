/**
 * Values that are unique in a run and prove their own bytes: a name, and filler that follows from
 * it.
 */
const separator = 0x7c

/** `name`, made longer up to about `bytes`. */
export function valueOf(name: string, bytes: number): Uint8Array {
  const { length } = name
  const value = new Uint8Array(Math.max(length, bytes))
  for (let i = 0; i < length; i++) value[i] = name.charCodeAt(i)
  if (bytes <= length) return value
  value[length] = separator
  fill(value, length + 1, seedOf(value, length))
  return value
}

/** The name; for bytes that `valueOf` cannot have made, what tells them from every name. */
export function nameOf(value: Uint8Array | null): string {
  if (value === null) return "?null"
  const at = value.indexOf(separator)
  const length = at === -1 ? value.length : at
  let name = ""
  for (let i = 0; i < length; i++) name += String.fromCharCode(value[i]!)
  if (at === -1) return name
  let state = seedOf(value, length)
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

/** Of the first `length` bytes, which are the name. */
function seedOf(value: Uint8Array, length: number): number {
  let seed = length
  for (let i = 0; i < length; i++) seed = next(seed ^ value[i]!)
  return seed
}
