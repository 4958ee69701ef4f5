"""The claims of configs/experiment, each by what its YAML says."""

import re
from pathlib import Path

import pytest

from cnnlab.claims.stated import stated_claims
from cnnlab.cli.resolvers import CONFIGS
from cnnlab.common.errors import InputError

FOLDER = CONFIGS / "experiment"
CLAIMS = {claim.name: claim for claim in stated_claims(FOLDER)}


def test_every_experiment_with_a_claim_is_found():
    with_claim = {path.stem for path in FOLDER.glob("*.yaml") if "\nclaim:" in path.read_text()}
    assert set(CLAIMS) == with_claim and len(CLAIMS) >= 38


@pytest.mark.parametrize("name", CLAIMS)
def test_the_comment_on_top_has_the_sentence_the_command_what_is_expected_and_how_long_it_takes(name):
    comment = (FOLDER / f"{name}.yaml").read_text().partition("\n\n")[0].partition("defaults:")[0]
    assert re.match(r'# @package _global_\n# "[^"]+\."\n#   python -m cnnlab\.train -m experiment=', comment)
    assert CLAIMS[name].command == f"python -m cnnlab.train -m experiment={name}"
    assert len(CLAIMS[name].expected) > 60 and re.search(r"\d+ (minutes|seconds)|[Aa] minute", CLAIMS[name].expected)


@pytest.mark.parametrize("name", CLAIMS)
def test_a_comparison_of_means_has_six_seeds_an_arm_and_one_of_shares_fourteen(name):
    text = (FOLDER / f"{name}.yaml").read_text()
    seeds = re.search(r"seed: range\((?:(\d+),)?(\d+)\)", text.partition("params:")[2])
    least = {"means": 6, "slope": 6, "best_slope": 6, "trained": 14}.get(CLAIMS[name].claim.rule, 0)
    assert least == 0 or (seeds is not None and int(seeds[2]) - int(seeds[1] or 0) >= least)


@pytest.mark.parametrize("name", CLAIMS)
def test_learning_rates_are_tuned_on_other_seeds(name):
    text = (FOLDER / f"{name}.yaml").read_text()
    tune = re.search(r'tune: \{optimizer\.lr: "([^"]+)", seed: "([^"]+)"\}', text)
    assert ("tune:" in text) == (tune is not None)
    if tune is not None:
        assert len(tune[1].split(",")) >= 3 and all(int(seed) >= 100 for seed in tune[2].split(","))


def test_at_least_five_are_for_a_lecture_hall_and_need_no_download():
    lecture = [claim for claim in CLAIMS.values() if claim.claim.lecture]
    assert len(lecture) >= 5 and all(claim.data in ("digits", "noise") for claim in lecture)
    assert sum(claim.data == "digits" for claim in lecture) >= 5


def test_a_claim_that_cannot_be_read_is_named(tmp_path: Path):
    (tmp_path / "mine.yaml").write_text("# Mine.\nclaim: {sentence: A., than: b, margin: 1, wrong: 2}\n")
    (tmp_path / "none.yaml").write_text("# No claim.\nseed: 1\n")
    with pytest.raises(InputError, match=r"mine.yaml: claim.wrong is no setting"):
        list(stated_claims(tmp_path))


def test_without_a_comment_there_is_still_a_command(tmp_path: Path):
    (tmp_path / "mine.yaml").write_text("claim: {sentence: A., than: b, margin: 0.1}\n")
    (mine,) = stated_claims(tmp_path)
    assert (mine.command, mine.expected, mine.data) == ("python -m cnnlab.train -m experiment=mine", "", "")
