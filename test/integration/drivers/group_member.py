"""What every group member is asked on its command line and prints, a line at once:

  own MS P,P,...  at that time by the wall clock, all that it has from now on; told before
                  partitions are given up
  read P OFFSET

It leaves the group and ends with its standard input.
"""

import argparse
import select
import sys
import time


class Member:
    def __init__(self, args):
        self.args = args

    def owns(self, partitions):
        self.say("own %d %s" % (time.time() * 1000, ",".join(map(str, sorted(partitions)))))

    def read(self, partition, offset):
        self.say("read %d %d" % (partition, offset))

    @staticmethod
    def say(line):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    @staticmethod
    def told_to_leave():
        return bool(select.select([sys.stdin], [], [], 0)[0])


def main(consume):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--pattern", default="")
    parser.add_argument("--group", required=True)
    parser.add_argument("--session", type=int, default=6000)
    parser.add_argument("--strategy", default="range")
    consume(Member(parser.parse_args()))
