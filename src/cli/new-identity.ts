/** Chance enters here: who a new cluster and a new disk are. */

/** 16 random bytes as Kafka prints a cluster id: 22 characters of base64url. */
export function newClusterId(): string {
  for (;;) {
    const id = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("base64url")
    if (!id.startsWith("-")) return id
  }
}

/** 32 hexadecimal digits, lower case. */
export function newDiskUuid(): string {
  return crypto.randomUUID().replaceAll("-", "")
}
