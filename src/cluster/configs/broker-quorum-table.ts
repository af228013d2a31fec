/** Broker settings of the controllers: varve's metadata group needs none of them. */
import { configTable } from "./config-table.ts"

export const brokerQuorumTable = configTable(`
= Without effect: every broker takes part in the metadata group, with fixed times.
process.roles | list | - | of broker,controller | fixed
  What this process is: broker, controller or both.
controller.listener.names | list | - | any | fixed
  The listeners of controllers.
controller.quorum.voters | list | "" | any | fixed
  The controllers, as id@host:port.
controller.quorum.bootstrap.servers | list | "" | any | fixed
  Where controllers are found.
controller.quorum.auto.join.enable | boolean | false | any | fixed
  Whether a new controller joins by itself.
controller.quorum.append.linger.ms | int | 25 | >=0 | fixed
  How long records are gathered before they are written.
controller.quorum.election.backoff.max.ms | int | 1000 | >=0 | fixed
  How long a refused candidate waits at most.
controller.quorum.election.timeout.ms | int | 1000 | >=0 | fixed
  How long an election may take.
controller.quorum.fetch.max.bytes | int | 1048576 | >=1 | fixed
  How much a follower fetches at once.
controller.quorum.fetch.snapshot.max.bytes | int | 1048576 | >=1 | fixed
  How much of a snapshot it fetches at once.
controller.quorum.fetch.timeout.ms | int | 2000 | >=0 | fixed
  After which silence a follower campaigns.
controller.quorum.request.timeout.ms | int | 2000 | >=0 | fixed
  How long a request waits for its answer.
controller.quorum.retry.backoff.ms | int | 20 | >=0 | fixed
  How long it waits before it is sent again.
broker.heartbeat.interval.ms | int | 2000 | any | fixed
  How often a broker is heard by the controller.
broker.session.timeout.ms | int | 9000 | any | fixed
  After which silence it is fenced.
initial.broker.registration.timeout.ms | int | 60000 | any | fixed
  How long a broker tries to register.
inter.broker.listener.name | string | - | any | fixed
  The listener that brokers use among themselves.
metadata.log.dir | string | - | any | fixed
  Where the metadata lies; here with the other data.
metadata.log.segment.bytes | int | 1073741824 | >=8388608 | fixed
  The size of its segments.
metadata.log.segment.ms | long | 604800000 | any | fixed
  After how long a new one begins.
metadata.max.retention.bytes | long | 104857600 | any | fixed
  How much of its past is kept.
metadata.max.retention.ms | long | 604800000 | any | fixed
  How long its past is kept.
metadata.max.idle.interval.ms | int | 500 | >=0 | fixed
  How often an idle controller writes.
metadata.log.max.record.bytes.between.snapshots | long | 20971520 | >=1 | fixed
  After how many bytes a snapshot is made; see varve.metadata.snapshot.entries.
metadata.log.max.snapshot.interval.ms | long | 3600000 | >=0 | fixed
  After how long a snapshot is made.
`)
