/** The public face of the protocol: `varve/protocol`. */
export * from "./apis.ts"
export * from "./codec.ts"
export * from "./compression.ts"
export * from "./error-codes.ts"
export * from "./errors.ts"
export * from "./frame.ts"
export * from "./header.ts"
export * from "./reader.ts"
export * from "./record.ts"
export * from "./record-batch.ts"
export type {
  Api,
  Decoded,
  Fields,
  Input,
  RequestInput,
  RequestOf,
  ResponseInput,
  ResponseOf,
  Uuid,
} from "./schema.ts"
export { longMax } from "./schema.ts"
export * from "./uuid.ts"
export * from "./writer.ts"
