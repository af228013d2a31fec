/** The thread of housekeeping: begun with the first job. */
import type { HousekeepingJob } from "./housekeeping-jobs.ts"
import type { WriterSettings } from "./schema.ts"
import { WorkerHandle } from "./worker-handle.ts"

export class Housekeeper {
  private readonly url: URL
  private readonly settings: WriterSettings
  private readonly log: (line: string) => void
  private worker: WorkerHandle | undefined

  constructor(url: URL, settings: WriterSettings, log: (line: string) => void) {
    this.url = url
    this.settings = settings
    this.log = log
  }

  /** Rejects when the job failed. */
  perform(job: HousekeepingJob): Promise<void> {
    this.worker ??= new WorkerHandle(this.url, {
      onCommitted: () => {},
      // The log does not depend on it: files stay as they are until the next open.
      onFailure: (error) => this.log(`housekeeping ended: ${error.message}`),
    })
    return this.worker.perform(job, this.settings)
  }

  async close(): Promise<void> {
    await this.worker?.close()
  }
}
