/**
 * While a seed runs, whoever asks the machine for time, chance or the network is caught: a run that
 * depends on them cannot be repeated. The linter sees the names, this sees the calls.
 */

export class Impurity extends Error {
  override readonly name = "Impurity"
}

type Restore = () => void

export function withTrap<T>(run: () => T): T {
  const restores: Array<Restore> = []
  try {
    for (const [owner, name] of trapped) restores.push(replace(owner, name, trapFor(name)))
    restores.push(replace(globalThis, "Date", timelessDate))
    restores.push(replace(globalThis, "crypto", unreachable))
    return run()
  } finally {
    for (const restore of restores.toReversed()) restore()
  }
}

const trapped: ReadonlyArray<readonly [owner: object, name: string]> = [
  [Math, "random"],
  [Date, "now"],
  [performance, "now"],
  [process, "hrtime"],
  [Bun, "nanoseconds"],
  [Bun, "sleep"],
  ...["setTimeout", "setInterval", "setImmediate", "queueMicrotask", "fetch"].map(
    (name): readonly [object, string] => [globalThis, name],
  ),
]

const trapFor = (name: string) => (): never => {
  throw new Impurity(`${name} was called while a seed ran`)
}

/** Dates of a given time are plain data; "now" is not. */
const timelessDate = new Proxy(Date, {
  construct(target, args: Array<number>) {
    if (args.length === 0) throw new Impurity("new Date() was called while a seed ran")
    return Reflect.construct(target, args)
  },
  apply: trapFor("Date()"),
})

const unreachable = new Proxy(
  {},
  {
    get(_, name) {
      throw new Impurity(`crypto.${String(name)} was used while a seed ran`)
    },
  },
)

function replace(owner: object, name: string, value: unknown): Restore {
  const before = Object.getOwnPropertyDescriptor(owner, name)
  if (before?.configurable === false) {
    // Writable all the same: Bun's own functions.
    Reflect.set(owner, name, value)
    return () => Reflect.set(owner, name, before.value)
  }
  Object.defineProperty(owner, name, {
    configurable: true,
    writable: true,
    enumerable: before?.enumerable ?? true,
    value,
  })
  return () => {
    if (before === undefined) Reflect.deleteProperty(owner, name)
    else Object.defineProperty(owner, name, before)
  }
}
