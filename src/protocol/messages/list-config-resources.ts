import { defineApi, array, int16, int32, int8, string } from "../schema.ts"

/** The names of resources that have settings. 0: client metrics only · 1: any type. */
export const listConfigResources = defineApi({
  key: 74,
  name: "ListConfigResources",
  versions: [0, 1],
  flexibleSince: 0,
  request: {
    resourceTypes: array("1+", "int8"),
  },
  response: {
    throttleTimeMs: int32("0+"),
    errorCode: int16("0+"),
    configResources: array("0+", {
      resourceName: string("0+"),
      resourceType: int8("1+", { default: 16, ignorable: true }),
    }),
  },
})
