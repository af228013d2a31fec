/**
 * The words in which the Kafka APIs are declared. A declaration states every version of a message
 * at once: which fields exist in which versions, which of them may be null, carry a default or
 * travel as tagged fields. The TypeScript types of messages are inferred from it, and `codec.ts`
 * compiles it.
 *
 * Nothing here reads or writes bytes, and nothing says which versions varve serves: that is decided
 * by the broker.
 */

/** "3+" from version 3 on, "0-12" from 0 to 12, "0" in version 0 alone. */
export type Versions = `${number}+` | `${number}-${number}` | `${number}`

/** 16 bytes as 32 lower-case hex digits. */
export type Uuid = string

/**
 * Long.MAX_VALUE: 2^63 - 1 is no double, and 2^63 is no int64, so the one may stand for the other.
 */
export const longMax = 2 ** 63

/** What a field of each plain type holds. int64: see `reader.ts` for the numbers that are legal. */
export interface PlainTypes {
  readonly int8: number
  readonly int16: number
  readonly uint16: number
  readonly int32: number
  readonly uint32: number
  readonly int64: number
  readonly float64: number
  readonly bool: boolean
  readonly string: string
  readonly uuid: Uuid
  readonly bytes: Uint8Array
  /** Decoded as one slice of the frame. */
  readonly records: Uint8Array
}

/** What encoding takes where it is more than decoding gives. */
interface PlainInputs extends Omit<PlainTypes, "records"> {
  /** Written by reference, never copied: the parts stay the caller's until they are sent. */
  readonly records: Uint8Array | ReadonlyArray<Uint8Array>
}

export type PlainType = keyof PlainTypes

/** The fields of a struct, in the order of the wire. */
export type Fields = { readonly [name: string]: Field }

export type FieldType =
  | { readonly _tag: "plain"; readonly plain: PlainType }
  | { readonly _tag: "struct"; readonly fields: Fields }
  | { readonly _tag: "array"; readonly element: PlainType | Fields }

declare const decodedType: unique symbol
declare const inputType: unique symbol

/** `Out` is what decoding gives, `In` what encoding takes; both exist for the compiler alone. */
export interface Field<out Out = unknown, out In = unknown> {
  readonly type: FieldType
  readonly versions: Versions
  readonly nullable: Versions | undefined
  /** The number of a tagged field, which is left out of the bytes while it has its default. */
  readonly tag: number | undefined
  /** Without one: 0, false, "", no bytes, no elements, the zero uuid, a struct of defaults. */
  readonly default: DefaultValue | undefined
  /** Silently left out in versions that lack it; otherwise a value there is an `EncodeError`. */
  readonly ignorable: boolean
  /** An int64 that is only ever compared: one that no number holds is rounded and not refused. */
  readonly rounded: boolean
  readonly [decodedType]?: Out
  readonly [inputType]?: In
}

export type DefaultValue = number | string | boolean | null

export interface FieldOptions<D> {
  readonly nullable?: Versions
  readonly tag?: number
  readonly default?: D
  readonly ignorable?: true
  readonly rounded?: true
}

type Nullable<T, O> = O extends { readonly nullable: Versions } ? T | null : T

/** What decoding a struct gives: every field, with its default where the version lacks it. */
export type Decoded<F extends Fields> = {
  readonly [K in keyof F]: F[K] extends Field<infer Out> ? Out : never
}

/** What encoding a struct takes: a field left out has its default. */
export type Input<F extends Fields> = {
  readonly [K in keyof F]?: (F[K] extends Field<unknown, infer In> ? In : never) | undefined
}

type ElementOut<E> = E extends PlainType ? PlainTypes[E] : E extends Fields ? Decoded<E> : never
type ElementIn<E> = E extends PlainType ? PlainInputs[E] : E extends Fields ? Input<E> : never

const field = <Out, In>(
  type: FieldType,
  versions: Versions,
  options: FieldOptions<DefaultValue> = {},
): Field<Out, In> => ({
  type,
  versions,
  nullable: options.nullable,
  tag: options.tag,
  default: options.default,
  ignorable: options.ignorable ?? false,
  rounded: options.rounded ?? false,
})

const plain =
  <P extends PlainType, D extends DefaultValue>(type: P) =>
  <const O extends FieldOptions<D>>(
    versions: Versions,
    options?: O,
  ): Field<Nullable<PlainTypes[P], O>, Nullable<PlainInputs[P], O>> =>
    field({ _tag: "plain", plain: type }, versions, options)

export const int8 = plain<"int8", number>("int8")
export const int16 = plain<"int16", number>("int16")
export const uint16 = plain<"uint16", number>("uint16")
export const int32 = plain<"int32", number>("int32")
export const uint32 = plain<"uint32", number>("uint32")
export const int64 = plain<"int64", number>("int64")
export const float64 = plain<"float64", number>("float64")
export const bool = plain<"bool", boolean>("bool")
export const string = plain<"string", string | null>("string")
export const uuid = plain<"uuid", never>("uuid")
export const bytes = plain<"bytes", null>("bytes")
export const records = plain<"records", null>("records")

export const array = <const E extends PlainType | Fields, const O extends FieldOptions<null>>(
  versions: Versions,
  element: E,
  options?: O,
): Field<Nullable<ReadonlyArray<ElementOut<E>>, O>, Nullable<ReadonlyArray<ElementIn<E>>, O>> =>
  field({ _tag: "array", element }, versions, options)

export const struct = <const F extends Fields, const O extends FieldOptions<null>>(
  versions: Versions,
  fields: F,
  options?: O,
): Field<Nullable<Decoded<F>, O>, Nullable<Input<F>, O>> =>
  field({ _tag: "struct", fields }, versions, options)

export interface Api<Request extends Fields = Fields, Response extends Fields = Fields> {
  /** Kafka's number of the API. */
  readonly key: number
  /** Kafka's name, without Request or Response. */
  readonly name: string
  /** First and last version of the declaration. */
  readonly versions: readonly [min: number, max: number]
  /** Compact lengths and tagged fields from this version on; undefined = in none. */
  readonly flexibleSince: number | undefined
  readonly request: Request
  readonly response: Response
}

export const defineApi = <const Q extends Fields, const S extends Fields>(
  api: Api<Q, S>,
): Api<Q, S> => api

export type RequestOf<A extends Api> = Decoded<A["request"]>
export type ResponseOf<A extends Api> = Decoded<A["response"]>
export type RequestInput<A extends Api> = Input<A["request"]>
export type ResponseInput<A extends Api> = Input<A["response"]>

/** Whether `version` lies in `versions`; never, where no versions are given. */
export const inVersions = (version: number, versions: Versions | undefined): boolean => {
  if (versions === undefined) return false
  if (versions.endsWith("+")) return version >= Number(versions.slice(0, -1))
  const [first, last = first] = versions.split("-")
  return version >= Number(first) && version <= Number(last)
}
