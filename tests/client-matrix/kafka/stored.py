"""What the broker keeps of a topic, read by hand: whatever a client believes it sent."""

import struct
from dataclasses import dataclass

from support import batches, wire


@dataclass
class Batch:
    base_offset: int
    codec: int
    count: int
    producer_id: int
    base_sequence: int


def stored_batches(address, topic, partition):
    """All batches of the partition."""
    found, offset = [], 0
    with wire.Connection(address) as connection:
        error, end = wire.list_offset(connection, topic, partition, wire.LATEST)
        assert error == 0, f"ListOffsets ended with error {error}"
        while offset < end:
            answer = wire.fetch(connection, topic, partition, offset)
            assert answer.error == 0, f"Fetch ended with error {answer.error}"
            more = list(read(answer.records))
            assert more, f"nothing at offset {offset} of {end}"
            found += more
            offset = more[-1].base_offset + more[-1].count
    return found


def read(records):
    for header in batches.headers(records):  # which looks at the checksum
        at = next(
            position
            for position in starts(records)
            if struct.unpack_from(">q", records, position)[0] == header.base_offset
        )
        (sequence,) = struct.unpack_from(">i", records, at + batches.BASE_SEQUENCE)
        yield Batch(
            header.base_offset, header.codec, header.count, header.producer_id, sequence
        )


def starts(records):
    at = 0
    while at + batches.RECORDS <= len(records):
        yield at
        at += 12 + struct.unpack_from(">i", records, at + batches.LENGTH)[0]


def check_codec(address, topic, codec):
    """Every batch is compressed with it, and there are fewer batches than records."""
    for partition in (0, 1):
        found = stored_batches(address, topic, partition)
        assert {batch.codec for batch in found} == {batches.CODECS[codec]}, found
        assert sum(batch.count for batch in found) == 50, found


def check_idempotent(address, topic):
    """One producer, whose sequences have no hole."""
    found = stored_batches(address, topic, 0)
    assert len(found) > 1, "one batch shows nothing about the order of batches"
    assert len({batch.producer_id for batch in found}) == 1 and found[0].producer_id >= 0, found
    expected = 0
    for batch in found:
        assert batch.base_sequence == expected, found
        expected += batch.count
