import { defineApi, array, int16, int32, int64, string } from "../schema.ts"

/** The transactions that a broker coordinates. 1: by age · 2: by pattern of the id. */
export const listTransactions = defineApi({
  key: 66,
  name: "ListTransactions",
  versions: [0, 2],
  flexibleSince: 0,
  request: {
    stateFilters: array("0+", "string"),
    producerIdFilters: array("0+", "int64"),
    durationFilter: int64("1+", { default: -1 }),
    transactionalIdPattern: string("2+", { nullable: "2+", default: null }),
  },
  response: {
    throttleTimeMs: int32("0+"),
    errorCode: int16("0+"),
    unknownStateFilters: array("0+", "string"),
    transactionStates: array("0+", {
      transactionalId: string("0+"),
      producerId: int64("0+"),
      transactionState: string("0+"),
    }),
  },
})
