"""Event files, read back by tensorboard's own reader and compared with what its own writer writes."""

import os
import struct
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

from cnnlab.telemetry.event_file import EventFile


def _summary(value: float) -> Summary:
    return Summary(value=[Summary.Value(tag="loss", simple_value=value)])


def test_what_was_added_is_in_the_file_at_once(tmp_path):
    file = EventFile(tmp_path / "new" / "run")
    for step, value in ((0, 2.5), (7, 0.5)):
        file.add(_summary(value), step)
    version, *events = EventFileLoader(str(file.path)).Load()
    assert version.file_version == "brain.Event:2"
    assert [(e.step, e.summary.value[0].tag) for e in events] == [(0, "loss"), (7, "loss")]
    assert version.wall_time <= events[0].wall_time <= events[1].wall_time


def test_records_are_those_of_tensorboards_own_writer(tmp_path):
    file = EventFile(tmp_path)
    file.add(_summary(1.0), 3)
    written = file.path.read_bytes()
    with open(tmp_path / "theirs", "wb") as stream:
        place = 0
        while place < len(written):
            (length,) = struct.unpack_from("<Q", written, place)
            RecordWriter(stream).write(written[place + 12 : place + 12 + length])
            place += 16 + length
    assert (tmp_path / "theirs").read_bytes() == written


def test_files_of_one_second_have_names_of_their_own(tmp_path):
    names = {EventFile(tmp_path).path.name for _ in range(3)}
    assert len(names) == 3 and all(name.startswith("events.out.tfevents.") for name in names)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs Linux's /dev/full")
def test_a_full_disk_is_an_error_at_once(tmp_path):
    file = EventFile(tmp_path)
    file.path = Path("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        file.add(_summary(1.0))
