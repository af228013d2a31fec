/** How kafka-console-producer makes records of lines (Kafka's LineMessageReader). Pure. */
import { keyValues } from "./command-config.ts"
import type { Properties } from "./command-config.ts"
import { ToolError } from "./tool-error.ts"
import type { ProducedRecord } from "../../client/producer.ts"

interface Separators {
  readonly key: string
  readonly headersDelimiter: string
  readonly headers: string
  readonly headerKey: string
}

const failed = (message: string): ToolError =>
  new ToolError("org.apache.kafka.common.KafkaException", message)

export class LineReader {
  readonly #parseKey: boolean
  readonly #parseHeaders: boolean
  readonly #ignoreError: boolean
  readonly #nullMarker: string | undefined
  readonly #separators: Separators
  readonly #headersPattern: RegExp
  #lineNumber = 0

  /** Throws for separators that cannot be told apart. */
  constructor(properties: Properties = keyValues([])) {
    const isTrue = (name: string) => properties.get(name)?.trim().toLowerCase() === "true"
    this.#parseKey = isTrue("parse.key")
    this.#parseHeaders = isTrue("parse.headers")
    this.#ignoreError = isTrue("ignore.error")
    this.#nullMarker = properties.get("null.marker")
    this.#separators = {
      key: properties.get("key.separator") ?? "\t",
      headersDelimiter: properties.get("headers.delimiter") ?? "\t",
      headers: properties.get("headers.separator") ?? ",",
      headerKey: properties.get("headers.key.separator") ?? ":",
    }
    this.#headersPattern = new RegExp(this.#separators.headers)
    this.#checkDistinct()
  }

  #checkDistinct(): void {
    const { key, headersDelimiter, headers, headerKey } = this.#separators
    const pairs: ReadonlyArray<readonly [string, string | undefined, string]> = [
      [headersDelimiter, headers, "headers.delimiter and headers.separator"],
      [headersDelimiter, headerKey, "headers.delimiter and headers.key.separator"],
      [headers, headerKey, "headers.separator and headers.key.separator"],
      [key, this.#nullMarker, "null.marker and key.separator"],
      [headers, this.#nullMarker, "null.marker and headers.separator"],
      [headersDelimiter, this.#nullMarker, "null.marker and headers.delimiter"],
      [headerKey, this.#nullMarker, "null.marker and headers.key.separator"],
    ]
    const same = pairs.find(([one, other]) => one === other)
    if (same !== undefined) throw failed(`${same[2]} may not be equal`)
  }

  read(line: string): ProducedRecord {
    this.#lineNumber++
    const { headersDelimiter, key: keySeparator } = this.#separators
    let rest = line
    const take = (wanted: boolean, separator: string, name: string): string | undefined => {
      if (!wanted) return undefined
      const at = rest.indexOf(separator)
      if (at < 0) {
        if (this.#ignoreError) return undefined
        throw failed(`No ${name} found on line number ${this.#lineNumber}: '${line}'`)
      }
      const taken = rest.slice(0, at)
      rest = rest.slice(at + separator.length)
      return taken
    }
    const headers = take(this.#parseHeaders, headersDelimiter, "headers delimiter")
    const key = take(this.#parseKey, keySeparator, "key separator")
    return {
      key: key === undefined ? null : this.#bytes(key),
      value: this.#bytes(rest),
      headers:
        headers === undefined || headers === this.#nullMarker ? [] : this.#splitHeaders(headers),
    }
  }

  #splitHeaders(text: string): NonNullable<ProducedRecord["headers"]> {
    return text.split(this.#headersPattern).map((pair) => {
      const at = pair.indexOf(this.#separators.headerKey)
      if (at < 0) {
        if (this.#ignoreError) return { key: pair, value: null }
        const where = `in pair '${pair}' on line number ${this.#lineNumber}`
        throw failed(`No header key separator found ${where}`)
      }
      const key = pair.slice(0, at)
      if (key === this.#nullMarker) {
        throw failed(
          `Header keys should not be equal to the null marker '${key}' as they can't be null`,
        )
      }
      return { key, value: this.#bytes(pair.slice(at + this.#separators.headerKey.length)) }
    })
  }

  #bytes(text: string): Uint8Array | null {
    return text === this.#nullMarker ? null : Buffer.from(text)
  }
}

/** The lines of a stream of UTF-8, ended by \n, \r or both, the last one also by the end. */
export async function* readLines(input: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ""
  for await (const chunk of input) {
    rest += decoder.decode(chunk, { stream: true })
    // A \r at the very end may be half of a \r\n.
    const whole = rest.endsWith("\r") ? rest.slice(0, -1) : rest
    const lines = whole.split(/\r\n|\r|\n/)
    rest = (lines.pop() ?? "") + (whole === rest ? "" : "\r")
    yield* lines
  }
  rest += decoder.decode()
  if (rest !== "") yield* rest.replace(/(\r\n|\r|\n)$/, "").split(/\r\n|\r|\n/)
}
