import { Client, parseBootstrap } from "../src/index.ts"

/** What the examples on varve's own client share. */

export function openClient(clientId: string, bootstrap: ReadonlyArray<string>): Client {
  const addresses = parseBootstrap(bootstrap.join())
  if (addresses === undefined) {
    console.error(`bootstrap: expected host:port,host:port, got ${bootstrap.join()}`)
    return process.exit(2)
  }
  return new Client({ bootstrap: addresses, clientId })
}

export const bytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value))

export const text = (value: Uint8Array | null): string => String(Buffer.from(value ?? []))
