import { defineApi, array, int16, int32, int8, string } from "../schema.ts"

/**
 * Which broker coordinates a group (0), a transactional id (1) or a share group (2).
 * 1: key type · 3: flexible · 4: many keys in one request · 5: TRANSACTION_ABORTABLE · 6: share
 * groups.
 */
export const findCoordinator = defineApi({
  key: 10,
  name: "FindCoordinator",
  versions: [0, 6],
  flexibleSince: 3,
  request: {
    key: string("0-3"),
    // 0 group · 1 transaction · 2 share group ("group:topic id:partition").
    keyType: int8("1+"),
    coordinatorKeys: array("4+", "string"),
  },
  response: {
    throttleTimeMs: int32("1+", { ignorable: true }),
    errorCode: int16("0-3"),
    errorMessage: string("1-3", { nullable: "1-3", ignorable: true }),
    nodeId: int32("0-3"),
    host: string("0-3"),
    port: int32("0-3"),
    coordinators: array("4+", {
      key: string("4+"),
      nodeId: int32("4+"),
      host: string("4+"),
      port: int32("4+"),
      errorCode: int16("4+"),
      errorMessage: string("4+", { nullable: "4+", ignorable: true }),
    }),
  },
})
