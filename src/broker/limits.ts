/** What all connections of a broker hold together, and how much of it they may hold. */

export interface ConnectionLimits {
  /** socket.request.max.bytes. */
  readonly requestBytesMax: number
  /** Requests of one connection that are not answered yet. */
  readonly inFlightRequestsMax: number
  /** Bytes of them; one request is always let in, however large. */
  readonly inFlightBytesMax: number
  /**
   * Answers of one connection that its peer has not taken: above it, nothing more is read from it.
   */
  readonly unsentBytesMax: number
  /** queued.max.request.bytes: request bytes of all connections, taken or still coming in. */
  readonly nodeRequestBytesMax: number
  /** Answers of all connections that are not sent: above it, no further Fetch is taken. */
  readonly nodeUnsentBytesMax: number
  /**
   * A connection without a byte in either direction for so long is closed
   * (connections.max.idle.ms).
   */
  readonly idleMs: number
  /** A connection whose peer takes nothing of its answers for so long is closed. */
  readonly stalledMs: number
}

export const defaultLimits: ConnectionLimits = {
  requestBytesMax: 100 * 1024 * 1024,
  inFlightRequestsMax: 256,
  inFlightBytesMax: 32 * 1024 * 1024,
  unsentBytesMax: 4 * 1024 * 1024,
  nodeRequestBytesMax: 512 * 1024 * 1024,
  nodeUnsentBytesMax: 256 * 1024 * 1024,
  idleMs: 600_000,
  stalledMs: 60_000,
}

/** Running sums over all connections; each connection adds and takes away its own. */
export class NodeUsage {
  /** Of requests not answered. */
  requestBytes = 0
  /** Of frames that are not complete yet. */
  assemblingBytes = 0
  unsentBytes = 0
}
