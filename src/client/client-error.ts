/** What a client sees go wrong, apart from error codes, which are data in responses. */

/**
 * The connection could not be made, broke, or did not answer in time: the outcome of what was asked
 * is unknown.
 */
export class ConnectionLost extends Error {
  override readonly name = "ConnectionLost"
}

/** A broker answered with an error code. */
export class KafkaError extends Error {
  override readonly name = "KafkaError"
  readonly code: number
  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

/** The broker does not offer the API, or no version of it that we know. */
export class UnsupportedApi extends Error {
  override readonly name = "UnsupportedApi"
}
