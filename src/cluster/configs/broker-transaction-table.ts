/** Broker settings of transactions, which varve does not have yet. */
import { configTable } from "./config-table.ts"

export const brokerTransactionTable = configTable(`
= Without effect: there are no transactions yet.
transaction.state.log.num.partitions | int | 50 | >=1 | fixed
  How many partitions the topic of transactions has.
transaction.state.log.replication.factor | short | 3 | >=1 | fixed
  How many replicas it has.
transaction.state.log.min.isr | int | 2 | >=1 | fixed
  Its min.insync.replicas.
transaction.state.log.segment.bytes | int | 104857600 | >=1 | fixed
  The size of its segments.
transaction.state.log.load.buffer.size | int | 5242880 | >=1 | fixed
  How much is read at once while a coordinator loads.
transaction.max.timeout.ms | int | 900000 | >=1 | fixed
  The longest time-out a transaction may ask for.
transactional.id.expiration.ms | int | 604800000 | >=1 | fixed
  A transactional id that is not used for so long is forgotten.
transaction.abort.timed.out.transaction.cleanup.interval.ms | int | 10000 | >=1 | fixed
  How often transactions are looked at for whether their time is over.
transaction.remove.expired.transaction.cleanup.interval.ms | int | 3600000 | >=1 | fixed
  How often forgotten ids are removed.
transaction.partition.verification.enable | boolean | true | any | cluster
  Whether a partition asks if a transaction has begun.
transaction.two.phase.commit.enable | boolean | false | any | fixed
  Whether a transaction may be prepared and committed by somebody else.
add.partitions.to.txn.retry.backoff.ms | int | 20 | >=1 | fixed
  How long a broker waits before it asks again.
add.partitions.to.txn.retry.backoff.max.ms | int | 100 | >=0 | fixed
  How long it waits at most.
`)
