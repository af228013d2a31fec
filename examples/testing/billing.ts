import type { ConsumedRecord } from "../../src/index.ts"

/** What billing needs of a consumer; varve's `Consumer` has it, and so has what records it. */
export interface Orders {
  poll(timeoutMs: number, max: number): Promise<ReadonlyArray<ConsumedRecord>>
  commit(): Promise<void>
}

/** Resolves when the customer has been charged. */
export type Charge = (order: ConsumedRecord) => Promise<void>

export type Billing = (orders: Orders, charge: Charge, isDone: () => boolean) => Promise<void>

/**
 * Says that it has read the orders, then charges them: most clients' automatic commits do the same.
 * It goes well until it crashes in between; then nobody ever charges the rest.
 */
export const naiveBilling: Billing = async (orders, charge, isDone) => {
  while (!isDone()) {
    const batch = await orders.poll(200, 10)
    await orders.commit()
    for (const order of batch) await charge(order)
  }
}

/**
 * Charges the orders, then says that it is done with them. After a crash it is given some again, so
 * `charge` must be one that does nothing the second time.
 */
export const billing: Billing = async (orders, charge, isDone) => {
  while (!isDone()) {
    const batch = await orders.poll(200, 10)
    for (const order of batch) await charge(order)
    if (batch.length > 0) await orders.commit()
  }
}
