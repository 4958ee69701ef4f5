"""What a sweep's folder says about its jobs, and sweep.json."""

import json
import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from cnnlab.cli.overrides import parser_of
from cnnlab.cli.sweeps.frozen import freeze
from cnnlab.cli.sweeps.plan import make_plan
from cnnlab.cli.sweeps.record import check_claim, check_names, unfinished, write_record
from cnnlab.common.errors import InputError


@pytest.fixture
def jobs_of(composed, tmp_path):
    def jobs_of(*arguments):
        loader, master = composed(*arguments, folder=tmp_path)
        plan = make_plan(parser_of(loader), arguments, None, None, None)
        return plan, list(freeze(loader, master, plan.measuring, tuned=False))

    return jobs_of


def _ran(folder, job, status="completed", **facts):
    (folder / job.name).mkdir()
    (folder / job.name / "config.yaml").write_text(job.text)
    (folder / job.name / "results.json").write_text('{"test/accuracy": 0.5}')
    run = {"status": status, "config_hash": job.hash, "error": None, "pid": 2**22 + 1, "host": socket.gethostname()}
    (folder / job.name / "run.json").write_text(json.dumps(run | {"started": "2026-01-01T00:00:00+00:00"} | facts))


def test_finished_runs_are_skipped_and_all_others_done(jobs_of, tmp_path):
    _, jobs = jobs_of("seed=range(9)")
    for job, status in zip(jobs, ("completed", "diverged", "failed", "interrupted", "running"), strict=False):
        _ran(tmp_path, job, status)  # the running one's process is gone
    (tmp_path / jobs[5].name).mkdir()  # killed before it could write run.json
    for job, name in zip(jobs[7:], ("run.json", "results.json"), strict=True):  # cut by a full disk
        _ran(tmp_path, job)
        (tmp_path / job.name / name).write_text("")
    assert [job.name for job in unfinished(tmp_path, jobs)] == [f"seed={n}" for n in range(2, 9)]


def test_a_run_that_went_on_from_another_folder_is_still_of_its_sweep(jobs_of, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _, jobs = jobs_of("dataset=mnist", "seed=0,1")
    for job, root in zip(jobs, (tmp_path / "data", "/other/data"), strict=True):
        _ran(tmp_path, job, config_hash="another", cwd="/elsewhere")
        (tmp_path / job.name / "config.yaml").write_text(job.text.replace("root: data", f"root: {root}"))
    assert unfinished(tmp_path, jobs[:1]) == []
    with pytest.raises(InputError, match="dataset.root is /other/data there and data now"):
        unfinished(tmp_path, jobs)


@pytest.mark.parametrize("name", ["results.json", "run.json"])
@pytest.mark.parametrize("content", [None, "", "{"])
def test_one_that_lost_its_results_is_run_again(jobs_of, tmp_path, name, content):
    _, (job,) = jobs_of("seed=0")
    _ran(tmp_path, job)
    assert unfinished(tmp_path, [job]) == []
    file = tmp_path / job.name / name
    file.unlink() if content is None else file.write_text(content)
    assert unfinished(tmp_path, [job]) == [job]


def test_a_changed_setting_is_named(jobs_of, tmp_path):
    _, (before,) = jobs_of("optimizer.lr=0.05")
    _ran(tmp_path, before)
    _, (after,) = jobs_of("optimizer.lr=0.1")
    with pytest.raises(InputError, match="optimizer.lr is 0.05 there and 0.1 now") as caught:
        unfinished(tmp_path, [after])
    assert "hydra.sweep.dir=" in str(caught.value)


def test_a_run_that_another_process_writes_is_left_alone(jobs_of, tmp_path):
    _, (job,) = jobs_of("seed=0")
    _ran(tmp_path, job, "running", pid=os.getpid(), started="2100-01-01T00:00:00+00:00")
    with pytest.raises(InputError, match=f"is being run by process {os.getpid()}"):
        unfinished(tmp_path, [job])
    assert unfinished(tmp_path, [job], elsewhere=True) == [job], "a cluster's launcher waits for it"


def test_a_run_elsewhere_with_other_settings_is_refused(jobs_of, tmp_path):
    _, (before,) = jobs_of("optimizer.lr=0.05")
    _ran(tmp_path, before, "running", host="elsewhere")
    _, (after,) = jobs_of("optimizer.lr=0.1")
    with pytest.raises(InputError, match="optimizer.lr is 0.05 there and 0.1 now"):
        unfinished(tmp_path, [after], elsewhere=True)


def test_sweep_json_holds_every_job_and_the_runs_of_earlier_calls(jobs_of, tmp_path):
    plan, jobs = jobs_of("init=he,xavier", "seed=0")
    write_record(tmp_path, "python -m cnnlab.train -m ...", plan, False, None, jobs, [])
    first = json.loads((tmp_path / "sweep.json").read_text())
    assert first["axes"] == ["init"] and first["tune"] is None and first["arms"] == {} and first["paired"] is False
    assert first["jobs"][0] == {
        "name": "init=he,seed=0", "stage": "measure", "labels": {"init": "he"}, "seed": "0",
        "overrides": ["init=he", "seed=0"], "config_hash": jobs[0].hash, "config": jobs[0].text,
    }  # fmt: skip
    _ran(tmp_path, jobs[0])
    plan, more = jobs_of("init=zeros,normal", "seed=0")
    write_record(tmp_path, "again", plan, True, None, more, [])
    second = json.loads((tmp_path / "sweep.json").read_text())
    assert [job["labels"]["init"] for job in second["jobs"]] == ["zeros", "normal", "he"]  # xavier never ran
    assert second["created"] == first["created"] and second["command"] == "again" and second["paired"] is True


def test_two_jobs_never_share_a_folder(jobs_of):
    _, jobs = jobs_of("optimizer.lr=0.1,0.2")
    check_names(jobs)
    with pytest.raises(InputError, match="would share the run folder optimizer.lr=0.1,seed=0"):
        check_names([jobs[0], *jobs_of("optimizer.lr=0.1,0.2")[1]])


def test_arms_with_the_same_settings_are_refused(jobs_of):
    """A launcher knows a job by its settings: one of the two would never start."""
    _, jobs = jobs_of("optimizer.lr=0.1,0.2")
    twin = replace(jobs[0], name="another")
    with pytest.raises(InputError, match="have the same settings, so that one run would do for both"):
        check_names([*jobs, twin])


def test_a_claim_is_stated_before_anything_runs(tmp_path: Path, jobs_of):
    plan, jobs = jobs_of("init=he,xavier")
    claim = {"sentence": "He is better.", "arm": "he", "than": "xavier", "margin": 0.01, "guess": None}
    check_claim(tmp_path, claim)
    write_record(tmp_path, "first", plan, False, claim, jobs, [])
    assert json.loads((tmp_path / "sweep.json").read_text())["claim"] == claim
    check_claim(tmp_path, {**claim, "guess": "holds", "sentence": "He is the better one."})
    check_claim(tmp_path, None)
    for stated in (claim, None, {}):  # a call without one leaves it as it was
        write_record(tmp_path, "again", plan, False, stated, jobs, [])
        assert json.loads((tmp_path / "sweep.json").read_text())["claim"] == claim
        with pytest.raises(InputError, match="claim.margin was 0.01 when .* began, and is 0.001 now"):
            check_claim(tmp_path, {**claim, "margin": 0.001})


def test_what_a_claim_s_rule_leaves_out_of_account_may_be_left_out_later(make_sweep):
    """Earlier versions took it, and it is refused now."""
    claim = {"sentence": "He trains.", "arm": "he", "than": 0.5, "rule": "trained"}
    sweep = make_sweep({"he": [0.9]}, claim={**claim, "margin": 0.1, "key": "test/loss"})
    check_claim(sweep, claim)
    with pytest.raises(InputError, match="claim.than was 0.5 when"):
        check_claim(sweep, {**claim, "than": 0.6})
    with pytest.raises(InputError, match="claim.rule was trained when"):
        check_claim(sweep, {**claim, "rule": "means", "margin": 0.1, "key": "test/loss"})


def test_a_key_that_no_run_has_may_be_corrected(make_sweep):
    claim = {"sentence": "He is better.", "key": "test/los", "arm": "he", "than": "xavier", "margin": 0.01}
    sweep = make_sweep({"he": [{"test/loss": 0.5}], "xavier": [{"test/loss": 0.6}]}, claim=claim)
    check_claim(sweep, {**claim, "key": "test/loss"})
    with pytest.raises(InputError, match="claim.margin was 0.01"):
        check_claim(sweep, {**claim, "key": "test/loss", "margin": 0.1})
    several = {**claim, "key": ["test/loss", "test/los"]}
    sweep = make_sweep({"he": [{"test/loss": 0.5, "test/chance": 0.1}]}, name="several", claim=several)
    check_claim(sweep, {**several, "key": ["test/loss", "test/chance"]})
    with pytest.raises(InputError, match="claim.key was"):
        check_claim(sweep, {**several, "key": ["test/chance"]})
    sweep = make_sweep({"he": [{"test/loss": 0.5}]}, name="than", claim={**claim, "than": ["test/los", "xavier"]})
    with pytest.raises(InputError, match="claim.than was"):
        check_claim(sweep, {**claim, "than": ["test/loss", "zeros"]})
    sweep = make_sweep({"he": [{"test/loss": 0.5}]}, name="known", claim={**claim, "key": "test/loss"})
    with pytest.raises(InputError, match="claim.key was test/loss"):
        check_claim(sweep, {**claim, "key": "test/chance"})
