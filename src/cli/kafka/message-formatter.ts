/** How kafka-console-consumer prints records (Kafka's DefaultMessageFormatter). Pure. */
import type { ConsumedRecord } from "../../client/fetched-records.ts"
import type { Properties } from "./command-config.ts"
import { ToolError } from "./tool-error.ts"

type Deserializer = (bytes: Uint8Array) => Uint8Array

const serializers = "org.apache.kafka.common.serialization"

const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length)

const sized =
  (name: string, size: number, read: (bytes: DataView) => string): Deserializer =>
  (bytes) => {
    if (bytes.length === size) return Buffer.from(read(view(bytes)))
    throw new ToolError(
      "org.apache.kafka.common.errors.SerializationException",
      `Size of data received by ${name} is not ${size}`,
    )
  }

/** As Java prints a float or a double of everyday size. */
const javaFloat = (value: number): string => (Number.isInteger(value) ? `${value}.0` : `${value}`)

const deserializers: ReadonlyMap<string, Deserializer> = new Map<string, Deserializer>([
  ["StringDeserializer", (bytes) => Buffer.from(Buffer.from(bytes).toString("utf8"))],
  ["ByteArrayDeserializer", (bytes) => bytes],
  ["BytesDeserializer", (bytes) => bytes],
  ["IntegerDeserializer", sized("IntegerDeserializer", 4, (v) => String(v.getInt32(0)))],
  ["LongDeserializer", sized("LongDeserializer", 8, (v) => String(v.getBigInt64(0)))],
  ["ShortDeserializer", sized("ShortDeserializer", 2, (v) => String(v.getInt16(0)))],
  ["FloatDeserializer", sized("FloatDeserializer", 4, (v) => javaFloat(v.getFloat32(0)))],
  ["DoubleDeserializer", sized("Deserializer", 8, (v) => javaFloat(v.getFloat64(0)))],
  ["BooleanDeserializer", sized("BooleanDeserializer", 1, (v) => String(v.getInt8(0) === 1))],
])

const text =
  (of: (record: ConsumedRecord) => string) =>
  (record: ConsumedRecord): ReadonlyArray<Uint8Array> => [Buffer.from(of(record))]

export class MessageFormatter {
  readonly #properties: Properties
  readonly #columns: ReadonlyArray<(record: ConsumedRecord) => ReadonlyArray<Uint8Array>>
  readonly #keySeparator: Uint8Array
  readonly #lineSeparator: Uint8Array

  /** `warn`: for a deserializer that is not known; what it was for is printed as it is. */
  constructor(properties: Properties, warn: (className: string) => void) {
    this.#properties = properties
    this.#keySeparator = this.#bytes("key.separator", "\t")
    this.#lineSeparator = this.#bytes("line.separator", "\n")
    const key = this.#deserializer("key.deserializer", warn)
    const value = this.#deserializer("value.deserializer", warn)
    const header = this.#deserializer("headers.deserializer", warn)
    const columns = [
      ["print.timestamp", text(timestampOf)],
      ["print.partition", text(({ partition }) => `Partition:${partition}`)],
      ["print.offset", text(({ offset }) => `Offset:${offset}`)],
      ["print.delivery", text(() => "Delivery:NOT_PRESENT")],
      ["print.epoch", text(() => "Epoch:NOT_PRESENT")],
      ["print.headers", (record: ConsumedRecord) => this.#headers(record, header)],
      ["print.key", (record: ConsumedRecord) => [key(record.key)]],
      ["print.value", (record: ConsumedRecord) => [value(record.value)]],
    ] as const
    this.#columns = columns
      .filter(([name]) => this.#isTrue(name, name === "print.value"))
      .map(([, column]) => column)
  }

  /** Throws `ToolError` for bytes that a deserializer does not take. */
  format(record: ConsumedRecord): Uint8Array {
    const parts: Uint8Array[] = []
    for (const [i, column] of this.#columns.entries()) {
      if (i > 0) parts.push(this.#keySeparator)
      parts.push(...column(record))
    }
    if (this.#columns.length > 0) parts.push(this.#lineSeparator)
    return Buffer.concat(parts)
  }

  #isTrue(name: string, fallback: boolean): boolean {
    const value = this.#properties.get(name)
    return value === undefined ? fallback : value.trim().toLowerCase() === "true"
  }

  #bytes(name: string, fallback: string): Uint8Array {
    return Buffer.from(this.#properties.get(name) ?? fallback)
  }

  #deserializer(
    property: string,
    warn: (className: string) => void,
  ): (bytes: Uint8Array | null) => Uint8Array {
    const nullLiteral = this.#bytes("null.literal", "null")
    const name = this.#properties.get(property)
    const short = name?.startsWith(`${serializers}.`) ? name.slice(serializers.length + 1) : name
    const known = deserializers.get(short ?? "")
    if (name !== undefined && known === undefined) warn(name)
    return (bytes) => (known === undefined ? (bytes ?? nullLiteral) : known(bytes ?? nullLiteral))
  }

  #headers(
    record: ConsumedRecord,
    deserialize: (bytes: Uint8Array | null) => Uint8Array,
  ): ReadonlyArray<Uint8Array> {
    if (record.headers.length === 0) return [Buffer.from("NO_HEADERS")]
    const separator = this.#bytes("headers.separator", ",")
    return record.headers.flatMap(({ key, value }, i) => [
      ...(i === 0 ? [] : [separator]),
      Buffer.from(`${key}:`),
      deserialize(value),
    ])
  }
}

const timestampOf = ({ timestamp, timestampType }: ConsumedRecord): string =>
  timestamp < 0 ? "NO_TIMESTAMP" : `${timestampType}:${timestamp}`
