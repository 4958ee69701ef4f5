"""Links that TensorBoard reads."""

from cnnlab.views.dashboard.link_folder import link


def test_runs_are_found_under_their_names_and_new_ones_are_added(tmp_path):
    runs = tmp_path / "a,b=[1]", tmp_path / "ä"
    for run in runs:
        run.mkdir()
        (run / "events.out.tfevents.1").touch()
    place = tmp_path / "place"
    link(place, {"first": runs[0]})
    before = (place / "first").lstat().st_ino
    link(place, {"first": runs[0], "sweep/second": runs[1]})
    assert (place / "sweep" / "second" / "events.out.tfevents.1").is_file()
    assert (place / "first").lstat().st_ino == before, "a link that is there stays"
