/** Broker settings of share groups, which varve does not have yet. */
import { configTable } from "./config-table.ts"

export const brokerShareTable = configTable(`
= Without effect: there are no share groups yet.
group.share.assignors | list | simple | any | fixed
  How partitions are shared out.
group.share.max.size | int | 200 | 1..1000 | fixed
  How many members a share group has at most.
group.share.max.share.sessions | int | 2000 | >=1 | fixed
  How many sessions a broker keeps.
group.share.session.timeout.ms | int | 45000 | >=1 | fixed
  After which silence a member is gone.
group.share.min.session.timeout.ms | int | 45000 | >=1 | fixed
  The least that a group may have set for that.
group.share.max.session.timeout.ms | int | 60000 | >=1 | fixed
  The most that a group may have set for that.
group.share.heartbeat.interval.ms | int | 5000 | >=1 | fixed
  How often members are told to be heard.
group.share.min.heartbeat.interval.ms | int | 5000 | >=1 | fixed
  The least that a group may have set for that.
group.share.max.heartbeat.interval.ms | int | 15000 | >=1 | fixed
  The most that a group may have set for that.
group.share.assignment.interval.ms | int | 1000 | >=0 | cluster
  How long it is from one assignment to the next at least.
group.share.min.assignment.interval.ms | int | 0 | >=0 | fixed
  The least that a group may have set for that.
group.share.max.assignment.interval.ms | int | 15000 | >=0 | fixed
  The most that a group may have set for that.
group.share.delivery.count.limit | int | 5 | 2..10 | fixed
  How often a record is tried.
group.share.min.delivery.count.limit | int | 2 | 2..5 | fixed
  The least that a group may have set for that.
group.share.max.delivery.count.limit | int | 10 | 5..25 | fixed
  The most that a group may have set for that.
group.share.partition.max.record.locks | int | 2000 | 100..10000 | fixed
  How many records of a partition are out at once.
group.share.min.partition.max.record.locks | int | 100 | 100..2000 | fixed
  The least that a group may have set for that.
group.share.max.partition.max.record.locks | int | 4000 | 2000..10000 | fixed
  The most that a group may have set for that.
group.share.record.lock.duration.ms | int | 30000 | 1000..3600000 | fixed
  How long a record is held for a consumer.
group.share.min.record.lock.duration.ms | int | 15000 | 1000..30000 | fixed
  The least that a group may have set for that.
group.share.max.record.lock.duration.ms | int | 60000 | 30000..3600000 | fixed
  The most that a group may have set for that.
share.coordinator.append.linger.ms | int | -1 | >=-1 | fixed
  How long records of a share coordinator are gathered.
share.coordinator.cached.buffer.max.bytes | int | 1048588 | >=524288 | cluster
  Memory it keeps for writing.
share.coordinator.load.buffer.size | int | 5242880 | >=1 | fixed
  How much is read at once while it loads.
share.coordinator.snapshot.update.records.per.snapshot | int | 500 | 0..500 | fixed
  How many updates lie between two snapshots.
share.coordinator.state.topic.compression.codec | int | 0 | any | fixed
  How its records are compressed.
share.coordinator.state.topic.min.isr | short | 2 | >=1 | fixed
  min.insync.replicas of its topic.
share.coordinator.state.topic.num.partitions | int | 50 | >=1 | fixed
  How many partitions its topic has.
share.coordinator.state.topic.replication.factor | short | 3 | >=1 | fixed
  How many replicas its topic has.
share.coordinator.state.topic.segment.bytes | int | 104857600 | >=1 | fixed
  The size of segments of its topic.
share.coordinator.threads | int | 1 | >=1 | fixed
  Threads that run share coordinators.
share.coordinator.write.timeout.ms | int | 5000 | >=1 | fixed
  How long a write may wait for a majority.
`)
