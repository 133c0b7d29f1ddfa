"""The cells of a protocol, from its cells.py, and the table of them in its README.

    table.py kafka|amqp        prints the table
"""

import sys
from pathlib import Path


def all_cells(cells):
    """(client, scenario) of all there are."""
    return [
        (client, scenario)
        for client in cells.CLIENTS
        for scenario in cells.SCENARIOS
        if (client, scenario) not in cells.NOT_OFFERED
    ]


def table(cells):
    """The table of the README, and the reasons below it."""
    reasons = list(dict.fromkeys(cells.NOT_OFFERED.values()))
    lines = ["| scenario | " + " | ".join(cells.CLIENTS) + " |", "| --- " * (len(cells.CLIENTS) + 1) + "|"]
    for scenario, meaning in cells.SCENARIOS.items():
        row = [f"`{scenario}`: {meaning}"]
        for client in cells.CLIENTS:
            reason = cells.NOT_OFFERED.get((client, scenario))
            if reason:
                row.append(f"n/a ({reasons.index(reason) + 1})")
            else:
                row.append("yes")
        lines.append("| " + " | ".join(row) + " |")
    lines.append("")
    lines += [f"({number}) {reason}." for number, reason in enumerate(reasons, 1)]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent / sys.argv[1]))
    print(table(__import__("cells")))
