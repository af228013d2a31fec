import { defineApi, array, bool, int16, int32, int64, string } from "../schema.ts"

/**
 * Which APIs and versions the broker serves: the first question of every connection. Its response
 * header is always v0, and a version that the broker lacks is answered in version 0 with
 * UNSUPPORTED_VERSION and the range of ApiVersions itself (KIP-511).
 * 1: throttle time · 3: flexible, name of the client's software, features · 4: features whose
 * lowest version is 0.
 */
export const apiVersions = defineApi({
  key: 18,
  name: "ApiVersions",
  versions: [0, 4],
  flexibleSince: 3,
  request: {
    clientSoftwareName: string("3+", { ignorable: true }),
    clientSoftwareVersion: string("3+", { ignorable: true }),
  },
  response: {
    errorCode: int16("0+"),
    apiKeys: array("0+", {
      apiKey: int16("0+"),
      minVersion: int16("0+"),
      maxVersion: int16("0+"),
    }),
    throttleTimeMs: int32("1+", { ignorable: true }),
    // Versions that this broker could run with.
    supportedFeatures: array(
      "3+",
      {
        name: string("3+"),
        minVersion: int16("3+"),
        maxVersion: int16("3+"),
      },
      { tag: 0, ignorable: true },
    ),
    // -1: unknown.
    finalizedFeaturesEpoch: int64("3+", { tag: 1, default: -1, ignorable: true }),
    // Versions that the cluster runs with.
    finalizedFeatures: array(
      "3+",
      {
        name: string("3+"),
        maxVersionLevel: int16("3+"),
        minVersionLevel: int16("3+"),
      },
      { tag: 2, ignorable: true },
    ),
    zkMigrationReady: bool("3+", { tag: 3, ignorable: true }),
  },
})
