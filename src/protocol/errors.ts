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

/** Compressed bytes that cannot, or for their size will not, be decompressed. */
export class DecompressError extends Error {
  readonly _tag = "DecompressError"
  override readonly name = "DecompressError"
  readonly reason: "malformed" | "tooLarge"

  constructor(message: string, reason: "malformed" | "tooLarge" = "malformed", cause?: unknown) {
    super(message, { cause })
    this.reason = reason
  }
}
