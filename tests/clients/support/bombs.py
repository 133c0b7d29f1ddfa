"""Small compressed data that claims or becomes enormous data, built by hand."""

import struct
import zlib

from support.batches import GZIP, LZ4, SNAPPY, ZSTD, varint

EXPANDED = 256 * 1024 * 1024


def one_huge_record():
    """The beginning of a well-formed record of EXPANDED zeros; these and one more for no headers follow."""
    value_head = b"\0" + varint(0) + varint(0) + varint(-1) + varint(EXPANDED)
    return varint(len(value_head) + EXPANDED + 1) + value_head


def gzip_zeros(head=b""):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    chunk = bytes(1 << 20)
    packed = packer.compress(head)
    for _ in range(EXPANDED // len(chunk)):
        packed += packer.compress(chunk)
    return packed + packer.compress(b"\0") + packer.flush()


def zstd_zeros(head=b""):
    """One frame without checksum, window 128 KiB: the head raw, then runs of 128 KiB each."""
    frame = b"\x28\xb5\x2f\xfd" + b"\0" + b"\x38"
    if head:
        frame += (len(head) << 3).to_bytes(3, "little") + head
    run = 128 * 1024
    for left in range(EXPANDED // run, -1, -1):
        frame += ((run if left else 1) << 3 | 1 << 1 | (left == 0)).to_bytes(3, "little") + b"\0"
    return frame


def zstd_huge_window():
    return b"\x28\xb5\x2f\xfd" + b"\0" + b"\xff" + (8 << 3 | 1).to_bytes(3, "little") + b"12345678"


def zstd_huge_content_size():
    return (
        b"\x28\xb5\x2f\xfd"
        + b"\xe0"
        + struct.pack("<Q", 1 << 60)
        + (8 << 3 | 1).to_bytes(3, "little")
        + b"12345678"
    )


def lz4_zeros():
    """Frame of independent 4 MiB blocks, each a literal zero, one long match, and five last literals."""
    length = 4 * 1024 * 1024 - 6
    extra = length - 4 - 15
    block = (
        b"\x1f\0" + b"\x01\0" + b"\xff" * (extra // 255) + bytes([extra % 255]) + b"\x50" + bytes(5)
    )
    blocks = (struct.pack("<I", len(block)) + block) * 50  # as many as one request may carry
    return b"\x04\x22\x4d\x18\x60\x70\x73" + blocks + struct.pack("<I", 0)


def snappy_claims():
    """Raw snappy whose first number says 4 GiB."""
    return b"\xff\xff\xff\xff\x0f" + b"\x00a" + b"\xfe\x01\x00" * 20


def snappy_framed_claims():
    """The framing of the Java client with a chunk that claims 2 GiB, and one that claims less than nothing."""
    magic = b"\x82SNAPPY\0" + struct.pack(">ii", 1, 1)
    return magic + struct.pack(">i", 0x7FFFFFFF) + b"\xff\xff\xff\xff\x07abc"


def snappy_framed_negative():
    return b"\x82SNAPPY\0" + struct.pack(">ii", 1, 1) + struct.pack(">i", -5) + b"abc"


BOMBS = {
    "gzip zeros": (GZIP, gzip_zeros),
    "gzip one huge record": (GZIP, lambda: gzip_zeros(one_huge_record())),
    "zstd zeros": (ZSTD, zstd_zeros),
    "zstd one huge record": (ZSTD, lambda: zstd_zeros(one_huge_record())),
    "zstd huge window": (ZSTD, zstd_huge_window),
    "zstd huge content size": (ZSTD, zstd_huge_content_size),
    "lz4 zeros": (LZ4, lz4_zeros),
    "snappy claims 4 GiB": (SNAPPY, snappy_claims),
    "snappy framed claims 2 GiB": (SNAPPY, snappy_framed_claims),
    "snappy framed negative": (SNAPPY, snappy_framed_negative),
}
