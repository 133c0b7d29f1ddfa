#!/usr/bin/env python3
"""check.py JAR: our descriptions of Kafka's messages against those of a published kafka-clients jar.

For every API described, and so for every API served: each field of each version of the request and the
response, with its type, order, nullability, tag and default, and the versions themselves. What may differ
stands, with its reason, in EXCEPTIONS of compare_schema.py. First the comparison is tested itself, by
descriptions with a planted fault each.
"""

import os
import shutil
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WIRE = os.path.join(ROOT, "src/protocols/kafka/wire")
sys.path.insert(0, WIRE)
import compare_schema  # noqa: E402
import schema  # noqa: E402

# What is changed in one description, and what the comparison must say of it.
FAULTS = [
    ("a type", "heartbeat", "generation_id      int32", "generation_id      int64", "type is int64"),
    ("an array", "delete_groups", "[string]", "string", "type is string"),
    ("nullability", "metadata", "[Topic]         null v1+", "[Topic]", "nullable is False"),
    ("where null begins", "metadata", "null v1+", "null v2+", "MetadataRequest v1 topics: nullable is False"),
    ("a tag", "fetch", "v15+   tag 1", "v15+   tag 2", "tag is 2"),
    ("a tag that is none", "fetch", "v12+   tag 0 = null", "v12+   = null", "tag is None"),
    ("a default", "fetch", "= 2147483647", "= 2147483646", "default is 2147483646"),
    ("a default of null", "fetch", "string?                       = null", "string?", "default is"),
    ("a version range", "fetch", "v7+    ignorable", "v8+    ignorable", "FetchRequest v7 session_id: only in the jar"),
    ("the end of a range", "fetch", "int32             v4-14", "int32             v4-15", "FetchRequest v15 replica_id: not in the jar"),
    ("what may be ignored", "fetch", "isolation_level           int8                     ignorable", "isolation_level           int8", "ignorable is False"),
    ("the order", "heartbeat", None, None, "order is"),
    ("a field that lacks", "heartbeat", "  group_instance_id", "  # group_instance_id", "group_instance_id: only in the jar"),
    ("a name", "heartbeat", "generation_id", "generation_number", "generation_number: not in the jar"),
    ("the key", "heartbeat", "key 12", "key 13", "key: 13"),
    ("valid versions", "heartbeat", "valid 0-4", "valid 0-3", "valid versions: (0, 3)"),
    ("flexible versions", "heartbeat", "flexible 4+", "flexible 3+", "flexible from: 3"),
]


def swap_fields(text):
    """The first two fields of the request change places."""
    lines = text.split("\n")
    at = lines.index("request") + 1
    lines[at], lines[at + 1] = lines[at + 1], lines[at]
    return "\n".join(lines)


def planted(jar, fault, folder):
    """What went wrong, or None when the fault was found."""
    _, api, old, new, said = fault
    path = os.path.join(folder, f"{api}.api")
    shutil.copy(os.path.join(WIRE, "schema", f"{api}.api"), path)
    with open(path, encoding="utf-8") as file:
        text = file.read()
    changed = swap_fields(text) if old is None else text.replace(old, new, 1)
    if changed == text:
        return f"nothing to change: {api}.api has no '{old}'"
    with open(path, "w", encoding="utf-8") as file:
        file.write(changed)
    found = compare_schema.compare_api(jar, schema.parse(path))
    return None if any(said in line for line in found) else f"'{said}' is not among {found[:4]}"


def planted_exception(jar):
    """An exception that nothing needs must be told of."""
    comparison = compare_schema.compare(jar, {"HeartbeatRequest v0 group_id": "planted"})
    return None if comparison.unneeded == ["HeartbeatRequest v0 group_id"] else f"{comparison.unneeded}"


def main(arguments):
    if len(arguments) != 1:
        sys.exit(__doc__)
    passed = failed = 0
    with compare_schema.open_jar(arguments[0]) as jar, tempfile.TemporaryDirectory() as folder:
        results = [(fault[0], planted(jar, fault, folder)) for fault in FAULTS]
        results.append(("an exception that is not needed", planted_exception(jar)))
        for name, wrong in results:
            passed, failed = (passed, failed + 1) if wrong else (passed + 1, failed)
            if wrong:
                print(f"the comparison misses {name}: {wrong}")
        comparison = compare_schema.compare(jar)
    for line in comparison.lines():
        print(line)
    wrong = len(comparison.unexplained) + len(comparison.unneeded)
    passed += len(comparison.apis) - len({line.split()[0] for line in comparison.unexplained})
    failed += wrong
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not comparison.apis else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
