/**
 * A frame → what is to be done about it. The semantics of every API are the node's; here is only
 * what Kafka decides before it looks at a request: unknown APIs and versions close the connection,
 * except that ApiVersions is always answered, in version 0 with error 35 when the version is not
 * known (so that clients can step down).
 */
import { decodeRequest } from "../protocol/codec.ts"
import { DecodeError } from "../protocol/errors.ts"
import { ErrorCode } from "../protocol/error-codes.ts"
import { decodeRequestHeader, encodeResponseFrame } from "../protocol/header.ts"
import { apiByKey } from "../protocol/apis.ts"
import { apiVersions } from "../protocol/messages/api-versions.ts"
import { Reader } from "../protocol/reader.ts"
import type { Api, ResponseInput } from "../protocol/schema.ts"
import type { Served } from "../node/node.ts"

export type Dispatch =
  | {
      readonly _tag: "request"
      readonly api: Api
      readonly apiVersion: number
      readonly correlationId: number
      readonly clientId: string | null
      readonly body: object
    }
  | { readonly _tag: "answered"; readonly parts: ReadonlyArray<Uint8Array> }
  | { readonly _tag: "close"; readonly reason: string }

/** Bytes of a frame before which nothing can be said: api key, version, correlation id. */
const headerBytesMin = 8
const apiVersionsKey = 18
export const produceKey = 0
export const fetchKey = 1

/** −1 for a frame too short to say. */
export function apiKeyOf(frame: Uint8Array): number {
  return frame.length < 2 ? -1 : (((frame[0] ?? 0) << 24) >> 16) | (frame[1] ?? 0)
}

export function dispatch(
  frame: Uint8Array,
  served: (apiKey: number, apiVersion: number) => Served,
): Dispatch {
  if (frame.length < headerBytesMin) {
    return {
      _tag: "close",
      reason: `a request of ${frame.length} bytes is shorter than its header`,
    }
  }
  const start = new DataView(frame.buffer, frame.byteOffset, frame.byteLength)
  const apiKey = start.getInt16(0)
  const apiVersion = start.getInt16(2)
  const verdict = served(apiKey, apiVersion)
  const api = apiByKey(apiKey)
  if (verdict === "unknownApi" || api === undefined) {
    return { _tag: "close", reason: `unknown API ${apiKey} version ${apiVersion}` }
  }
  if (verdict === "unsupportedVersion") {
    if (apiKey === apiVersionsKey) return fallbackAnswer(start.getInt32(4))
    return { _tag: "close", reason: `${api.name} has no version ${apiVersion} here` }
  }
  return decode(frame, api, apiVersion)
}

function decode(frame: Uint8Array, api: Api, apiVersion: number): Dispatch {
  try {
    const reader = new Reader(frame)
    const header = decodeRequestHeader(reader)
    const body = decodeRequest(api, apiVersion, reader)
    const { correlationId, clientId } = header
    return { _tag: "request", api, apiVersion, correlationId, clientId, body }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return { _tag: "close", reason: `${api.name} v${apiVersion}: ${error.message}` }
  }
}

/**
 * Kafka's answer to an ApiVersions of a version it does not know: only its own row, in version 0.
 */
function fallbackAnswer(correlationId: number): Dispatch {
  const [minVersion, maxVersion] = apiVersions.versions
  const response: ResponseInput<typeof apiVersions> = {
    errorCode: ErrorCode.UNSUPPORTED_VERSION,
    apiKeys: [{ apiKey: apiVersionsKey, minVersion, maxVersion }],
  }
  return { _tag: "answered", parts: encodeResponseFrame(apiVersions, 0, correlationId, response) }
}
