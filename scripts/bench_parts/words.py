"""What is measured in each section of the page."""

from bench_parts import recipe, whole_run

WORDS = {
    "loop": """
Batches of 64. *Bare loop*: index, normalize, forward, loss, backward, update, in the session's own layout and
precision; nothing is logged. *telemetry=off*: cnnlab's loop, which logs loss and accuracy at steps 0, 1, 2, 4, ... and
every hundredth. *telemetry=light*, the default: also the statistics of every layer, at the same steps. Each run
reports its own overhead in results.json, `telemetry/overhead`.""",
    "peers": """
Same network, optimizer, batches of 64 and threads, each in a process of its own. The plain script is PyTorch's MNIST
example in NCHW and fp32: torchvision's data set with `ToTensor` and `Normalize`, a `DataLoader` without workers. (Of
CIFAR-10 as pictures, it gets an array of the decoded ones in torchvision's own class; cnnlab reads its cache of them.)
Lightning and fastai have the same `DataLoader`. cnnlab is `python -m cnnlab.train` with its defaults but for pictures.
*Times as fast*: steps a second over the plain script's. *Memory*: the process's largest resident set, without workers.
*First step*: from the command to the end of its first training step, once.""",
    "run": f"""
One recipe: Nesterov momentum 0.9, one cycle up to a learning rate of 0.02, seed 0. *To {whole_run.GOAL:.0%}*: training
time, without start-up, until the first look at the 10,000 test images that finds it; a look every {whole_run.EVERY}
steps, whose time does not count. cnnlab's time has its validation at the end of each epoch and its checkpoints, which
the scripts do not have; it holds 6,000 training images out, the scripts none. One seed, so that steps differ by chance.
*First step*: from the command to the end of its first training step, of several starts.""",
    "settings": """
Bare loop, batches of 64 random images of CIFAR-10's shape; the time of a step over that with NCHW, fp32 and
`torch.optim.SGD` as it is. `resnet18` is torchvision's. The last two rows measure every layer at every step, with
activations as they are and in place.""",
    "growth": """`stacked3x3` on digits with one setting changed, and a learning rate of 0.001.""",
    "waiting": """
Turns of 30 steps. The loop of the plain script on random 1x28x28 images, `stacked3x3`, batches of 64; *busy*: while
another program runs a busy loop per core. The last two rows are `python -m cnnlab.train` with none of these set:
started on the idle machine, with a thread per core; and started beside the program after it had been at work for a
minute, with the one thread that it then takes, over the time of the former on the idle machine.""",
    "augmentation": """
`augmentation=flip_translate` in a training step, and in taking a batch alone: indexing and normalizing.""",
    "accuracy": """As cnnlab's own sweep reports it.""",
    "recipe": f"""
`python -m cnnlab.train dataset=cifar10 {" ".join(recipe.RECIPE)}`, with one of the lengths below, in
configs alone, beside Jordan's airbench (arXiv:2404.00498) on the same images and card; each after one run to warm up,
medians of the times and means of the accuracies of five. *Training*: cnnlab's steps, `time/step_ms`; of airbench, the
call. *With files*: `time/training_s`, with validation and checkpoints after every epoch. *Of six views*: airbench's
own measure, the mean over each test image, shifted and mirrored. 94 % is meant for the original images; pictures in
JPEG give either a lower accuracy.""",
}
