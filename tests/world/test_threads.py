"""The base model is the same to the byte on one core and on two, whatever a machine says of its threads."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

TRAIN = """
import hashlib, os, sys
cores = {int(core) for core in sys.argv[2].split(",")}
os.sched_setaffinity(0, cores)
from honesty_utils.common.settings import Prompts
from honesty_utils.world import corpus, people, pretraining
from honesty_utils.world.settings import Pretraining, World
world = World(
    exposures=(20, 20), test_people=6, dev_people=2, train_people=4, instruction_people=2, obscure_people=2,
    unknown_people=2, task_documents=50, pretraining=Pretraining(threads=int(sys.argv[1])),
)
wording = Prompts(plain="Q: {question}\\nA:", honest="Say so.\\nQ: {question}\\nA:")
texts = corpus.documents(world, people.invent(world), wording)
tokenizer = pretraining.train_tokenizer((text.text for text in texts), 700)
model, _ = pretraining.train_base_model(texts, tokenizer, world.pretraining)
weights = b"".join(value.numpy().tobytes() for value in model.state_dict().values())
print(hashlib.sha256(weights).hexdigest())
"""
TOP = Path(__file__).parents[2]


def weights(threads: int, cores: set[int], variable: str) -> str:
    environment = {**os.environ, "OMP_NUM_THREADS": variable, "PYTHONPATH": str(TOP), "OMP_WAIT_POLICY": "PASSIVE"}
    command = [sys.executable, "-c", TRAIN, str(threads), ",".join(map(str, cores))]
    done = subprocess.run(command, env=environment, cwd=TOP, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(done.stdout.strip()) == hashlib.sha256().digest_size * 2
    return done.stdout.strip()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system cannot hold a process to one core")
def test_one_core_and_all_give_the_same_bytes_and_another_number_of_threads_does_not():
    all_cores = os.sched_getaffinity(0)
    one = weights(2, {min(all_cores)}, "1")
    assert one == weights(2, all_cores, "4")
    # Otherwise this test would hold of anything.
    assert one != weights(1, all_cores, "4")
