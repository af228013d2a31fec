import { defineApi, array, bool, int16, int32, int8, string } from "../schema.ts"

/** 1: only validate, upgrade types · 2: no results of single features any more. */
export const updateFeatures = defineApi({
  key: 57,
  name: "UpdateFeatures",
  versions: [0, 2],
  flexibleSince: 0,
  request: {
    timeoutMs: int32("0+", { default: 60000 }),
    featureUpdates: array("0+", {
      feature: string("0+"),
      maxVersionLevel: int16("0+"),
      allowDowngrade: bool("0"),
      upgradeType: int8("1+", { default: 1 }),
    }),
    validateOnly: bool("1+"),
  },
  response: {
    throttleTimeMs: int32("0+"),
    errorCode: int16("0+"),
    errorMessage: string("0+", { nullable: "0+" }),
    results: array(
      "0-1",
      {
        feature: string("0+"),
        errorCode: int16("0+"),
        errorMessage: string("0+", { nullable: "0+" }),
      },
      { ignorable: true },
    ),
  },
})
