"""Holds the shape of the repository. Prints a line for each check, then "N passed, N failed".

    check.py [ROOT]

A check is a function of a Tree that returns its faults and what it looked at. The checks have tests
of their own (check_test.py), which run first: a check that finds nothing must be one that could.
"""

import os
import sys
import unittest

import coroutines
import documents
import includes
import scripts
import words
from tree import Tree

CHECKS = [
    ("modules: no cycle, no unknown name", includes.check_graph),
    ("includes: only what the README lists", includes.check_includes),
    ("includes: the event loop in one folder", includes.check_confined),
    ("documents: every path exists", documents.check_paths),
    ("documents: the flows name files", documents.check_flows),
    ("words: no machine, no registry", words.check_words),
    ("scripts: bash reads them", scripts.check_shell),
    ("scripts: Python reads them", scripts.check_python),
    ("scripts: executable", scripts.check_runnable),
    ("coroutines: no capturing lambda", coroutines.check_coroutines),
]


def self_test():
    """(passed, failed) of the checks' own tests; prints only what failed."""
    suite = unittest.defaultTestLoader.loadTestsFromName("check_test")
    result = unittest.TestResult()
    suite.run(result)
    for test, trace in result.failures + result.errors:
        print(f"FAIL self-test {test}\n{trace}")
    failed = len(result.failures) + len(result.errors)
    if failed == 0:
        print(f"ok   self-test ({result.testsRun} tests)")
    return result.testsRun - failed, failed


def main(root):
    passed, failed = self_test()
    tree = Tree(root)
    for name, check in CHECKS:
        faults, seen = check(tree)
        print(f"{'FAIL' if faults else 'ok  '} {name}" + (f" ({seen})" if seen else ""))
        for fault in faults:
            print(f"     {fault}")
        passed += not faults
        failed += bool(faults)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    here = os.path.dirname(os.path.abspath(__file__))
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.dirname(here))))
