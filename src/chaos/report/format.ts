/** Numbers, durations and times as people read them. */

export const formatCount = (count: number): string => Math.round(count).toLocaleString("en-US")

/** "1 write", "2 writes". */
export const counted = (count: number, noun: string, plural = `${noun}s`): string =>
  `${formatCount(count)} ${count === 1 ? noun : plural}`

/** "0.4 ms", "38 ms", "4.2 s", "3 min 5 s", "2 h 4 min". */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms)) return "for ever"
  if (ms > 0 && ms < 9.95) return `${Number(ms.toFixed(1))} ms`
  if (ms < 999.5) return `${Math.round(ms)} ms`
  if (ms < 59_950) return `${Number((ms / 1000).toFixed(ms < 9950 ? 2 : 1))} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 3600) return pair(Math.floor(seconds / 60), "min", seconds % 60, "s")
  const minutes = Math.round(seconds / 60)
  return pair(Math.floor(minutes / 60), "h", minutes % 60, "min")
}

const pair = (large: number, largeUnit: string, small: number, smallUnit: string): string =>
  small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`

/** A time of the run's clock: "0:07", "12:34.5", "1:02:03"; tenths where `tenths`. */
export function formatTime(ms: number, tenths = false): string {
  const total = tenths ? Math.round(Math.max(0, ms) / 100) / 10 : Math.floor(Math.max(0, ms) / 1000)
  const seconds = total % 60
  const minutes = Math.floor(total / 60) % 60
  const hours = Math.floor(total / 3600)
  const tail = tenths ? seconds.toFixed(1).padStart(4, "0") : `${seconds}`.padStart(2, "0")
  if (hours === 0) return `${minutes}:${tail}`
  return `${hours}:${`${minutes}`.padStart(2, "0")}:${tail}`
}

/** Cut before the end, which tells names apart more often than the beginning. */
export function shortened(text: string, charactersMax: number): string {
  const characters = Array.from(text)
  if (characters.length <= charactersMax) return text
  const tail = Math.floor((charactersMax - 1) * 0.6)
  const head = characters.slice(0, charactersMax - 1 - tail).join("")
  return `${head}…${characters.slice(characters.length - tail).join("")}`
}

/** A partition without the part of the topic's id that histories carry. */
export const partitionLabel = (partition: string): string =>
  partition.replace(/#[^/#]*(?=\/\d+$)/, "")
