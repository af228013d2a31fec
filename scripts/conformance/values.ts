/** Decoded messages as plain values, whatever their API. */
export type Plain = unknown

export type PlainObject = Readonly<Record<string, Plain>>

export const isObject = (value: Plain): value is PlainObject =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof Uint8Array)

export const objectsIn = (value: Plain): ReadonlyArray<PlainObject> =>
  Array.isArray(value) ? value.filter(isObject) : []

export const fieldOf = (value: Plain, name: string): Plain =>
  isObject(value) ? value[name] : undefined

/** The field's text; empty where it is no text. */
export function textIn(value: Plain, name: string): string {
  const field = fieldOf(value, name)
  return typeof field === "string" ? field : ""
}

/**
 * A copy in which `change` has had its say on every value, given with the name of the field that
 * holds it (an array's elements: the array's name). A replacement is not looked into again.
 */
export function mapped(
  value: Plain,
  change: (name: string, value: Plain) => Plain,
  name = "",
): Plain {
  const changed = change(name, value)
  if (changed !== value) return changed
  if (Array.isArray(value)) return value.map((element) => mapped(element, change, name))
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, mapped(inner, change, key)]),
  )
}

/** Both sides' leaves at the same place, with the name of their field. */
export function together(
  a: Plain,
  b: Plain,
  visit: (name: string, a: Plain, b: Plain) => void,
  name = "",
): void {
  if (Array.isArray(a) && Array.isArray(b)) {
    for (const [i, element] of a.entries()) together(element, b[i], visit, name)
  } else if (isObject(a) && isObject(b)) {
    for (const key of Object.keys(a)) together(a[key], b[key], visit, key)
  } else {
    visit(name, a, b)
  }
}
