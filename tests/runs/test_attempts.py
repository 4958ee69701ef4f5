"""What an earlier attempt left is kept."""

import tarfile

from cnnlab.runs.attempts import set_aside


def test_an_attempt_is_packed_whole_and_its_folder_is_free(tmp_path):
    for text in ("first", "second"):
        folder = tmp_path / "tune" / "a,seed=0"
        folder.mkdir(parents=True)
        (folder / "train.log").write_text(text)
        kept = set_aside(folder, tmp_path)
        assert not folder.exists()
    assert kept == tmp_path / "attempts" / "tune_a,seed=0.2.tar"
    for number, text in enumerate(("first", "second"), start=1):
        with tarfile.open(tmp_path / "attempts" / f"tune_a,seed=0.{number}.tar") as archive:
            assert archive.extractfile("a,seed=0/train.log").read().decode() == text


def test_nothing_is_kept_of_a_job_that_never_started(tmp_path):
    assert set_aside(tmp_path / "a", tmp_path) is None and list(tmp_path.iterdir()) == []
