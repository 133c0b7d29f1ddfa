"""The manifests name the versions that `versions` names, and a README shows the cells."""

import json
import re
from pathlib import Path

import table

HERE = Path(__file__).parent


def pinned():
    """{name: (version, manifest)} of the file `versions`."""
    rows = [line.split("#")[0].split() for line in (HERE / "versions").read_text().splitlines()]
    return {name: (version, manifest) for name, version, manifest in filter(None, rows)}


def declared(name, manifest):
    """The version of the client that its manifest asks for."""
    text = (HERE / manifest).read_text()
    if manifest.endswith("package.json"):
        return json.loads(text)["dependencies"].get(name)
    pattern = {
        "pom.xml": rf"<artifactId>{name}</artifactId>\s*<version>([^<]+)</version>",
        "go.mod": rf"^\s*(?:require )?github\.com/\w+/{name} v(\S+)",
        "requirements.txt": rf"^{name}==(\S+)",
    }[Path(manifest).name]
    found = re.search(pattern, text, re.MULTILINE)
    return found and found[1]


def faults(protocol, cells):
    found = []
    for name, (version, manifest) in pinned().items():
        if manifest != "-" and (has := declared(name, manifest)) != version:
            found.append(f"{name} is pinned to {version}, but {manifest} says {has}")
    if table.table(cells) not in (HERE / protocol / "README.md").read_text():
        found.append(f"{protocol}/README.md does not show what `table.py {protocol}` prints")
    return found
