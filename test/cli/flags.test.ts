import { expect, test } from "bun:test"
import { UsageError, clusterFlags, parseFlags, parseSets, portRange } from "../../src/cli/flags.ts"

const parse = (...argv: ReadonlyArray<string>) => parseFlags("cluster", clusterFlags, argv)

test("values follow, or stand behind an equals sign; lists gather", () => {
  const flags = parse("--nodes", "5", "--dir=/a=b", "--fresh", "--set", "a=1", "--set=b=2")
  expect(flags.int("nodes", { min: 1, max: 9 })).toBe(5)
  expect(flags.text("dir")).toBe("/a=b")
  expect([flags.has("fresh"), flags.has("restart")]).toEqual([true, false])
  expect(flags.list("set")).toEqual(["a=1", "b=2"])
  expect(flags.text("port")).toBeUndefined()
})

test("everything else is wrong usage, in one line", () => {
  for (const [argv, line] of [
    [["--node", "3"], "varve cluster: unknown flag --node; known: --nodes --dir"],
    [["-n"], "unknown flag -n"],
    [["positional"], "unknown flag positional"],
    [["--dir"], "--dir needs a value"],
    [["--fresh=yes"], "--fresh takes no value"],
    [["--port", "1", "--port", "2"], "--port is given twice"],
  ] as const) {
    expect(() => parse(...argv)).toThrow(line)
    expect(() => parse(...argv)).toThrow(UsageError)
  }
  expect(() => parse("--port", "70000").int("port", portRange)).toThrow(
    '--port has the value "70000"; expected a whole number from 1 to 65535',
  )
})

test("settings keep what stands behind the first equals sign; the last one of a name wins", () => {
  expect(parseSets(["broker.rack=a=b", "num.partitions=1", "num.partitions=2"])).toEqual({
    "broker.rack": "a=b",
    "num.partitions": "2",
  })
  expect(() => parseSets(["=x"])).toThrow("expected key=value")
})
