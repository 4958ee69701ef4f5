"""`python -m cnnlab.train` with the overrides given, its steps timed from inside; all else is as typed."""

import cnnlab.train
from clocked import Clocked


def clock_steps() -> None:
    """Imported late, as the command does, which first checks what was typed."""
    import torch

    from cnnlab.training.trainer import Trainer

    each_step = Trainer.each_step

    def clocked_steps(trainer, batches, steps, session, *rest):
        def evaluate() -> float:
            logits, labels = trainer.predict(session.test.in_order())
            trainer.network.train()
            return (logits.argmax(1) == labels).double().mean().item()

        finish = torch.cuda.synchronize if trainer.device.type == "cuda" else None
        clocked = Clocked(finish, evaluate)
        for _ in each_step(trainer, batches, steps, session, *rest):
            clocked.step()
            yield

    Trainer.each_step = clocked_steps


def main() -> None:
    task = cnnlab.train.task

    def clocked_task(config, *made) -> None:
        clock_steps()
        task(config, *made)

    cnnlab.train.task = clocked_task
    cnnlab.train.main()


if __name__ == "__main__":
    main()
