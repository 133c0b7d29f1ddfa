"""Counts what a GoogleTest program did: prints "PASSED FAILED SKIPPED".

    gtest_counts.py RESULT.json OUTPUT.log STATUS

A program that died left no result: what its output says it passed counts, and its death is one
failure. So is a status that its own counts do not explain (a leak found at exit), and so is a
program in which no test ran.
"""

import json
import re
import sys


def counts(result_path, output_path, status):
    try:
        with open(result_path, encoding="utf-8") as file:
            suites = json.load(file)["testsuites"]
        tests = [test for suite in suites for test in suite["testsuite"]]
        ran = [test for test in tests if test["result"] == "COMPLETED"]
        failed = sum(1 for test in ran if test.get("failures"))
        passed = len(ran) - failed
        skipped = len(tests) - len(ran)
    except (OSError, ValueError, KeyError):
        with open(output_path, encoding="utf-8", errors="replace") as file:
            passed = len(re.findall(r"^\[       OK \]", file.read(), re.MULTILINE))
        return passed, 1, 0
    if failed == 0 and (status != 0 or passed == 0):
        failed = 1
    return passed, failed, skipped


if __name__ == "__main__":
    print(*counts(sys.argv[1], sys.argv[2], int(sys.argv[3])))
