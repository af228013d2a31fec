/** Broker settings of identity, sockets and requests. */
import { configTable } from "./config-table.ts"

export const brokerNetworkTable = configTable(`
node.id | int | - | >=0 | fixed
  The number of this broker in its cluster.
broker.rack | string | - | any | fixed
  Where this broker stands: replicas of a partition are spread over racks.
listeners | list | PLAINTEXT://:9092 | any | broker
  The address this broker listens on. One only.
advertised.listeners | list | - | any | fixed
  The address clients are told; listeners, where it is not set.
socket.request.max.bytes | int | 104857600 | >=1 | fixed
  The largest request; a larger one ends its connection.
max.connections | int | 2147483647 | >=0 | cluster
  How many connections are open at once at most.
max.connections.per.ip | int | 2147483647 | >=0 | cluster
  The same from one address.
connections.max.idle.ms | long | 600000 | any | fixed
  A connection without traffic is closed after so long.
queued.max.request.bytes | long | -1 | any | fixed
  Bytes of requests taken and not answered, of all connections; above it sockets wait. -1: varve's
  own 512 MiB.
fetch.max.bytes | int | 57671680 | >=1024 | fixed
  The most one Fetch is answered with.
max.request.partition.size.limit | int | 2000 | >=1 | fixed
  The most partitions one page of DescribeTopicPartitions holds.
= Without effect: one event loop reads, handles and writes.
num.network.threads | int | 3 | >=1 | cluster
  Threads that read requests and write answers.
num.io.threads | int | 8 | >=1 | cluster
  Threads that handle requests.
background.threads | int | 10 | >=1 | cluster
  Threads for work that nobody waits for.
queued.max.requests | int | 500 | >=1 | fixed
  How many requests wait before sockets are not read; here a bound per connection and one in bytes
  stand in for it.
= Without effect: the sizes are the operating system's.
socket.send.buffer.bytes | int | 102400 | any | fixed
  The buffer of a socket for what is sent.
socket.receive.buffer.bytes | int | 102400 | any | fixed
  The buffer of a socket for what is received.
socket.listen.backlog.size | int | 50 | >=1 | fixed
  How many connections may wait to be accepted.
= Without effect: links between brokers have their own time-outs.
socket.connection.setup.timeout.ms | long | 10000 | any | fixed
  How long setting up a connection may take at first.
socket.connection.setup.timeout.max.ms | long | 30000 | any | fixed
  How long setting up a connection may take at most.
request.timeout.ms | int | 30000 | any | fixed
  How long a broker waits for the answer of another.
controller.socket.timeout.ms | int | 30000 | any | fixed
  The same for the controller.
= Without effect.
max.connection.creation.rate | int | 2147483647 | >=0 | cluster
  How many connections are accepted per second.
max.connections.per.ip.overrides | string | "" | any | cluster
  Other bounds for single addresses.
max.incremental.fetch.session.cache.slots | int | 1000 | >=0 | fixed
  How many fetch sessions are kept; varve answers without sessions.
fetch.purgatory.purge.interval.requests | int | 1000 | any | fixed
  When waiting Fetches that are answered are forgotten.
producer.purgatory.purge.interval.requests | int | 1000 | any | fixed
  The same of Produce.
delete.records.purgatory.purge.interval.requests | int | 1 | any | fixed
  The same of DeleteRecords.
share.fetch.purgatory.purge.interval.requests | int | 1000 | any | fixed
  The same of ShareFetch.
early.start.listeners | list | - | any | fixed
  Listeners that open before the broker is ready.
config.providers | list | "" | any | cluster
  Classes that fill in placeholders of settings.
metric.reporters | list | org.apache.kafka.common.metrics.JmxReporter | any | cluster
  Classes that hear of metrics; GET /metrics shows varve's.
metrics.num.samples | int | 2 | >=1 | fixed
  Over how many samples a metric is measured.
metrics.recording.level | string | INFO | any | fixed
  How detailed metrics are.
metrics.sample.window.ms | long | 30000 | >=1 | fixed
  How long one sample is.
kafka.metrics.polling.interval.secs | int | 10 | >=1 | fixed
  How often metrics are reported.
kafka.metrics.reporters | list | "" | any | fixed
  Classes they are reported to.
telemetry.max.bytes | int | 1048576 | >=1 | fixed
  The largest report of a client's metrics.
= Without effect: there are no quotas.
client.quota.callback.class | class | - | any | fixed
  The class that sets the quotas of clients.
quota.window.num | int | 11 | >=1 | fixed
  Over how many windows clients are measured.
quota.window.size.seconds | int | 1 | >=1 | fixed
  How long one of these windows is.
controller.quota.window.num | int | 11 | >=1 | fixed
  Over how many windows changes of topics are measured.
controller.quota.window.size.seconds | int | 1 | >=1 | fixed
  How long one of these windows is.
replication.quota.window.num | int | 11 | >=1 | fixed
  Over how many windows replication is measured.
replication.quota.window.size.seconds | int | 1 | >=1 | fixed
  How long one of these windows is.
alter.log.dirs.replication.quota.window.num | int | 11 | >=1 | fixed
  Over how many windows moves between disks are measured.
alter.log.dirs.replication.quota.window.size.seconds | int | 1 | >=1 | fixed
  How long one of these windows is.
= Without effect: varve has no such policies.
create.topic.policy.class.name | class | - | any | fixed
  The class that may refuse a new topic.
alter.config.policy.class.name | class | - | any | fixed
  The class that may refuse a change of configs.
replica.selector.class | string | - | any | fixed
  The class that picks the replica a consumer reads from; consumers read from leaders.
! node.id in broker.json says who this broker is
broker.id | int | -1 | any | fixed
  The same as node.id, by its old name.
`)
