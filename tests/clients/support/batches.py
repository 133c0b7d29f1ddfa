"""Record batches (format v2) built and read by hand, so that tests can also build wrong ones.

batch = build([b"one", b"two"])
corrupt = change(batch, MAGIC, "b", 1)          # keeps the checksum right
corrupt = change(batch, MAGIC, "b", 1, seal=False)
"""

import struct
import time
from dataclasses import dataclass

from support.crc32c import crc32c

# offsets of the fields in a batch
BASE_OFFSET, LENGTH, LEADER_EPOCH, MAGIC, CRC, ATTRIBUTES = 0, 8, 12, 16, 17, 21
LAST_OFFSET_DELTA, BASE_TIMESTAMP, MAX_TIMESTAMP = 23, 27, 35
PRODUCER_ID, PRODUCER_EPOCH, BASE_SEQUENCE, COUNT, RECORDS = 43, 51, 53, 57, 61

GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4
CODECS = {"none": 0, "gzip": GZIP, "snappy": SNAPPY, "lz4": LZ4, "zstd": ZSTD}
TRANSACTIONAL, CONTROL = 0x10, 0x20


def varint(number):
    zigzag = (number << 1) ^ (number >> 63)
    out = bytearray()
    while zigzag > 0x7F:
        out.append(zigzag & 0x7F | 0x80)
        zigzag >>= 7
    out.append(zigzag)
    return bytes(out)


def record(offset_delta, value, key=None):
    key_field = varint(-1) if key is None else varint(len(key)) + key
    body = (
        b"\0"
        + varint(0)
        + varint(offset_delta)
        + key_field
        + varint(len(value))
        + value
        + varint(0)
    )
    return varint(len(body)) + body


def build(values, attributes=0, producer_id=-1, epoch=-1, sequence=-1, records=None, count=None):
    """A sealed batch. `records` replaces the encoded records (for compressed or broken ones)."""
    if records is None:
        records = b"".join(record(delta, value) for delta, value in enumerate(values))
    count = len(values) if count is None else count
    now = int(time.time() * 1000)
    after_crc = struct.pack(
        ">hiqqqhii", attributes, count - 1, now, now, producer_id, epoch, sequence, count
    )
    return seal(
        struct.pack(">qiibI", 0, 9 + len(after_crc) + len(records), -1, 2, 0) + after_crc + records
    )


def seal(batch):
    return batch[:CRC] + struct.pack(">I", crc32c(batch[ATTRIBUTES:])) + batch[ATTRIBUTES:]


def change(batch, position, form, value, seal=True):
    changed = bytearray(batch)
    struct.pack_into(">" + form, changed, position, value)
    changed = bytes(changed)
    return globals()["seal"](changed) if seal else changed


@dataclass
class Header:
    base_offset: int
    leader_epoch: int
    attributes: int
    count: int
    producer_id: int

    @property
    def codec(self):
        return self.attributes & 7


def headers(stored):
    """The headers of the whole batches in what a Fetch returned."""
    found = []
    while len(stored) >= RECORDS:
        base_offset, length, leader_epoch, magic = struct.unpack_from(">qiib", stored)
        if len(stored) < 12 + length:
            break
        assert magic == 2
        (crc,) = struct.unpack_from(">I", stored, CRC)
        assert crc == crc32c(
            stored[ATTRIBUTES : 12 + length]
        ), f"checksum of the batch at {base_offset}"
        (attributes,) = struct.unpack_from(">h", stored, ATTRIBUTES)
        (producer_id,) = struct.unpack_from(">q", stored, PRODUCER_ID)
        (count,) = struct.unpack_from(">i", stored, COUNT)
        found.append(Header(base_offset, leader_epoch, attributes, count, producer_id))
        stored = stored[12 + length :]
    return found
