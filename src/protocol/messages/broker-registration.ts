import { defineApi, array, bool, int16, int32, int64, string, uint16, uuid } from "../schema.ts"

/**
 * A broker announces itself to the metadata leader. Between brokers only.
 * 2: log directories · 3: the epoch before a clean shutdown · 4: features whose lowest version is
 * 0.
 */
export const brokerRegistration = defineApi({
  key: 62,
  name: "BrokerRegistration",
  versions: [0, 4],
  flexibleSince: 0,
  request: {
    brokerId: int32("0+"),
    clusterId: string("0+"),
    incarnationId: uuid("0+"),
    listeners: array("0+", {
      name: string("0+"),
      host: string("0+"),
      port: uint16("0+"),
      securityProtocol: int16("0+"),
    }),
    features: array("0+", {
      name: string("0+"),
      minSupportedVersion: int16("0+"),
      maxSupportedVersion: int16("0+"),
    }),
    rack: string("0+", { nullable: "0+" }),
    isMigratingZkBroker: bool("1+"),
    logDirs: array("2+", "uuid", { ignorable: true }),
    // -1: the last shutdown was not clean.
    previousBrokerEpoch: int64("3+", { default: -1, ignorable: true }),
  },
  response: {
    throttleTimeMs: int32("0+"),
    errorCode: int16("0+"),
    brokerEpoch: int64("0+", { default: -1 }),
  },
})
