"""`python -m cnnlab.train`: compose, check, build, fit. Everything is in cnnlab.session, imported when needed."""

from omegaconf import DictConfig

from cnnlab.app import entry


def task(config: DictConfig) -> None:
    from cnnlab.session import train

    train(config)


def check(jobs: list[DictConfig]) -> None:
    from cnnlab.preflight import check_training

    check_training(jobs)


def main() -> None:
    entry("train", task, check)


if __name__ == "__main__":
    main()
