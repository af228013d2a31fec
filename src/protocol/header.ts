import { apiByKey } from "./apis.ts"
import { encodeRequest, encodeResponse, isFlexible } from "./codec.ts"
import { DecodeError } from "./errors.ts"
import type { Reader } from "./reader.ts"
import type { Api, RequestInput, ResponseInput } from "./schema.ts"
import { Writer } from "./writer.ts"

export interface RequestHeader {
  readonly apiKey: number
  readonly apiVersion: number
  /** Chosen by the client, echoed in the response. */
  readonly correlationId: number
  readonly clientId: string | null
}

/** ApiVersions is asked before either side knows what the other can read (KIP-511). */
const apiVersionsKey = 18

/**
 * Header v1, or v2 (the same and tagged fields) where the body is flexible. The client id has an
 * int16 length in both. A version that no declaration knows counts as flexible if its API ever
 * became so: that is how Kafka reads the ApiVersions of a client from the future, whose body stays
 * unread.
 */
export const decodeRequestHeader = (reader: Reader): RequestHeader => {
  const apiKey = reader.int16()
  const apiVersion = reader.int16()
  const correlationId = reader.int32()
  const clientId = reader.string()
  const api = apiByKey(apiKey)
  if (api === undefined) throw new DecodeError(`no API has the key ${apiKey}`)
  if (isFlexible(api, apiVersion)) reader.skipTaggedFields()
  return { apiKey, apiVersion, correlationId, clientId }
}

export const encodeRequestHeader = (api: Api, header: RequestHeader, writer: Writer): void => {
  writer.int16(header.apiKey)
  writer.int16(header.apiVersion)
  writer.int32(header.correlationId)
  writer.string(header.clientId)
  if (isFlexible(api, header.apiVersion)) writer.unsignedVarint(0)
}

/**
 * Whether the response header has tagged fields (v1). ApiVersions never has: its header is always
 * v0.
 */
const flexibleResponseHeader = (api: Api, version: number): boolean =>
  api.key !== apiVersionsKey && isFlexible(api, version)

/** The correlation id. */
export const decodeResponseHeader = (api: Api, version: number, reader: Reader): number => {
  const correlationId = reader.int32()
  if (flexibleResponseHeader(api, version)) reader.skipTaggedFields()
  return correlationId
}

export const encodeResponseHeader = (
  api: Api,
  version: number,
  correlationId: number,
  writer: Writer,
): void => {
  writer.int32(correlationId)
  if (flexibleResponseHeader(api, version)) writer.unsignedVarint(0)
}

/** A whole frame, length included, in the parts to be sent. `header.apiKey` is taken from `api`. */
export const encodeRequestFrame = <A extends Api>(
  api: A,
  header: Omit<RequestHeader, "apiKey">,
  body: RequestInput<A>,
): ReadonlyArray<Uint8Array> => {
  const writer = new Writer()
  writer.int32(0)
  encodeRequestHeader(api, { ...header, apiKey: api.key }, writer)
  encodeRequest(api, header.apiVersion, body, writer)
  return finishFrame(writer)
}

export const encodeResponseFrame = <A extends Api>(
  api: A,
  version: number,
  correlationId: number,
  body: ResponseInput<A>,
): ReadonlyArray<Uint8Array> => {
  const writer = new Writer()
  writer.int32(0)
  encodeResponseHeader(api, version, correlationId, writer)
  encodeResponse(api, version, body, writer)
  return finishFrame(writer)
}

const finishFrame = (writer: Writer): ReadonlyArray<Uint8Array> => {
  writer.patchInt32(0, writer.length - 4)
  return writer.finish()
}
