"""The files that make the repository, and their text, as the checks see them."""

import os
import subprocess

SKIPPED = {".git", "build", "data", "__pycache__"}


class Tree:
    """A repository at `root`. `files` are paths relative to it, sorted: what is under version
    control or about to be; in an unpacked archive, what is there."""

    def __init__(self, root):
        self.root = root
        self.files = sorted(name for name in self._list() if os.path.isfile(self.path(name)))
        self.known = set(self.files)
        self.folders = {""}
        for name in self.files:
            while name := os.path.dirname(name):
                self.folders.add(name)

    def _list(self):
        if os.path.exists(self.path(".git")):
            command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
            listed = subprocess.run(command, cwd=self.root, capture_output=True, check=True)
            return set(listed.stdout.decode().split("\0")) - {""}
        names = []
        for folder, below, files in os.walk(self.root):
            below[:] = [name for name in below if name not in SKIPPED]
            names += [os.path.relpath(os.path.join(folder, name), self.root) for name in files]
        return names

    def path(self, name):
        return os.path.join(self.root, name)

    def text(self, name):
        with open(self.path(name), encoding="utf-8", errors="replace") as file:
            return file.read()

    def lines(self, name):
        """(number, line) pairs."""
        return enumerate(self.text(name).splitlines(), 1)

    def sources(self):
        return [name for name in self.files if name.startswith("src/") and name.endswith((".h", ".cc"))]
