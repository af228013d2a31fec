/** The topics as a coordinator sees them: read from the newest applied image at each use. */
import type { MetadataImage } from "../../cluster/image.ts"
import type { TopicsView } from "../../coordinator/ports.ts"

export function topicsView(image: () => MetadataImage): TopicsView {
  return {
    get version() {
      return image().index
    },
    topicId: (name) => image().topics.get(name)?.id,
    topicName: (id) => image().topicsById.get(id)?.name,
    partitions: (name) => image().topics.get(name)?.partitions.length,
    racks: (name, partition) => {
      const { topics, brokers } = image()
      const replicas = topics.get(name)?.partitions[partition]?.replicas ?? []
      return replicas.flatMap((id) => brokers.get(id)?.rack ?? [])
    },
    names: () => image().topics.keys(),
  }
}
