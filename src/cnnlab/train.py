"""`python -m cnnlab.train`: compose, check, build, fit. It imports torch when it must."""

from omegaconf import DictConfig

from cnnlab.cli.entry import entry


def task(config: DictConfig) -> None:
    from cnnlab.training.session import train

    train(config)


def check(jobs: list[DictConfig]) -> None:
    from cnnlab.cli.preflight import check_training

    check_training(jobs)


def main() -> None:
    entry("train", task, check)


if __name__ == "__main__":
    main()
