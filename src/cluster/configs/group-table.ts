/** Configs of groups (resource type 32). */
import { configTable } from "./config-table.ts"

export const groupTable = configTable(`
consumer.session.timeout.ms | int | 45000 | >=1
  After which silence a member of this group is gone.
consumer.heartbeat.interval.ms | int | 5000 | >=1
  How often members of this group are told to be heard.
consumer.assignment.interval.ms | int | 1000 | >=0
  How long it is from one assignment to the next at least.
= Without effect: there are no share groups yet.
share.auto.offset.reset | string | latest | offset-reset
  Where a share group begins: earliest, latest, or by_duration: and how far back.
share.isolation.level | string | read_uncommitted | of read_committed,read_uncommitted
  Whether records of open transactions are seen.
share.renew.acknowledge.enable | boolean | true | any
  Whether a consumer may hold a record for longer.
share.session.timeout.ms | int | 45000 | >=1
  After which silence a member is gone.
share.heartbeat.interval.ms | int | 5000 | >=1
  How often members are told to be heard.
share.assignment.interval.ms | int | 1000 | >=0
  How long it is from one assignment to the next at least.
share.delivery.count.limit | int | 5 | >=2
  How often a record is tried.
share.partition.max.record.locks | int | 2000 | >=100
  How many records of a partition are out at once.
share.record.lock.duration.ms | int | 30000 | >=1000
  How long a record is held for a consumer.
= Without effect: there are no Streams groups.
streams.session.timeout.ms | int | 45000 | >=1
  After which silence a member is gone.
streams.heartbeat.interval.ms | int | 5000 | >=1
  How often members are told to be heard.
streams.assignment.interval.ms | int | 1000 | >=0
  How long it is from one assignment to the next at least.
streams.initial.rebalance.delay.ms | int | 3000 | >=0
  How long the first assignment waits for further members.
streams.num.standby.replicas | int | 0 | >=0
  How many standby copies each task has.
`)
