import type { Link } from "../network.ts"

/** One whole request or response as it came by on a link from clients. */
export interface WireFrame {
  readonly link: Link
  /** Of the connection; no two of a network have the same. */
  readonly connection: number
  readonly direction: "request" | "response"
  /** Without its length. Of the observer, who must not change it. */
  readonly bytes: Uint8Array
  /** The proxy let it vanish. */
  readonly lost: boolean
}

/** Called in the order of the frames on each connection, before the frame's last byte goes on. */
export type WireTap = (frame: WireFrame) => void
