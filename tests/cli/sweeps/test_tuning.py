"""The setting with the best mean validation accuracy is chosen, arm by arm."""

import json

from cnnlab.cli.overrides import parser_of
from cnnlab.cli.sweeps.frozen import freeze
from cnnlab.cli.sweeps.plan import make_plan
from cnnlab.cli.sweeps.tuning import choose

ACCURACY = {
    "he": {"0.1": (0.5, 0.7), "0.2": (0.9, 0.4), "0.3": (0.6, 0.6)},
    "zeros": dict.fromkeys(("0.1", "0.2", "0.3"), (0.1, 0.1)),
}


def _tuned(composed, tmp_path, finished):
    loader, master = composed("init=he,zeros", folder=tmp_path)
    plan = make_plan(parser_of(loader), ["init=he,zeros"], None, {"optimizer.lr": "0.1,0.2,0.3", "seed": "7,8"}, None)
    tuning = list(freeze(loader, master, plan.tuning, tuned=True))
    for job in tuning:
        init, lr, seed = (job.planned.overrides[key] for key in ("init", "optimizer.lr", "seed"))
        if finished(init, lr, seed):
            (tmp_path / job.name).mkdir(parents=True)
            value = ACCURACY[init][lr][("7", "8").index(seed)]
            (tmp_path / job.name / "results.json").write_text(json.dumps({"validation/accuracy": value}))
            (tmp_path / job.name / "run.json").write_text(json.dumps({"status": "completed"}))
    return choose(tmp_path, plan, tuning)


def test_the_best_mean_wins_and_the_first_of_equals(composed, tmp_path):
    he, zeros = _tuned(composed, tmp_path, lambda *_: True)
    means = {lr: sum(values) / 2 for lr, values in ACCURACY["he"].items()}
    assert he["labels"] == {"init": "he"} and he["setting"] == {"optimizer.lr": max(means, key=means.__getitem__)}
    assert he["edge"] == [] and [score["mean"] for score in he["scores"]] == list(means.values())
    assert he["scores"][1] == {"setting": {"optimizer.lr": "0.2"}, "mean": means["0.2"], "values": [0.9, 0.4]}
    assert zeros["setting"] == {"optimizer.lr": "0.1"} and zeros["edge"] == ["optimizer.lr"]


def test_an_arm_whose_tuning_is_not_finished_is_not_judged(composed, tmp_path):
    (zeros,) = _tuned(composed, tmp_path, lambda init, lr, seed: (init, lr, seed) != ("he", "0.3", "8"))
    assert zeros["labels"] == {"init": "zeros"}
