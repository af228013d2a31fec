import type { Uuid } from "./schema.ts"

/** Kafka's "no id". */
export const zeroUuid: Uuid = "00000000000000000000000000000000"

const pattern = /^[0-9a-f]{32}$/

/** As Kafka prints ids: URL-safe base64 without padding, 22 characters. */
export const uuidToBase64 = (id: Uuid): string => Buffer.from(id, "hex").toString("base64url")

/** The id, or undefined for anything but the 22 characters that stand for 16 bytes. */
export const uuidFromBase64 = (text: string): Uuid | undefined => {
  if (!/^[A-Za-z0-9_-]{22}$/.test(text)) return undefined
  const id = Buffer.from(text, "base64url").toString("hex")
  return pattern.test(id) && uuidToBase64(id) === text ? id : undefined
}

export const isUuid = (text: string): text is Uuid => pattern.test(text)
