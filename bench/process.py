"""What /proc says about a process and about the machine."""

import ctypes
import mmap
import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """User and system time of all threads of the process, ended ones too."""
    text = Path(f"/proc/{pid}/stat").read_text()
    fields = text[text.rindex(")") + 2 :].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_bytes(pid, field):
    """VmRSS, or VmHWM: the largest that VmRSS ever was."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise LookupError(f"no {field} of process {pid}")


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def machine_seconds():
    """(seconds in which processors worked, seconds that the hypervisor took), since the boot."""
    line = Path("/proc/stat").read_text().splitlines()[0]
    user, nice, system, _idle, _iowait, interrupt, soft, steal = map(int, line.split()[1:9])
    return (user + nice + system + interrupt + soft) / TICKS, steal / TICKS


def files_below(folder):
    return [path for path in Path(folder).rglob("*") if path.is_file()]


def disk_bytes(folder):
    """What the files take on the disk, holes not counted."""
    return sum(path.stat().st_blocks * 512 for path in files_below(folder))


def apparent_bytes(folder):
    """How long the files are, holes counted."""
    return sum(path.stat().st_size for path in files_below(folder))


def load_average():
    return os.getloadavg()[0]


def cached_share(folder):
    """The share of the bytes below `folder` that is in the page cache, by mincore(2); None: no bytes."""
    page = mmap.PAGESIZE
    libc = ctypes.CDLL(None, use_errno=True)
    cached = pages = 0
    for path in files_below(folder):
        size = path.stat().st_size
        if size == 0:
            continue
        count = (size + page - 1) // page
        seen = (ctypes.c_ubyte * count)()
        with open(path, "rb") as file:
            # A private, writable mapping of a file that is not written to: ctypes asks for one.
            with mmap.mmap(file.fileno(), size, access=mmap.ACCESS_COPY) as mapped:
                start = ctypes.c_char.from_buffer(mapped)
                failed = libc.mincore(
                    ctypes.c_void_p(ctypes.addressof(start)), ctypes.c_size_t(size), seen
                )
                del start
        if failed:
            raise OSError(ctypes.get_errno(), f"mincore of {path}")
        cached += sum(state & 1 for state in bytes(seen))
        pages += count
    return cached / pages if pages else None


def drop_page_cache():
    """Leaves no clean page of any file in memory, and nothing known of files and folders; needs root."""
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3\n")
