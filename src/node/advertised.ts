/**
 * What this broker offers: the one table of served APIs and their versions. ApiVersions answers it,
 * the rim and dispatch refuse everything else. A version stands here only when every field of it
 * means what it means in Kafka.
 */

export interface AdvertisedApi {
  readonly key: number
  readonly minVersion: number
  readonly maxVersion: number
}

/**
 * Produce says 0 and serves from 3, as Kafka does (KAFKA-18659): older librdkafka stops compressing
 * otherwise.
 */
export const produceVersionMin = 3

/** By key, ascending, as Kafka answers them. */
export const advertisedApis: ReadonlyArray<AdvertisedApi> = [
  { key: 0, minVersion: 0, maxVersion: 13 },
  { key: 1, minVersion: 4, maxVersion: 18 },
  { key: 2, minVersion: 1, maxVersion: 11 },
  { key: 3, minVersion: 0, maxVersion: 13 },
  { key: 8, minVersion: 2, maxVersion: 10 },
  { key: 9, minVersion: 1, maxVersion: 10 },
  { key: 10, minVersion: 0, maxVersion: 6 },
  { key: 11, minVersion: 0, maxVersion: 9 },
  { key: 12, minVersion: 0, maxVersion: 4 },
  { key: 13, minVersion: 0, maxVersion: 5 },
  { key: 14, minVersion: 0, maxVersion: 5 },
  { key: 15, minVersion: 0, maxVersion: 6 },
  { key: 16, minVersion: 0, maxVersion: 5 },
  { key: 18, minVersion: 0, maxVersion: 4 },
  { key: 19, minVersion: 2, maxVersion: 7 },
  { key: 20, minVersion: 1, maxVersion: 6 },
  { key: 21, minVersion: 0, maxVersion: 2 },
  { key: 22, minVersion: 0, maxVersion: 5 },
  { key: 23, minVersion: 2, maxVersion: 4 },
  { key: 32, minVersion: 1, maxVersion: 4 },
  { key: 33, minVersion: 0, maxVersion: 2 },
  { key: 35, minVersion: 1, maxVersion: 5 },
  { key: 37, minVersion: 0, maxVersion: 3 },
  { key: 42, minVersion: 0, maxVersion: 2 },
  { key: 43, minVersion: 0, maxVersion: 2 },
  { key: 44, minVersion: 0, maxVersion: 1 },
  { key: 45, minVersion: 0, maxVersion: 1 },
  { key: 46, minVersion: 0, maxVersion: 0 },
  { key: 47, minVersion: 0, maxVersion: 0 },
  { key: 55, minVersion: 0, maxVersion: 2 },
  { key: 60, minVersion: 0, maxVersion: 2 },
  { key: 61, minVersion: 0, maxVersion: 0 },
  { key: 68, minVersion: 0, maxVersion: 1 },
  { key: 69, minVersion: 0, maxVersion: 1 },
  { key: 74, minVersion: 0, maxVersion: 1 },
  { key: 75, minVersion: 0, maxVersion: 0 },
]

const byKey = new Map(advertisedApis.map((api) => [api.key, api]))

export type Served = "served" | "unsupportedVersion" | "unknownApi"

export function servedVersion(apiKey: number, apiVersion: number): Served {
  const api = byKey.get(apiKey)
  if (api === undefined) return "unknownApi"
  const minVersion = apiKey === 0 ? produceVersionMin : api.minVersion
  return apiVersion >= minVersion && apiVersion <= api.maxVersion ? "served" : "unsupportedVersion"
}
