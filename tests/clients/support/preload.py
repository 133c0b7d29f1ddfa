"""Small libraries that are preloaded into the broker, to stand between it and the system."""

import shutil
import subprocess


def compiled(source, folder):
    """Compiles one C file; returns the library."""
    library = folder / source.with_suffix(".so").name
    compiler = shutil.which("clang-19") or "cc"
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True
    )
    return library
