/**
 * A declared API and a version → functions that read and write its messages, compiled on first use
 * and kept. What the compiled text looks like is in `compile-decoder.ts` and `compile-encoder.ts`.
 *
 * Nothing here knows frames or headers (`frame.ts`, `header.ts`), nor what a message means.
 */
import { compileDecoder } from "./compile-decoder.ts"
import type { DecodeStruct } from "./compile-decoder.ts"
import { compileEncoder } from "./compile-encoder.ts"
import type { EncodeStruct } from "./compile-encoder.ts"
import { DecodeError, EncodeError } from "./errors.ts"
import type { Reader } from "./reader.ts"
import type {
  Api,
  Decoded,
  Fields,
  Input,
  RequestInput,
  RequestOf,
  ResponseInput,
  ResponseOf,
} from "./schema.ts"
import type { Writer } from "./writer.ts"

const decoders = new WeakMap<Fields, Array<DecodeStruct | undefined>>()
const encoders = new WeakMap<Fields, Array<EncodeStruct | undefined>>()

export const isFlexible = (api: Api, version: number): boolean =>
  api.flexibleSince !== undefined && version >= api.flexibleSince

export const hasVersion = (api: Api, version: number): boolean =>
  version >= api.versions[0] && version <= api.versions[1]

/**
 * Reads a request's body, which must fill the reader to its end. Byte arrays and record data are
 * views on the reader's bytes. Throws `DecodeError` for anything malformed.
 */
export const decodeRequest = <A extends Api>(
  api: A,
  version: number,
  reader: Reader,
): RequestOf<A> => decode<A["request"]>(api, api.request, version, reader)

export const decodeResponse = <A extends Api>(
  api: A,
  version: number,
  reader: Reader,
): ResponseOf<A> => decode<A["response"]>(api, api.response, version, reader)

/**
 * Writes a request's body. Throws `EncodeError` where the version cannot carry what was given: a
 * value outside its type, null where null is not allowed, a field that must not be ignored and is
 * not there.
 */
export const encodeRequest = <A extends Api>(
  api: A,
  version: number,
  input: RequestInput<A>,
  writer: Writer,
): void => encode<A["request"]>(api, api.request, version, input, writer)

export const encodeResponse = <A extends Api>(
  api: A,
  version: number,
  input: ResponseInput<A>,
  writer: Writer,
): void => encode<A["response"]>(api, api.response, version, input, writer)

const decode = <F extends Fields>(
  api: Api,
  fields: F,
  version: number,
  reader: Reader,
): Decoded<F> => {
  const known = decoders.get(fields)?.[version] ?? newDecoder(api, fields, version)
  try {
    const message = known(reader)
    reader.expectEnd()
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- compiled from F itself
    return message as Decoded<F>
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw new DecodeError(`${api.name} version ${version}: ${error.message}`, { cause: error })
  }
}

const encode = <F extends Fields>(
  api: Api,
  fields: F,
  version: number,
  input: Input<F>,
  writer: Writer,
): void => {
  const known = encoders.get(fields)?.[version] ?? newEncoder(api, fields, version)
  try {
    known(writer, input)
  } catch (error) {
    if (!(error instanceof EncodeError)) throw error
    throw new EncodeError(`${api.name} version ${version}: ${error.message}`, { cause: error })
  }
}

const newDecoder = (api: Api, fields: Fields, version: number): DecodeStruct => {
  if (!hasVersion(api, version)) throw new DecodeError(`${api.name} has no version ${version}`)
  return keep(decoders, fields, version, compileDecoder(fields, version, isFlexible(api, version)))
}

const newEncoder = (api: Api, fields: Fields, version: number): EncodeStruct => {
  if (!hasVersion(api, version)) throw new EncodeError(`${api.name} has no version ${version}`)
  return keep(encoders, fields, version, compileEncoder(fields, version, isFlexible(api, version)))
}

const keep = <T>(
  kept: WeakMap<Fields, Array<T | undefined>>,
  fields: Fields,
  version: number,
  compiled: T,
): T => {
  const versions = kept.get(fields) ?? []
  versions[version] = compiled
  kept.set(fields, versions)
  return compiled
}
