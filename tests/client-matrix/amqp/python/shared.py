"""What both Python programs share: the command line, how they are ended."""

import argparse

KILL = "kill the broker"  # printed: it is killed and started again (../../drive.py)
PATIENCE_S = 40


def command_line():
    parser = argparse.ArgumentParser()
    parser.add_argument("--address", required=True)
    parser.add_argument("--scenario", required=True)
    parser.add_argument("--name", required=True, help="of the queue")
    arguments = parser.parse_args()
    arguments.function = arguments.scenario.replace("-", "_")
    return arguments
