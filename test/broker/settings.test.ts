import { expect, test } from "bun:test"
import { brokerConfig } from "../../src/cluster/configs/broker-configs.ts"
import {
  environmentName,
  isWithoutEffect,
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

/** Names of Kafka's sample files; what each does here, its documentation says. */
const samples = {
  "num.network.threads": "8",
  "num.io.threads": "16",
  "socket.send.buffer.bytes": "102400",
  "socket.receive.buffer.bytes": "102400",
  "socket.request.max.bytes": "104857600",
  "log.flush.interval.messages": "10000",
  "log.flush.interval.ms": "1000",
  "log.retention.hours": "168",
  "log.retention.check.interval.ms": "300000",
  "log.segment.bytes": "1073741824",
  "num.recovery.threads.per.data.dir": "1",
  "offsets.topic.replication.factor": "1",
  "transaction.state.log.min.isr": "1",
  "process.roles": "broker,controller",
  "controller.quorum.voters": "1@localhost:9093",
  "inter.broker.listener.name": "PLAINTEXT",
  "controller.listener.names": "CONTROLLER",
}

test("Kafka's sample settings are taken, and tell whether they do something", () => {
  for (const [name, value] of Object.entries(samples)) {
    expect([name, settingProblem(name, value)]).toEqual([name, undefined])
    const { documentation = "" } = brokerConfig(name) ?? {}
    expect([name, isWithoutEffect(name)]).toEqual([name, documentation.includes("Without effect")])
  }
  expect(isWithoutEffect("num.io.threads")).toBe(true)
  expect(isWithoutEffect("log.segment.bytes")).toBe(false)
  expect(settingProblem("num.io.threads", "0")).toBe(
    'setting num.io.threads has the value "0"; expected a whole number, >=1',
  )
})

test("what has an effect has no row that says otherwise", () => {
  for (const name of Object.keys(settings)) {
    const row = brokerConfig(name)
    if (name.startsWith("varve.") && row === undefined) continue
    expect([name, row?.withoutEffect ?? false]).toEqual([name, false])
  }
})

test("what would make a broker less safe than it was told to be is refused", () => {
  expect(settingProblem("ssl.keystore.location", "/keys")).toBe(
    "ssl.keystore.location cannot be set: there is no TLS yet",
  )
  expect(settingProblem("authorizer.class.name", "a.b.C")).toContain("there is no authorization")
  expect(settingProblem("security.inter.broker.protocol", "SASL_SSL")).toContain("cannot be set")
  expect(settingProblem("security.inter.broker.protocol", "PLAINTEXT")).toBeUndefined()
  expect(settingProblem("log.dir", "/elsewhere")).toContain("log.dirs in broker.json")
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
