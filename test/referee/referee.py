#!/usr/bin/env python3
"""A second opinion on a history.jsonl: one JSON verdict on standard output, exit 0, 1 (anomalies), 2."""

from __future__ import annotations

import gc
import json
import sys
from typing import Any, Iterable

from anomaly import Findings
from final_log import check_final_log, check_unplaced
from groups import check_groups, group_names
from history import BrokenHistory, Operation, read_history
from lookups import check_lookups
from metadata import check_metadata
from offsets import check_offsets
from partition_log import collect_logs
from polls import check_polls
from registers import check_registers
from sequences import check_sequences


def judge(operations: list[Operation]) -> dict[str, Any]:
    findings = Findings()
    logs = collect_logs(operations)
    groups = group_names(operations)
    undrained: list[str] = []
    for log in logs.partitions.values():
        check_offsets(logs, log, findings)
        check_final_log(logs, log, findings)
        check_sequences(logs, log, findings)
        check_polls(log, groups, findings)
        check_lookups(logs, log, findings)
        if not log.drained and any(batch.told for batch in log.batches):
            undrained.append(log.name)
    check_unplaced(logs, findings)
    check_metadata(operations, findings)
    check_registers(operations, findings)
    check_groups(operations, logs, findings)
    return {
        "valid": not findings.kept,
        "operations": len(operations),
        "partitions": len(logs.partitions),
        "undrained": sorted(undrained),
        "counts": findings.by_kind(),
        "places": [
            {"kind": kind, "partition": partition, "count": count}
            for (kind, partition), count in sorted(findings.counts.items())
        ],
        "anomalies": findings.kept,
    }


def judge_lines(lines: Iterable[str]) -> dict[str, Any]:
    return judge(read_history(lines))


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0].startswith("-"):
        print("usage: referee.py HISTORY.jsonl ...", file=sys.stderr)
        return 2
    gc.disable()
    worst = 0
    for path in arguments:
        try:
            with open(path, encoding="utf-8") as lines:
                verdict = judge_lines(lines)
        except (BrokenHistory, OSError) as error:
            print(json.dumps({"file": path, "broken": str(error)}))
            worst = 2
            continue
        print(json.dumps({"file": path, **verdict}))
        worst = max(worst, 0 if verdict["valid"] else 1)
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
