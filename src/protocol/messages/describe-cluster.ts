import { defineApi, array, bool, int16, int32, int8, string } from "../schema.ts"

/**
 * Brokers, controller and cluster id. 1: asks brokers or controllers (KIP-919) · 2: fenced brokers
 * (KIP-1073).
 */
export const describeCluster = defineApi({
  key: 60,
  name: "DescribeCluster",
  versions: [0, 2],
  flexibleSince: 0,
  request: {
    includeClusterAuthorizedOperations: bool("0+"),
    // 1 brokers · 2 controllers.
    endpointType: int8("1+", { default: 1 }),
    includeFencedBrokers: bool("2+"),
  },
  response: {
    throttleTimeMs: int32("0+"),
    errorCode: int16("0+"),
    errorMessage: string("0+", { nullable: "0+", default: null }),
    endpointType: int8("1+", { default: 1 }),
    clusterId: string("0+"),
    controllerId: int32("0+", { default: -1 }),
    brokers: array("0+", {
      brokerId: int32("0+"),
      host: string("0+"),
      port: int32("0+"),
      rack: string("0+", { nullable: "0+", default: null }),
      isFenced: bool("2+"),
    }),
    clusterAuthorizedOperations: int32("0+", { default: -0x80000000 }),
  },
})
