/**
 * Requests and responses travel as plain objects beside their API key; here the key's type is put
 * on again.
 */
import type { Api, RequestOf, ResponseOf } from "../../protocol/schema.ts"

/** `body` was decoded (or made) as a request of that very API. */
export const requestOf = <A extends Api>(_api: A, body: object): RequestOf<A> =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
  body as RequestOf<A>

export const responseOf = <A extends Api>(_api: A, body: object): ResponseOf<A> =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
  body as ResponseOf<A>
