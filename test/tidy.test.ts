import { describe, expect, test } from "bun:test"
import { dirname, join, normalize } from "node:path"
import { exists, files, sources, textOf, type Import, type Source } from "./support/source-tree.ts"

/** Code that checks the code: what no compiler and no linter here can say. */

const linesMax = 500
const columnsMax = 100

const isTest = (source: Source) => source.path.startsWith("test/")

const at = (source: Source, detail: string | number) => `${source.path}: ${detail}`

/**
 * Who may import whom. A folder may always import itself; what is not named is forbidden. Longer
 * prefixes win, so that one file may have its own line.
 */
const directions: Readonly<Record<string, ReadonlyArray<string>>> = {
  "raft/": [],
  "storage/": ["raft/", "bun:sqlite", "node:"],
  "storage/layer.ts": ["storage/", "raft/", "bun:sqlite", "node:", "effect"],
  "src/protocol/": ["raft/crc32c.ts"],
  "src/protocol/compression.ts": ["src/protocol/", "node:zlib", "snappyjs", "lz4-napi"],
  "src/partition/": ["raft/", "storage/wal.ts", "src/protocol/"],
  "src/cluster/": ["raft/", "storage/wal.ts", "src/protocol/", "src/partition/"],
  "src/coordinator/": ["raft/", "src/protocol/", "src/partition/"],
  // The engine of subscription patterns.
  "src/coordinator/subscription-pattern.ts": ["src/protocol/", "re2js"],
  "src/peer/": ["raft/", "src/protocol/", "effect", "node:", "bun"],
  "src/peer/codec.ts": ["raft/", "src/peer/", "src/protocol/"],
  "src/node/": [
    "raft/",
    "storage/wal.ts",
    "src/protocol/",
    "src/partition/",
    "src/cluster/",
    "src/coordinator/",
    "src/peer/",
  ],
  "src/sim/": [
    "raft/",
    "storage/wal.ts",
    "storage/memory-wal.ts",
    "storage/verdict.ts",
    // What a broker's clock does between two ticks of the machine's, as shipped.
    "src/broker/clock.ts",
    "src/protocol/",
    "src/partition/",
    "src/cluster/",
    "src/peer/codec.ts",
    "src/node/",
    "src/coordinator/",
    "src/chaos/history/",
    "src/chaos/checkers/",
  ],
  // What happened, and what may be concluded from it: plain data, the same for the simulator, for
  // real processes and for users' own tests.
  "src/chaos/history/": [],
  // A history's file, written and read; nobody in the simulator does.
  "src/chaos/history/file-recorder.ts": ["src/chaos/history/", "src/chaos/clock.ts", "node:fs"],
  "src/chaos/history/read-history.ts": ["src/chaos/history/", "node:fs"],
  "src/chaos/checkers/": ["src/chaos/history/"],
  // Brokers are processes, started by the command line: nothing of their insides.
  "src/chaos/": ["raft/prng.ts", "src/client/", "src/protocol/", "effect", "node:", "bun"],
  // Programs of their own, each around a client that others wrote.
  "src/chaos/drivers/groups/members/": ["src/client/", "node:", "kafkajs"],
  "src/chaos/drivers/foreign/": ["kafkajs", "@platformatic/kafka"],
  // What a browser runs: its own parts, and the library that plots.
  "src/chaos/report/": ["src/chaos/", "node:", "bun"],
  "src/chaos/report/page/": ["src/chaos/report/", "uplot"],
  // A plant is text about other folders, and the preload that plants it is the runtime's.
  "src/chaos/plants/": ["node:", "bun"],
  // For tests of users' own, with brokers in their process: above chaos, beside the command line.
  "src/testing/": [
    "src/broker/",
    "src/cli/cluster-folder.ts",
    "src/cli/version.ts",
    "src/chaos/",
    "src/client/",
    "src/protocol/",
    "effect",
    "node:",
    "bun",
  ],
  "src/broker/": ["raft/", "storage/", "src/", "effect", "@effect/", "node:", "bun"],
  // A socket's outgoing queue is the same on every side of a connection.
  "src/client/": ["src/protocol/", "src/peer/socket-output.ts", "effect", "node:", "bun"],
  "src/cli/": ["raft/", "storage/", "src/", "effect", "@effect/", "node:", "bun", "package.json"],
  // What Kafka's tool says of a regular expression, it says in RE2's words.
  "src/cli/kafka/consumer-groups-tool.ts": ["src/", "re2js"],
  "src/": ["raft/", "storage/", "src/", "effect"],
}

/** Where `src/peer` and `src/node` meet sockets: only these two know Effect or a socket there. */
const rimOfPeers = /^src\/peer\/(transport|inbound-link|outbound-link|socket-output)\.ts$/

function allowedFor(path: string): ReadonlyArray<string> | undefined {
  const prefixes = Object.keys(directions).filter((prefix) => path.startsWith(prefix))
  const longest = prefixes.toSorted((a, b) => b.length - a.length)[0]
  if (longest === undefined) return undefined
  return [...(directions[longest] ?? []), longest]
}

function isAllowed(path: string, { specifier, file }: Import): boolean {
  const allowed = allowedFor(path)
  if (allowed === undefined) return true
  const name = file ?? specifier
  const isRim = /^src\/(broker|cli|testing)\//.test(path)
  const isAbove = name.startsWith("src/broker/") || name.startsWith("src/cli/")
  if (!isRim && isAbove && !allowed.includes(name)) return false
  if (path.startsWith("src/node/") && rimOfPeers.test(name)) return false
  return allowed.some((prefix) => name === prefix || name.startsWith(prefix))
}

const imported = (name: string): Import =>
  name.endsWith(".ts")
    ? { specifier: `../${name}`, file: name, typesOnly: false }
    : { specifier: name, file: undefined, typesOnly: false }

describe("direction of imports", () => {
  test("every import goes downwards", () => {
    const wrong = sources.flatMap((source) =>
      source.imports
        .filter((one) => !isAllowed(source.path, one))
        .map((one) => at(source, one.specifier)),
    )
    expect(wrong).toEqual([])
  })

  test("the table itself can say no", () => {
    expect(isAllowed("raft/leader.ts", imported("storage/wal.ts"))).toBe(false)
    expect(isAllowed("raft/leader.ts", imported("effect"))).toBe(false)
    expect(isAllowed("src/protocol/codec.ts", imported("src/node/node.ts"))).toBe(false)
    expect(isAllowed("src/node/node.ts", imported("src/broker/loop.ts"))).toBe(false)
    expect(isAllowed("src/node/node.ts", imported("storage/sqlite-wal.ts"))).toBe(false)
    expect(isAllowed("src/partition/turn.ts", imported("raft/index.ts"))).toBe(true)
    expect(isAllowed("src/sim/world.ts", imported("src/broker/loop.ts"))).toBe(false)
    expect(isAllowed("src/sim/world.ts", imported("node:fs"))).toBe(false)
    expect(isAllowed("src/sim/disk.ts", imported("storage/sqlite-wal.ts"))).toBe(false)
    expect(isAllowed("src/sim/world.ts", imported("src/node/broker-node.ts"))).toBe(true)
    expect(isAllowed("src/chaos/plants/raft.ts", imported("raft/quorum.ts"))).toBe(false)
  })

  test("relative imports name a file that is there", () => {
    const wrong = sources.flatMap((source) =>
      source.imports
        .filter((one) => one.file !== undefined && !exists(one.file))
        .map((one) => at(source, one.specifier)),
    )
    expect(wrong).toEqual([])
  })
})

describe("purity", () => {
  const pure = sources.filter(
    ({ path }) =>
      /^(raft|src\/(protocol|partition|cluster|coordinator|node|sim|chaos\/checkers))\//.test(
        path,
      ) || path === "src/peer/codec.ts",
  )
  /** A simulated process has other members than the one that a program runs in. */
  const ofProcess = Object.getOwnPropertyNames(process).join("|")
  const impure = new RegExp(
    String.raw`\b(Date\.now|new Date\b|Math\.random|performance\.now|setTimeout|setInterval|setImmediate|queueMicrotask|crypto\.|process\.(${ofProcess})\b|process\[|console\.|Bun\.)`,
  )

  test("below the rim nothing knows time, chance or the machine", () => {
    const wrong = pure.flatMap((source) =>
      source.lines.flatMap((line, i) => {
        const code = line.replace(/\/\/.*$|^\s*\/?\*.*$/, "")
        return impure.test(code) ? [at(source, `${i + 1}: ${line.trim()}`)] : []
      }),
    )
    expect(wrong).toEqual([])
  })

  test("that rule can say no", () => {
    expect(impure.test("const { pid } = process.env")).toBe(true)
    expect(impure.test("process.hrtime.bigint()")).toBe(true)
    expect(impure.test("process.nextTick(done)")).toBe(true)
    expect(impure.test("if (process.dead) process.start()")).toBe(false)
  })

  test("raft has no import from outside its folder", () => {
    const wrong = pure
      .filter((source) => source.path.startsWith("raft/"))
      .flatMap((source) =>
        source.imports
          .filter((one) => one.file === undefined || !one.file.startsWith("raft/"))
          .map((one) => at(source, one.specifier)),
      )
    expect(wrong).toEqual([])
  })
})

describe("size and names", () => {
  test(`no file is longer than ${linesMax} lines`, () => {
    const long = sources.filter((source) => source.lines.length - 1 > linesMax)
    expect(long.map((source) => at(source, source.lines.length - 1))).toEqual([])
  })

  test(`no line is wider than ${columnsMax} columns`, () => {
    const wide = sources.flatMap((source) =>
      source.lines.flatMap((line, i) => {
        // A text that a test compares, or an address, is as long as it is.
        const isFree = /https?:\/\/|expect\(|["'`].{60,}|^\s*\/[^/*]/.test(line)
        return line.length > columnsMax && !isFree ? [at(source, i + 1)] : []
      }),
    )
    expect(wide).toEqual([])
  })

  test("files are named for what they do, in kebab-case", () => {
    const vague = /(^|-)(utils?|helpers?|common|manager|impl|base|misc)(-|\.|$)/
    const wrong = sources
      .filter(({ path }) => {
        const name = path.split("/").at(-1) ?? ""
        return vague.test(name) || !/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)*\.ts$/.test(name)
      })
      .map((source) => source.path)
    expect(wrong).toEqual([])
  })
})

/** Files that something outside the imports starts: commands, tools, workers. */
const isRoot = ({ path }: Source) =>
  /^scripts\/[^/]+\.ts$|^examples\/|\.test\.ts$|\.d\.ts$|^src\/cli\/main\.ts$/.test(path) ||
  path.startsWith("test/integration/drivers/") ||
  path.startsWith("src/cli/kafka/")

const entry = (name: string) => textOf("package.json").includes(`./${name}`)

/**
 * Named in a string, or in the parts that a `join` puts together, as workers and child processes
 * are: from the folder of the source, or from the root.
 */
const mentions = (source: Source): Array<string> =>
  Array.from(source.text.matchAll(/((?:"[\w./-]+",\s*)*)"([\w./-]+\.ts)"/g)).flatMap(
    ([, before = "", name = ""]) => {
      const parts = [...Array.from(before.matchAll(/"([^"]+)"/g), ([, part = ""]) => part), name]
      return [join(dirname(source.path), ...parts), join(...parts)].map(normalize)
    },
  )

function reachable(roots: ReadonlyArray<Source>): Set<string> {
  const byPath = new Map(sources.map((source) => [source.path, source]))
  const seen = new Set<string>()
  const open = roots.map((source) => source.path)
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    const source = byPath.get(path)
    if (source === undefined || seen.has(path)) continue
    seen.add(path)
    open.push(...source.imports.flatMap((one) => one.file ?? []), ...mentions(source))
  }
  return seen
}

describe("no dead files", () => {
  test("every product file is reached by a command or the public face, not by tests alone", () => {
    const product = sources.filter((source) => !isTest(source))
    const roots = product.filter((source) => isRoot(source) || entry(source.path))
    const alive = reachable(roots)
    expect(product.map((source) => source.path).filter((path) => !alive.has(path))).toEqual([])
  })

  test("every test file is a test or is used by one", () => {
    const alive = reachable(sources.filter(isRoot))
    const unused = sources.filter(isTest).filter((source) => !alive.has(source.path))
    expect(unused.map((source) => source.path)).toEqual([])
  })
})

const everywhere = (pattern: RegExp, where = sources) =>
  where.flatMap((source) =>
    source.lines.flatMap((line, i) => (pattern.test(line) ? [at(source, i + 1)] : [])),
  )

describe("nothing that does not belong", () => {
  const others = sources.filter((source) => source.path !== "test/tidy.test.ts")

  test("no type is switched off", () => {
    expect(
      everywhere(/\bas any\b|@ts-(ignore|nocheck|expect-error)|as unknown as/, others),
    ).toEqual([])
  })

  test("no test is switched off without a reason beside it", () => {
    const bare = /\b(test|it|describe)\.(skip|only|todo)\(/
    const allowed = ["test/tidy.test.ts", "scripts/harness/foreign.ts"]
    const wrong = others
      .filter((source) => !allowed.includes(source.path))
      .flatMap((source) =>
        source.lines.flatMap((line, i) => (bare.test(line) ? [at(source, i + 1)] : [])),
      )
    expect(wrong).toEqual([])
  })

  test("no path of one machine", () => {
    const machine = new RegExp(
      `(^|[^A-Za-z0-9_.])/(${["work", "root", "farm", "home"].join("|")})/`,
    )
    expect(everywhere(machine)).toEqual([])
  })

  test("no generated file lies beside a source", () => {
    const byHand = new Set(["src/protocol/snappyjs.d.ts"])
    expect(files("*.d.ts").filter((path) => !byHand.has(path))).toEqual([])
    expect(files("*.js")).toEqual([])
  })
})

const namedIn = (text: string) =>
  Array.from(text.matchAll(/\b((?:src|scripts|examples|raft|storage)\/[\w./-]+\.(?:ts|md))\b/g))

describe("documents", () => {
  for (const folder of ["raft", "storage", "src"]) {
    test(`${folder}/DESIGN.md names files that are there`, () => {
      const design = `${folder}/DESIGN.md`
      expect(exists(design)).toBe(true)
      const named = Array.from(
        textOf(design).matchAll(/`((?:[a-z0-9-]+\/)*[a-z0-9.-]+\.(?:ts|json|md))`/g),
        ([, name = ""]) => name,
      )
      const places = (name: string) => [
        name,
        `${folder}/${name}`,
        ...sources.map((s) => s.path).filter((path) => path.endsWith(`/${name}`)),
      ]
      const isThere = (name: string) => places(name).some(exists)
      // What a data folder holds is no file of the house.
      const ofData = new Set(["broker.json", "identity.json"])
      expect(named.filter((name) => !ofData.has(name) && !isThere(name))).toEqual([])
      expect(named.length).toBeGreaterThan(0)
    })
  }

  test("README and package.json name files that are there", () => {
    const all = [...namedIn(textOf("README.md")), ...namedIn(textOf("package.json"))]
    expect(all.map(([, name = ""]) => name).filter((name) => !exists(name))).toEqual([])
  })
})

describe("lock files", () => {
  interface Manifest {
    readonly dependencies: Readonly<Record<string, string>>
    readonly devDependencies: Readonly<Record<string, string>>
  }
  const { dependencies, devDependencies }: Manifest = JSON.parse(textOf("package.json"))
  const bun = textOf("bun.lock")

  test("bun.lock holds the versions that package.json pins", () => {
    const locked = new Set(
      Array.from(bun.matchAll(/^ {4}"[^"]+": \["([^"]+)"/gm), ([, spec = ""]) => spec),
    )
    const pinned = Object.entries({ ...dependencies, ...devDependencies })
    const missing = pinned.map(([name, version]) => `${name}@${version}`)
    expect(missing.filter((spec) => !locked.has(spec))).toEqual([])
  })

  test("package.json pins exact versions", () => {
    const loose = Object.entries({ ...dependencies, ...devDependencies }).filter(
      ([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version),
    )
    expect(loose).toEqual([])
  })

  test("no lock file names where packages come from", () => {
    const address = /"resolved"|https?:\/\/[^"]*\.tgz|https?:\/\/[^"/]*registry/
    expect(address.test(bun)).toBe(false)
  })
})
