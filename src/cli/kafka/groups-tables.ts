/** How kafka-consumer-groups lays out what it found. Pure. */
import type { GroupDescription, GroupListing, GroupMember } from "../../client/groups.ts"
import { groupByTopic } from "../../client/topic-partition.ts"
import type { TopicPartition } from "../../client/topic-partition.ts"

export interface OffsetRow {
  readonly group: string
  readonly topic: string
  readonly partition: number
  /** Undefined: none, here and below. */
  readonly offset: number | undefined
  readonly leaderEpoch: number | undefined
  readonly logEndOffset: number | undefined
  readonly member: GroupMember | undefined
}

const missing = "-"

const shown = (value: string | number | undefined): string => String(value ?? missing)

const widest = (least: number, values: ReadonlyArray<string>): number =>
  Math.max(least, ...values.map((value) => value.length))

/** Cells as wide as said, the last one as it is. */
const line = (cells: ReadonlyArray<string>, widths: ReadonlyArray<number>): string =>
  cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" ")

export function lagOf({ offset, logEndOffset }: OffsetRow): number | undefined {
  return offset === undefined || logEndOffset === undefined ? undefined : logEndOffset - offset
}

export function formatOffsets(rows: ReadonlyArray<OffsetRow>, verbose: boolean): string {
  const widths = [
    widest(
      15,
      rows.map(({ group }) => group),
    ),
    widest(
      15,
      rows.map(({ topic }) => topic),
    ),
    10,
    ...(verbose ? [15] : []),
    15,
    15,
    15,
    widest(
      15,
      rows.map(({ member }) => member?.memberId ?? missing),
    ),
    widest(
      15,
      rows.map(({ member }) => member?.host ?? missing),
    ),
  ]
  const epoch = verbose ? ["LEADER-EPOCH"] : []
  const offsets = ["CURRENT-OFFSET", "LOG-END-OFFSET", "LAG"]
  const head = ["GROUP", "TOPIC", "PARTITION", ...epoch, ...offsets]
  const lines = [
    [...head, "CONSUMER-ID", "HOST", "CLIENT-ID"],
    ...rows.map((row) => [
      row.group,
      row.topic,
      String(row.partition),
      ...(verbose ? [shown(row.leaderEpoch)] : []),
      shown(row.offset),
      shown(row.logEndOffset),
      shown(lagOf(row)),
      ...[row.member?.memberId, row.member?.host, row.member?.clientId].map(shown),
    ]),
  ]
  return `${lines.map((cells) => `\n${line(cells, widths)}`).join("")}\n`
}

/** `orders:0,1;payments:3`. */
function formatAssignment(partitions: ReadonlyArray<TopicPartition>): string {
  if (partitions.length === 0) return missing
  return groupByTopic(partitions)
    .map(({ topic, partitions: own }) => {
      const ids = own.map(({ partition }) => partition).toSorted((a, b) => a - b)
      return `${topic}:${ids.join(",")}`
    })
    .sort()
    .join(";")
}

export function formatMembers(group: GroupDescription, verbose: boolean): string {
  const { members } = group
  const fixed = members.some(({ groupInstanceId }) => groupInstanceId !== null)
  const current = members.map(({ assignment }) => formatAssignment(assignment))
  const target = members.map(({ targetAssignment }) => formatAssignment(targetAssignment))
  const mixed = [true, false].every((side) => members.some(({ upgraded }) => upgraded === side))
  const groupColumn = members.length === 0 ? 15 : widest(15, [group.groupId])
  const widths = [
    groupColumn,
    widest(
      15,
      members.map(({ memberId }) => memberId),
    ),
    ...(fixed
      ? [
          widest(
            17,
            members.map((one) => one.groupInstanceId ?? ""),
          ),
        ]
      : []),
    widest(
      15,
      members.map(({ host }) => host),
    ),
    widest(
      15,
      members.map(({ clientId }) => clientId),
    ),
    15,
    ...(verbose ? [15, widest(20, current), 15, widest(20, target)] : []),
  ]
  const more = ["CURRENT-EPOCH", "CURRENT-ASSIGNMENT", "TARGET-EPOCH", "TARGET-ASSIGNMENT"]
  const head = [
    "GROUP",
    "CONSUMER-ID",
    ...(fixed ? ["GROUP-INSTANCE-ID"] : []),
    "HOST",
    "CLIENT-ID",
    "#PARTITIONS",
    ...(verbose ? [...more, ...(mixed ? ["UPGRADED"] : [])] : []),
  ]
  const rows = members.map((member, i) => [
    group.groupId,
    member.memberId,
    ...(fixed ? [member.groupInstanceId ?? ""] : []),
    member.host,
    member.clientId,
    String(member.assignment.length),
    ...(verbose
      ? [
          shown(member.memberEpoch),
          current[i] ?? missing,
          shown(group.targetAssignmentEpoch),
          target[i] ?? missing,
          ...(mixed
            ? [shown(member.upgraded === undefined ? undefined : `${member.upgraded}`)]
            : []),
        ]
      : []),
  ])
  // The short form ends with a space behind its last column.
  const end = verbose ? "\n" : " \n"
  return `\n${[head, ...rows].map((cells) => `${line(cells, widths)}${end}`).join("")}`
}

export function formatState(group: GroupDescription, verbose: boolean): string {
  const { nodeId, host, port } = group.coordinator
  const coordinator = `${host}:${port}  (${nodeId})`
  const widths = [
    widest(15, [group.groupId]),
    widest(25, [coordinator]),
    20,
    20,
    ...(verbose ? [15, 25] : []),
  ]
  const epochs = verbose ? ["GROUP-EPOCH", "TARGET-ASSIGNMENT-EPOCH"] : []
  const head = ["GROUP", "COORDINATOR (ID)", "ASSIGNMENT-STRATEGY", "STATE", ...epochs, "#MEMBERS"]
  const cells = [
    group.groupId,
    coordinator,
    group.assignor === "" ? missing : group.assignor,
    group.state,
    ...(verbose ? [shown(group.groupEpoch), shown(group.targetAssignmentEpoch)] : []),
    String(group.members.length),
  ]
  return `\n${line(head, widths)}\n${line(cells, widths)}\n`
}

export function formatListing(
  groups: ReadonlyArray<GroupListing>,
  show: { readonly type: boolean; readonly state: boolean },
): string {
  const width =
    widest(
      15,
      groups.map(({ groupId }) => groupId),
    ) + 10
  const row = (id: string, type: string, state: string) =>
    [
      id.padEnd(width),
      ...(show.type ? [type.padEnd(20)] : []),
      ...(show.state ? [state.padEnd(20)] : []),
    ].join(" ")
  const rows = groups.map(({ groupId, type, state }) => row(groupId, named(type), named(state)))
  return [row("GROUP", "TYPE", "STATE"), ...rows].map((text) => `${text}\n`).join("")
}

const named = (name: string): string => (name === "" ? "Unknown" : name)

export interface NewOffset extends TopicPartition {
  readonly group: string
  readonly offset: number
}

/** `groups`: all that were asked for, also those of which nothing is to be reset. */
export function formatNewOffsets(
  groups: ReadonlyArray<string>,
  offsets: ReadonlyArray<NewOffset>,
): string {
  const widths = [
    widest(15, groups),
    widest(
      15,
      offsets.map(({ topic }) => topic),
    ),
    10,
  ]
  const rows = offsets.map((one) => [one.group, one.topic, one.partition, one.offset].map(String))
  const head = groups.length === 0 ? [] : [["GROUP", "TOPIC", "PARTITION", "NEW-OFFSET"]]
  return `${[...head, ...rows].map((cells) => `\n${line(cells, widths)}`).join("")}\n`
}

export interface DeletedOffset extends TopicPartition {
  /** Undefined: done. */
  readonly error: string | undefined
}

/** A partition below zero stands for a topic that has none. */
export function formatDeletedOffsets(results: ReadonlyArray<DeletedOffset>): string {
  const widths = [
    widest(
      15,
      results.map(({ topic }) => topic),
    ),
    10,
    15,
  ]
  const key = ({ topic, partition }: DeletedOffset) => `${topic}${partition}`
  const rows = results
    .toSorted((a, b) => (key(a) < key(b) ? -1 : 1))
    .map(({ topic, partition, error }) => [
      topic,
      partition < 0 ? missing : String(partition),
      error === undefined ? "Successful" : `Error: ${error}`,
    ])
  const lines = [["TOPIC", "PARTITION", "STATUS"], ...rows]
  return `${lines.map((cells) => `\n${line(cells, widths)}`).join("")}\n`
}
