/**
 * What a person or a monitor asks over HTTP: /health as JSON, /metrics in Prometheus' text form.
 */
import type { NodeStatus } from "../node/node.ts"
import type { Endpoint } from "./broker-json.ts"

export interface RimStatus {
  readonly connections: number
  readonly requestBytesInFlight: number
  readonly unsentBytes: number
  readonly walPendingBytes: number
  readonly requests: number
}

export interface HttpSource {
  /** Undefined while the broker stops. */
  status(): NodeStatus | undefined
  rim(): RimStatus
}

export interface HttpServer {
  readonly port: number
  stop(): void
}

/** Throws when the address is taken. */
export function serveHttp(endpoint: Endpoint, source: HttpSource): HttpServer {
  const server = Bun.serve({
    hostname: endpoint.host,
    port: endpoint.port,
    routes: {
      "/health": { GET: () => health(source) },
      "/metrics": { GET: () => metrics(source) },
    },
    fetch: () => new Response("not found\n", { status: 404 }),
    error: (error) => new Response(`${error.message}\n`, { status: 500 }),
  })
  return { port: server.port ?? endpoint.port, stop: () => void server.stop(true) }
}

/** 200 when the broker serves, 503 while it starts or stops. */
function health(source: HttpSource): Response {
  const status = source.status()
  if (status === undefined) return Response.json({ ready: false, stopping: true }, { status: 503 })
  return Response.json({ ...status, rim: source.rim() }, { status: status.ready ? 200 : 503 })
}

type Gauge = readonly [name: string, kind: "gauge" | "counter", help: string, value: number]

function metrics(source: HttpSource): Response {
  const status = source.status()
  const rim = source.rim()
  const memory = process.memoryUsage()
  const rows: Gauge[] = [
    ["varve_ready", "gauge", "1 when the broker serves.", status?.ready === true ? 1 : 0],
    ["varve_connections", "gauge", "Open client connections.", rim.connections],
    ["varve_requests_total", "counter", "Requests taken from clients.", rim.requests],
    [
      "varve_request_bytes_in_flight",
      "gauge",
      "Bytes of unanswered requests.",
      rim.requestBytesInFlight,
    ],
    ["varve_unsent_bytes", "gauge", "Bytes of answers not taken by clients.", rim.unsentBytes],
    [
      "varve_wal_pending_bytes",
      "gauge",
      "Bytes handed to the log and not durable.",
      rim.walPendingBytes,
    ],
    ["process_resident_memory_bytes", "gauge", "Resident memory.", memory.rss],
  ]
  if (status !== undefined) rows.push(...nodeRows(status))
  return new Response(rows.map(format).join(""), {
    headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
  })
}

function nodeRows(status: NodeStatus): ReadonlyArray<Gauge> {
  const { metadata, partitions } = status
  return [
    [
      "varve_metadata_leader",
      "gauge",
      "Node id of the metadata leader, -1 if unknown.",
      metadata.leader,
    ],
    ["varve_metadata_term", "gauge", "Term of the metadata group.", metadata.term],
    [
      "varve_metadata_applied_index",
      "gauge",
      "Applied index of the metadata log.",
      metadata.appliedIndex,
    ],
    ["varve_topics", "gauge", "Topics of the cluster.", metadata.topics],
    ["varve_partitions_hosted", "gauge", "Partitions with a replica here.", partitions.hosted],
    ["varve_partitions_led", "gauge", "Partitions led here.", partitions.led],
    ["varve_partitions_quiesced", "gauge", "Partitions at rest.", partitions.quiesced],
    [
      "varve_partitions_leaderless",
      "gauge",
      "Partitions of the cluster without a leader.",
      partitions.leaderless,
    ],
    [
      "varve_partitions_under_replicated",
      "gauge",
      "Partitions with a replica out of sync.",
      partitions.underReplicated,
    ],
    [
      "varve_groups_recovering",
      "gauge",
      "Groups whose log here has lost something and is not whole again, at most 100.",
      status.recovering.length,
    ],
    [
      "varve_disk_space_low",
      "gauge",
      "1 while the disk is nearly full and nothing is appended.",
      status.diskSpace === "low" ? 1 : 0,
    ],
    [
      "varve_requests_waiting",
      "gauge",
      "Requests that wait for something.",
      status.requestsWaiting,
    ],
  ]
}

function format([name, kind, help, value]: Gauge): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n${name} ${value}\n`
}
