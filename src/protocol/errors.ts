/** The bytes are not what they claim to be. The connection they came from is not to be trusted. */
export class DecodeError extends Error {
  readonly _tag = "DecodeError"
  override readonly name = "DecodeError"
}

/** The message cannot be said in this version of the protocol: a mistake of the caller. */
export class EncodeError extends Error {
  readonly _tag = "EncodeError"
  override readonly name = "EncodeError"
}
