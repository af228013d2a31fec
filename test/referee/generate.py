#!/usr/bin/env python3
"""
Histories for the differential test: generate.py DIR FIRST-SEED COUNT. Writes DIR/NAME.jsonl and one
line of JSON for each on standard output: {file, seed, plant, partition}; plant "" is a valid history,
"nudge" may be one.
"""

from __future__ import annotations

import json
import os
import sys

from plants import PLANTS, History, nudge
from world import valid_history


def main(arguments: list[str]) -> int:
    folder, first, count = arguments[0], int(arguments[1]), int(arguments[2])
    for seed in range(first, first + count):
        world = valid_history(seed)
        plant = None
        # One in six stays valid, one in six is nudged, the others have a plant, each in turn.
        if seed % 6 == 1:
            plant = nudge
        elif seed % 6 > 1:
            plant = PLANTS[(seed - seed // 3) % len(PLANTS)]
        partition = None if plant is None else plant(History(world))
        name = "" if plant is None or partition is None else plant.__name__
        file = os.path.join(folder, f"{seed}-{name or 'valid'}.jsonl")
        with open(file, "w", encoding="utf-8") as out:
            out.write(world.text())
        print(json.dumps({"file": file, "seed": seed, "plant": name, "partition": partition}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
