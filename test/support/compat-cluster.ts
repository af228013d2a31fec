import { afterAll, beforeAll, setDefaultTimeout } from "bun:test"
import { Cluster } from "../../scripts/harness/cluster.ts"

/** What a test of a foreign client needs of a cluster. */
export interface CompatCluster {
  readonly bootstrap: string
  readonly bootstrapList: Array<string>
}

/**
 * One cluster for all tests of a file. VARVE_TEST_BOOTSTRAP names a running one to use instead of
 * starting one.
 */
export function useCluster(settings: Readonly<Record<string, string>> = {}): CompatCluster {
  // Some clients retry for seconds; and a test that times out takes its child processes with it.
  setDefaultTimeout(30_000)
  let bootstrap = process.env["VARVE_TEST_BOOTSTRAP"] ?? ""
  let cluster: Cluster | undefined
  beforeAll(async () => {
    if (bootstrap !== "") return
    cluster = await Cluster.start({ settings })
    bootstrap = cluster.bootstrap
  }, 120_000)
  afterAll(async () => {
    await cluster?.dispose()
  }, 60_000)
  return {
    get bootstrap() {
      return bootstrap
    },
    get bootstrapList() {
      return bootstrap.split(",")
    },
  }
}

let count = 0

/** A topic name that no other test uses, also on a cluster that outlives this run. */
export function freshTopic(prefix: string): string {
  count += 1
  return `${prefix}-${Date.now().toString(36)}-${process.pid}-${count}`
}
