"""The scripts parse and can be run."""

import ast
import os
import re
import subprocess

SHELL = re.compile(r"^#!.*\b(?:ba|da)?sh\b")


def check_shell(tree):
    """bash reads every shell script without complaint."""
    faults, seen = [], 0
    for name in tree.files:
        if name.endswith(".sh") or SHELL.match(tree.text(name).split("\n", 1)[0]):
            seen += 1
            result = subprocess.run(["bash", "-n", tree.path(name)], capture_output=True, text=True, check=False)
            if result.returncode:
                faults.append(f"{name}: {result.stderr.strip()}")
    return faults, f"{seen} scripts"


def check_python(tree):
    """Python reads every Python file without complaint."""
    faults, seen = [], 0
    for name in tree.files:
        if name.endswith(".py"):
            seen += 1
            try:
                ast.parse(tree.text(name), name)
            except SyntaxError as error:
                faults.append(f"{name}: {error}")
    return faults, f"{seen} files"


def check_runnable(tree):
    """What begins with #! may be executed, as a clone will have it."""
    faults, seen = [], 0
    for name in tree.files:
        if tree.text(name).startswith("#!"):
            seen += 1
            if not os.access(tree.path(name), os.X_OK):
                faults.append(f"{name}: not executable: chmod +x")
    return faults, f"{seen} programs"
