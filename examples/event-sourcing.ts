import { Producer, readAll } from "../src/index.ts"
import { bytes, openClient, text } from "./client.ts"
import { commandLine, connect, ensureTopics } from "./connect.ts"

/**
 * Event sourcing: what happened to accounts is the truth, their balances follow from it. Events are
 * kept for ever; a compacted topic beside them keeps the last snapshot of each partition, so that
 * whoever starts reads the snapshots and only those events that came after them. Both ways lead to
 * the same balances. Run it again, and it goes on where it was.
 *
 *     bun examples/event-sourcing.ts [bootstrap] [events]
 */
interface AccountEvent {
  readonly kind: "deposited" | "withdrawn"
  readonly cents: number
}

/** What the events of one partition amount to. */
interface Ledger {
  /** Of the first event that is not in it. */
  nextOffset: number
  readonly balances: Record<string, number>
}

const { bootstrap, size } = commandLine(120)
const events = "account-events"
const snapshots = "account-snapshots"
await ensureTopics(
  connect("accounts", bootstrap),
  { topic: events, numPartitions: 3, configEntries: [{ name: "retention.ms", value: "-1" }] },
  {
    topic: snapshots,
    numPartitions: 1,
    configEntries: [{ name: "cleanup.policy", value: "compact" }],
  },
)
const client = openClient("accounts", bootstrap)

/** The one place where an event changes anything. */
function apply(ledger: Ledger, account: string, event: AccountEvent, offset: number): void {
  const change = event.kind === "deposited" ? event.cents : -event.cents
  ledger.balances[account] = (ledger.balances[account] ?? 0) + change
  ledger.nextOffset = offset + 1
}

/** Three ledgers, from what is given to the end of the log; and how many events that took. */
async function replay(from: ReadonlyMap<number, Ledger>) {
  let replayed = 0
  const ledgers: Array<Ledger> = []
  for (const partition of [0, 1, 2]) {
    const ledger = from.get(partition) ?? { nextOffset: 0, balances: {} }
    const records = await readAll(client, { topic: events, partition, from: ledger.nextOffset })
    for (const one of records) apply(ledger, text(one.key), JSON.parse(text(one.value)), one.offset)
    replayed += records.length
    ledgers.push(ledger)
  }
  return { ledgers, replayed }
}

/** The last of each partition counts: earlier ones may be there still, or compacted away. */
async function readSnapshots(): Promise<Map<number, Ledger>> {
  const records = await readAll(client, { topic: snapshots, partition: 0 })
  return new Map(records.map(({ key, value }) => [Number(text(key)), JSON.parse(text(value))]))
}

const [eventLog, snapshotLog] = [new Producer(client, events), new Producer(client, snapshots)]
const append = async (log: Producer, key: string, value: unknown) => {
  const { receipt } = await log.send({ key: Buffer.from(key), value: bytes(value) })
  return receipt
}

const { ledgers } = await replay(await readSnapshots())
const balanceOf = (account: string) =>
  ledgers.reduce((sum, { balances }) => sum + (balances[account] ?? 0), 0)

const every = Math.ceil(size / 5)
let refused = 0
for (let i = 1; i <= size; i++) {
  const account = `account-${i % 8}`
  const cents = (i * 37) % 100
  const kind = i % 3 === 0 ? "withdrawn" : "deposited"
  // Decided by what has happened so far; only what is decided becomes an event.
  if (kind === "withdrawn" && balanceOf(account) < cents) refused += 1
  else {
    const event: AccountEvent = { kind, cents }
    const { partition, offset } = await append(eventLog, account, event)
    const ledger = ledgers[partition]
    if (ledger !== undefined) apply(ledger, account, event, offset)
  }
  if (i % every !== Math.floor(every / 2)) continue
  await Promise.all(ledgers.map((ledger, n) => append(snapshotLog, String(n), ledger)))
}

const all = await replay(new Map())
const short = await replay(await readSnapshots())
client.close()
const same = [all, short].every((one) => Bun.deepEquals(one.ledgers, ledgers))
console.log(`${refused} withdrawals refused: ${JSON.stringify(ledgers.map((one) => one.balances))}`)
console.log(`replayed ${all.replayed} events from the beginning, ${short.replayed} after snapshots`)
console.log(same ? "both replays give the same balances" : "the replays DIFFER")
