/** A request as it arrives: every field, by way of the bytes of its version. */
import { decodeRequest, encodeRequest } from "../../src/protocol/codec.ts"
import { Reader } from "../../src/protocol/reader.ts"
import type { Api, RequestInput, RequestOf } from "../../src/protocol/schema.ts"
import { Writer } from "../../src/protocol/writer.ts"

export const asReceived = <A extends Api>(
  api: A,
  version: number,
  input: RequestInput<A>,
): RequestOf<A> => {
  const writer = new Writer()
  encodeRequest(api, version, input, writer)
  return decodeRequest(api, version, new Reader(writer.concat()))
}
