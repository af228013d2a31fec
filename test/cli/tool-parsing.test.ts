import { describe, expect, test } from "bun:test"
import type { ConsumedRecord } from "../../src/client/fetched-records.ts"
import { keyValues, parseProperties } from "../../src/cli/kafka/command-config.ts"
import { parseAddedConfigs } from "../../src/cli/kafka/configs-options.ts"
import { LineReader, readLines } from "../../src/cli/kafka/line-reader.ts"
import { MessageFormatter } from "../../src/cli/kafka/message-formatter.ts"
import { filterOf, filterOfRules } from "../../src/cli/kafka/partition-filter.ts"
import {
  formatResetPlan,
  parseDatetime,
  parseDuration,
  parseResetPlan,
  parseTopicScope,
} from "../../src/cli/kafka/reset-plan.ts"
import { parseToolOptions } from "../../src/cli/kafka/tool-options.ts"

const text = (bytes: Uint8Array | null | undefined) =>
  bytes === null || bytes === undefined ? null : Buffer.from(bytes).toString()

describe("options", () => {
  const specs = [
    { name: "state", argument: "states", optional: true, about: "" },
    { name: "list", about: "" },
    { name: "members", availableIf: ["describe"], about: "" },
    { name: "describe", about: "" },
    { name: "shift-by", argument: "n", about: "" },
  ]
  test("an argument that may be left out is not taken from the next option", () => {
    const options = parseToolOptions(specs, ["--state", "--list"])
    expect([options.has("state"), options.text("state"), options.has("list")]).toEqual([
      true,
      undefined,
      true,
    ])
    expect(parseToolOptions(specs, ["--state", "Empty"]).text("state")).toBe("Empty")
    expect(parseToolOptions(specs, ["--state=Empty"]).text("state")).toBe("Empty")
  })
  test("a negative number is an argument", () => {
    expect(parseToolOptions(specs, ["--shift-by", "-5"]).long("shift-by")).toBe(-5)
  })
  test("an option without the one it goes with is refused", () => {
    expect(() => parseToolOptions(specs, ["--members", "--list"])).toThrow("unavailable")
    expect(parseToolOptions(specs, ["--members", "--describe"]).has("members")).toBe(true)
  })
  test("numbers that no Java long holds are refused", () => {
    expect(() => parseToolOptions(specs, ["--shift-by", "x"]).long("shift-by")).toThrow(
      "argument 'x'",
    )
    expect(() =>
      parseToolOptions(specs, ["--shift-by", "99999999999999999999"]).long("shift-by"),
    ).toThrow()
  })
})

test("properties: comments, both separators, escapes, a value with an equals sign", () => {
  const parsed = parseProperties("# x\n! y\na = b=c\nd: e\\tf\nempty=\n")
  expect(Object.fromEntries(parsed)).toEqual({ a: "b=c", d: "e\tf", empty: "" })
  expect(Object.fromEntries(keyValues(["a=b=c", "d"]))).toEqual({ a: "b=c", d: "" })
})

async function* chunks(...parts: ReadonlyArray<string>): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Buffer.from(part, "latin1")
}

const linesOf = async (...parts: ReadonlyArray<string>) => {
  const lines: Array<string> = []
  for await (const line of readLines(chunks(...parts))) lines.push(line)
  return lines
}

describe("lines", () => {
  test("end with \\n, \\r, \\r\\n or the end, wherever the chunks are cut", async () => {
    expect(await linesOf("a\nb\r\nc\rd")).toEqual(["a", "b", "c", "d"])
    expect(await linesOf("a\r", "\nb\r", "c")).toEqual(["a", "b", "c"])
    expect(await linesOf("a\r")).toEqual(["a"])
    expect(await linesOf("\n\n")).toEqual(["", ""])
    expect(await linesOf("")).toEqual([])
  })
  test("a character cut in two by a chunk is whole again", async () => {
    const bytes = Buffer.from("ü漢\n").toString("latin1")
    for (let at = 0; at <= bytes.length; at++) {
      expect(await linesOf(bytes.slice(0, at), bytes.slice(at))).toEqual(["ü漢"])
    }
  })
})

const reader = (...properties: ReadonlyArray<string>) => new LineReader(keyValues(properties))

describe("records of lines", () => {
  test("headers, key and value in this order", () => {
    const record = reader("parse.key=true", "parse.headers=true").read("h:1,g:2\tk\tv\tw")
    expect([text(record.key), text(record.value)]).toEqual(["k", "v\tw"])
    expect(record.headers?.map(({ key, value }) => [key, text(value)])).toEqual([
      ["h", "1"],
      ["g", "2"],
    ])
  })
  test("the null marker stands for no key, no value, no header value, no headers", () => {
    const nulls = reader("parse.key=true", "parse.headers=true", "null.marker=~")
    const record = nulls.read("h:~\t~\t~")
    expect([record.key, record.value, record.headers]).toEqual([
      null,
      null,
      [{ key: "h", value: null }],
    ])
    expect(nulls.read("~\tk\tv").headers).toEqual([])
    expect(() => nulls.read("~:1\tk\tv")).toThrow("Header keys should not be equal")
  })
  test("what does not fit is an error that names the line, unless errors are ignored", () => {
    const strict = reader("parse.key=true", "key.separator=:")
    expect(text(strict.read("a:b").key)).toBe("a")
    expect(() => strict.read("none")).toThrow("No key separator found on line number 2: 'none'")
    expect(reader("parse.key=true", "ignore.error=true").read("none").key).toBeNull()
  })
})

describe("printed records", () => {
  const record: ConsumedRecord = {
    topic: "t",
    partition: 1,
    offset: 7,
    timestamp: 99,
    timestampType: "LogAppendTime",
    leaderEpoch: 0,
    key: null,
    value: Buffer.from([0, 0, 0, 0, 0, 0, 1, 0]),
    headers: [
      { key: "a", value: Buffer.from("x") },
      { key: "b", value: null },
    ],
  }
  const format = (...properties: ReadonlyArray<string>) => {
    const unknown: Array<string> = []
    const formatter = new MessageFormatter(keyValues(properties), (name) => unknown.push(name))
    return [text(formatter.format(record)), unknown] as const
  }
  test("columns in Kafka's order, whatever the order of the properties", () => {
    const long = "value.deserializer=org.apache.kafka.common.serialization.LongDeserializer"
    expect(format("print.key=true", "print.timestamp=true", "print.headers=true", long)[0]).toBe(
      "LogAppendTime:99\ta:x,b:null\tnull\t256\n",
    )
  })
  test("a value that is not of the type is an error, an unknown type is told and passed over", () => {
    const int = "value.deserializer=org.apache.kafka.common.serialization.IntegerDeserializer"
    expect(() => format(int)).toThrow("Size of data received by IntegerDeserializer is not 4")
    expect(format("print.value=false", "print.offset=true", "key.deserializer=org.x.Y")).toEqual([
      "Offset:7\n",
      ["org.x.Y"],
    ])
  })
})

describe("partitions of patterns", () => {
  const all = ["orders", "orders2"].flatMap((topic) =>
    [0, 1, 2, 3].map((partition) => ({ topic, partition })),
  )
  const chosen = (filter: ReturnType<typeof filterOf>) =>
    all.filter(filter).map(({ topic, partition }) => `${topic}:${partition}`)
  test("a topic is a whole name, ranges exclude their end", () => {
    expect(chosen(filterOf("orders", "0,3"))).toEqual(["orders:0", "orders:3"])
    expect(chosen(filterOfRules("orders:1-3"))).toEqual(["orders:1", "orders:2"])
    expect(chosen(filterOfRules("orders.:-1,orders:3"))).toEqual(["orders:3", "orders2:0"])
    expect(chosen(filterOfRules(":2-"))).toHaveLength(4)
  })
  test("what is no pattern is refused", () => {
    expect(() => filterOfRules("a:b")).toThrow("Invalid rule specification: a:b")
    expect(() => filterOf("(", undefined)).toThrow("invalid regex")
  })
})

describe("resetting offsets", () => {
  test("durations as Java reads them", () => {
    expect(parseDuration("PT1H30M")).toBe(5_400_000)
    expect(parseDuration("P1DT0.5S")).toBe(86_400_500)
    expect(parseDuration("-PT10S")).toBe(-10_000)
    expect(parseDuration("pt-1m")).toBe(-60_000)
    for (const wrong of ["", "P", "PT", "1H", "P1H", "PT1D", "PT1H30"]) {
      expect(() => parseDuration(wrong)).toThrow("cannot be parsed")
    }
  })
  test("times, in UTC unless a zone is named", () => {
    expect(parseDatetime("2020-01-01T00:00:00.000")).toBe(Date.UTC(2020, 0, 1))
    expect(parseDatetime("2020-01-01T02:00:00.250+02:00")).toBe(Date.UTC(2020, 0, 1) + 250)
    expect(parseDatetime("2020-01-01T00:00Z")).toBe(Date.UTC(2020, 0, 1))
    expect(() => parseDatetime("2020-01-01")).toThrow("does not contain a 'T'")
    expect(() => parseDatetime("2020-01-01Tnoon")).toThrow("Unparseable")
  })
  test("plans of one group and of several, read back as written", () => {
    const plan = [
      { group: "g", topic: "t", partition: 0, offset: 5 },
      { group: "g", topic: "t", partition: 1, offset: 6 },
    ]
    expect(parseResetPlan(formatResetPlan(plan, false), ["g"])).toEqual(plan)
    expect(parseResetPlan(formatResetPlan(plan, true), ["g", "h"])).toEqual(plan)
    expect(() => parseResetPlan("t,0\n", ["g"])).toThrow("not [group,]topic,partition,offset")
  })
  test("a topic with its partitions", () => {
    expect(parseTopicScope("t:0,2")).toEqual({ topic: "t", partitions: [0, 2] })
    expect(parseTopicScope("t").partitions).toBeUndefined()
    expect(() => parseTopicScope("t:x")).toThrow("Invalid partition 'x'")
    expect(() => parseTopicScope("a:b:c")).toThrow("expected topic name and partitions")
  })
})

test("settings with commas in brackets", () => {
  expect(Object.fromEntries(parseAddedConfigs("a=1,b=[x,y],c="))).toEqual({
    a: "1",
    b: "x,y",
    c: "",
  })
  expect(() => parseAddedConfigs("a=1,b")).toThrow("must be in the format")
})
