"""Training of M_t, or of an earlier stage's model, on a method's rows, with TRL's trainers and PEFT.

The loss is on replies only. Token ids come from ``prompts.prompt_ids`` and ``prompts.completion_ids``, the
functions that every engine uses, so that what is trained is what is asked.

    running.py      where a training starts: in this process or launched
    rows.py         rows as token ids; what is too long or has nothing to learn
    checks.py       model, device, adapter, disk: what can go wrong is found before any step
    objectives/     how rows become a model, one way a file
    trainer.py      one process of a training
    supervised.py   TRL's trainer of completions; preference.py, of pairs; stating.py, of a digit that states sureness;
                    building.py, what they share
    reinforced.py   TRL's trainer of a model's own answers; rewards.py, what each is worth
    order.py        the order of rows on any number of devices
    checkpoint.py   stop at any moment, go on to the same weights
    layouts.py      how processes are laid out over devices
    launch.py       several devices: ``accelerate launch`` as a process of its own
    learning.py     did the model learn its rows; asking.py, what it says to questions that it was rewarded on

``python -m honesty_utils.training JOB`` is what every process of a launch runs. Nothing here imports torch until a
model is trained.
"""

from honesty_utils.training.job import Job, TrainingError, TrainingResult
from honesty_utils.training.running import run, train, working_folder

__all__ = ["Job", "TrainingError", "TrainingResult", "run", "train", "working_folder"]
