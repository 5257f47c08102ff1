"""One process of a training whose weights are cut into pieces, on a CPU: FSDP2 over gloo.

Torch can; accelerate 1.15 turns FSDP on for accelerators only. So that what is ours is tested for real (saving,
resuming, the last batch), it is told that these processes have one.
"""

import sys

import torch
from accelerate.state import PartialState
from accelerate.utils import DistributedType

made = PartialState.__init__


def initialise(self, *args, **options):
    made(self, *args, **options)
    if self._shared_state.get("distributed_type") == DistributedType.MULTI_CPU:
        self._shared_state["distributed_type"] = DistributedType.MULTI_GPU


if __name__ == "__main__":
    from honesty_utils.training.__main__ import main

    torch.set_num_threads(1)
    PartialState.__init__ = initialise
    sys.exit(main(sys.argv[1:]))
