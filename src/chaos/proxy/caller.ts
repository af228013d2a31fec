/** Who dials, told from the first request: every one of Kafka's carries its client's name. */

export type Caller =
  | { readonly _tag: "more" }
  | { readonly _tag: "named"; readonly clientId: string }
  /** Not Kafka's protocol, or no name within the first bytes. */
  | { readonly _tag: "unknown" }

/** Length, API key, version, correlation id. */
const beforeName = 12
const firstBytesMax = 4096

/** `bytes`: all that has come in so far. */
export function callerOf(bytes: Uint8Array): Caller {
  if (bytes.length < beforeName + 2) return { _tag: "more" }
  const length = new DataView(bytes.buffer, bytes.byteOffset).getInt16(beforeName)
  if (length < 0 || length > firstBytesMax) return { _tag: "unknown" }
  const name = bytes.subarray(beforeName + 2, beforeName + 2 + length)
  if (name.length < length) return { _tag: "more" }
  return { _tag: "named", clientId: Buffer.from(name).toString() }
}
