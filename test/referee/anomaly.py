"""What is reported, and where it is collected."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Findings:
    """Every anomaly is counted; of each kind and partition only the first few are kept."""

    kept_max: int = 20
    kept: list[dict[str, Any]] = field(default_factory=list)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, kind: str, partition: str, offset: int, detail: str) -> None:
        self.counts[kind, partition] += 1
        if self.counts[kind, partition] <= self.kept_max:
            self.kept.append(
                {"kind": kind, "partition": partition, "offset": offset, "detail": detail}
            )

    def by_kind(self) -> dict[str, int]:
        total: Counter[str] = Counter()
        for (kind, _), count in self.counts.items():
            total[kind] += count
        return dict(sorted(total.items()))
