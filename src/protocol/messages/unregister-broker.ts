import { defineApi, int16, int32, string } from "../schema.ts"

/** Forgets a broker that is gone for good. */
export const unregisterBroker = defineApi({
  key: 64,
  name: "UnregisterBroker",
  versions: [0, 0],
  flexibleSince: 0,
  request: {
    brokerId: int32("0+"),
  },
  response: {
    throttleTimeMs: int32("0+"),
    errorCode: int16("0+"),
    errorMessage: string("0+", { nullable: "0+" }),
  },
})
