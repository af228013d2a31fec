import { expect, test } from "bun:test"
import {
  environmentName,
  settingKind,
  settingNames,
  settingProblem,
  settings,
  settingsFromEnvironment,
} from "../../src/broker/settings.ts"

test("every setting takes its own default, and every default is a value it takes", () => {
  for (const [name, kind] of Object.entries(settings)) {
    // Another setting stands in for it.
    if (kind.default === undefined) continue
    expect([name, kind.parse(String(kind.default))]).toEqual([name, kind.default])
    expect(settingProblem(name, String(kind.default))).toBeUndefined()
  }
})

test("a refusal names the key, the value and what was expected", () => {
  expect(settingProblem("num.partitions", "three")).toBe(
    'setting num.partitions has the value "three"; expected a whole number from 1 to 10000',
  )
  expect(settingProblem("num.partitions", "0")).toContain("expected a whole number from 1")
  expect(settingProblem("auto.create.topics.enable", "yes")).toContain("expected true or false")
  expect(settingProblem("log.message.timestamp.type", "Now")).toContain(
    "expected one of CreateTime, LogAppendTime",
  )
})

test("an unknown setting is refused, with the one that was probably meant", () => {
  expect(settingProblem("num.partition", "3")).toBe(
    'unknown setting num.partition (value "3"); did you mean num.partitions?',
  )
  expect(settingProblem("zookeeper.connect", "x")).toBe(
    'unknown setting zookeeper.connect (value "x")',
  )
})

test("numbers: whole, bounded, and Long.MAX_VALUE as no limit", () => {
  const kind = settings["log.message.timestamp.before.max.ms"]
  expect(kind.parse("9223372036854775807")).toBe(Number.MAX_SAFE_INTEGER)
  expect(kind.parse("12")).toBe(12)
  for (const bad of ["", "1.5", "1e3", "0x10", "-1", "9223372036854775808", "1 2"]) {
    expect([bad, kind.parse(bad)]).toEqual([bad, undefined])
  }
})

test("environment names are the settings' own, one to one", () => {
  expect(environmentName("num.partitions")).toBe("VARVE_NUM_PARTITIONS")
  expect(new Set(settingNames.map(environmentName)).size).toBe(settingNames.length)
  const found = settingsFromEnvironment({
    VARVE_NUM_PARTITIONS: "6",
    VARVE_NO_SUCH: "x",
    VARVE_TEST_ANYTHING: "y",
    HOME: "/root",
  })
  expect(found).toEqual({ "num.partitions": "6", VARVE_NO_SUCH: "x" })
  expect(settingKind("VARVE_NO_SUCH")).toBeUndefined()
})
