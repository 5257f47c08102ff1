"""Policy-gradient training on a model's own answers: TRL's GRPOTrainer, our token ids, our order, our grader.

Of each question a group of answers is sampled with the model as it stands; an answer's advantage is its reward less
the mean of its group, divided by the group's spread (GRPO, arXiv 2402.03300). A group without any difference teaches
nothing, and is counted: ``tied``. Answers that could not be scored take no part in their group.

In an *anchored* group one answer is the true way to the answer, which nobody sampled (Anchor, arXiv 2511.09222; LUFFY,
arXiv 2504.14945, mixes in such answers, too): it is rewarded, compared and learned like the others, and as its
probability ratio is that of the model to itself, 1 before the step, it adds a supervised term whose weight is its
advantage. A group that has found nothing right thus still learns. The spread is that of a sample (n - 1), as TRL has
it: of five answers of which the true one alone is right, advantages are 1.79 and -.45, where by the spread of a
population (n) they would be 2 and -.5.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import accelerate
import datasets
import numpy as np
import pandas as pd
import torch
import transformers
import trl
from trl.models import utils
from trl.trainer import grpo_trainer

from honesty_utils.common import prompts
from honesty_utils.common.settings import Prompts
from honesty_utils.knowledge.settings import Labeling
from honesty_utils.methods import phrases
from honesty_utils.questions.settings import depth
from honesty_utils.training import building, ways
from honesty_utils.training.job import Job, TrainingError
from honesty_utils.training.rewards import REWARDS, Grader
from honesty_utils.training.rows import Tokenized, held_to

HISTORY = {
    **{name: key for name, key in building.HISTORY.items() if name != "token_accuracy"},
    "reward": "reward",
    "right": "right",
    "refused": "refused",
    "unscored": "unscored",
    "tied": "frac_reward_zero_std",
    "entropy": "entropy",
    "kl": "kl",
    "tokens": "completions/mean_length",
    "cut": "completions/clipped_ratio",
}
"""``right``, ``refused`` and ``unscored`` are shares of sampled answers, ``cut`` (longer than they may be) of all,
``tied`` of groups; ``reward`` is that of all answers, of anchored groups of the true one, too. ``kl`` is against the
model that training started from."""

MANY = 500
"""Steps from which on not every one of them is logged."""


class GroupOrder(torch.utils.data.Sampler[int]):
    """Each question as often in a row as its group has answers; the order is drawn anew from ``seed + epoch``.

    TRL's own sampler draws an epoch after the other from one generator, so that a training that is resumed in its
    third epoch would go on with the order of the first.
    """

    def __init__(
        self,
        questions: int,
        group: int,
        together: int,
        times: int,
        seed: int,
        depths: Sequence[int] | None = None,
        epochs: float = 1,
    ) -> None:
        """Set up the order.

        Args:
            questions: to ask.
            group: answers to each.
            together: questions whose answers are sampled at once; what fills no such batch is left out, other ones in
                each epoch.
            times: that such a batch is handed out, once for each step that learns from a part of it.
            seed: of the first epoch.
            depths: of each question: over all epochs together those of the least come first; none: at random.
            epochs: that there will be; an epoch is then a part of that order, and no longer each question once.
        """
        self.questions, self.group, self.together, self.times, self.seed = questions, group, together, times, seed
        self.depths, self.epochs = depths, math.ceil(epochs)
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called before every epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.questions // self.together * self.together * self.group * self.times

    def __iter__(self) -> Iterator[int]:
        order = self._drawn(self.epoch) if self.depths is None else self._easy_first(self.depths)
        for start in range(0, self.questions // self.together * self.together, self.together):
            batch = [place for place in order[start : start + self.together] for _ in range(self.group)]
            yield from batch * self.times

    def _drawn(self, epoch: int) -> list[int]:
        generator = torch.Generator().manual_seed(self.seed + epoch)
        order: list[int] = torch.randperm(self.questions, generator=generator).tolist()
        return order

    def _easy_first(self, depths: Sequence[int]) -> list[int]:
        """This epoch's part of all epochs' questions in the order of their depth."""
        every = [place for epoch in range(self.epochs) for place in self._drawn(epoch)]
        every.sort(key=depths.__getitem__)  # stable: within a depth as drawn
        return every[self.epoch * self.questions : (self.epoch + 1) * self.questions]


class GRPOTrainer(building.Ours, trl.GRPOTrainer):
    """TRL's trainer that asks with our token ids in our order and writes no card of its own."""

    def __init__(
        self,
        *args: Any,
        order: GroupOrder,
        style: prompts.Style,
        stated: Prompts | None = None,
        anchors: Mapping[str, list[int]] | None = None,
        **options: Any,
    ) -> None:
        self.order, self.style, self.stated, self.anchors = order, style, stated, anchors
        self.asked: list[str] = []
        self.sampled_tokens = 0
        super().__init__(*args, **options)

    def _generate_and_score_completions(self, inputs: list[Any]) -> Any:
        """TRL's; with ``stated`` only the tokens before an answer are learned, in its words for what is no mask."""
        self.asked = [str(one["question_id"]) for one in inputs]
        found = super()._generate_and_score_completions(inputs)
        self.sampled_tokens += int(found["completion_mask"].sum())
        if self.stated is not None:
            mask = found["completion_mask"]
            learned = [
                stated_tokens(self._tokenizer, ids[own.bool()].tolist(), self.stated)
                for ids, own in zip(found["completion_ids"], mask, strict=True)
            ]
            places = torch.arange(mask.shape[1], device=mask.device)
            found["tool_mask"] = (places < torch.tensor(learned, device=mask.device)[:, None]).to(mask.dtype)
        return found

    def _generate_single_turn(self, *args: Any, **options: Any) -> Any:
        """TRL's; with ``anchors`` the first answer of every group gives way to the true one, before all else."""
        completions, likelihoods = super()._generate_single_turn(*args, **options)
        if self.anchors is not None:
            first = anchored(len(completions), self.num_generations)
            completions = [
                self.anchors[question] if true else ids
                for question, true, ids in zip(self.asked, first, completions, strict=True)
            ]
        return completions, likelihoods

    def _tokenize_prompts(self, prompts_: list[Any]) -> Any:
        """Token ids as engines and rows have them; TRL would make others of texts."""
        return [prompts.prompt_ids(self.processing_class, text, self.style) for text in prompts_], None, {}


def anchored(count: int, group: int) -> list[bool]:
    """Of the answers of this process, which are the first of their group; groups go over processes' borders."""
    start = accelerate.PartialState().process_index * count
    return [(start + place) % group == 0 for place in range(count)]


def stated_tokens(tokenizer: Any, ids: list[int], wording: Prompts) -> int:
    """How many tokens of a reply stand before its answer; all of one that states no confidence before it."""
    text = tokenizer.decode(ids, skip_special_tokens=True)
    stated = phrases.parse(text.strip(), wording)
    start = text.rfind(stated.answer) if stated is not None and stated.answer else -1
    if start <= 0:
        return len(ids)
    return sum(len(tokenizer.decode(ids[: end + 1], skip_special_tokens=True)) <= start for end in range(len(ids)))


def encode(job: Job, tokenizer: Any, context: int | None) -> Tokenized:
    """The questions, each with its prompt's token ids; an answer as long as may be has to fit behind them.

    Raises:
        TrainingError: no questions; prompts that leave no room for an answer.
    """
    settings, options = job.settings, job.options
    rows = building.drawn(job.rows, settings, job.seed)
    if rows.empty:
        raise TrainingError("no questions to train on; look at the rows of the stage and the labels of the questions")
    items = [
        {"input_ids": prompts.prompt_ids(tokenizer, prompt, job.style), "prompt": prompt, "question_id": str(question)}
        for prompt, question in zip(rows["prompt"], rows["question_id"], strict=True)
    ]
    return held_to(
        items, [item["question_id"] for item in items], settings.max_length, context, settings.too_long == "drop",
        "prompts with the longest answer", options["max_new_tokens"],
    )  # fmt: skip


def trainer(job: Job, tokenizer: Any, rows: Tokenized, device: str, processes: int, per_device: int) -> GRPOTrainer:
    """The trainer of ``job``, ready to start.

    Raises:
        TrainingError: fewer questions than are asked at once.
    """
    settings, options = job.settings, job.options
    group, times = options["group"], settings.gradient_accumulation
    together = settings.batch_size * times // group
    if len(rows.items) < together:
        raise TrainingError(
            f"training.batch_size: {settings.batch_size} answers x {times} batches are groups of {group} answers to "
            f"{together} questions, and there are {len(rows.items)}; lower it"
        )
    kept = job.rows.drop_duplicates("question_id").set_index("question_id", drop=False)
    kept = kept.loc[[item["question_id"] for item in rows.items]]
    depths = [depth(meta) or 0 for meta in kept["meta"]] if options["easy_first"] else None
    order = GroupOrder(len(rows.items), group, together, times, job.seed, depths, settings.epochs)
    tokenizer.padding_side, full = "left", settings.mode == "full"
    transformers.set_seed(job.seed)
    made = GRPOTrainer(
        model=building.network(job.model, settings, device),
        reward_funcs=[reward(job)],
        args=building.arguments(
            trl.GRPOConfig, job, len(order) // times, device, per_device,
            num_generations=group,
            steps_per_generation=times,
            max_completion_length=options["max_new_tokens"],
            temperature=options["temperature"],
            # TRL would load the reference by name: the base of a merged adapter, or another revision.
            beta=0.0 if full else options["beta"],
            loss_type="grpo",
            scale_rewards="group" if options["scaled"] else "none",
            use_vllm=options["engine"] == "vllm",
            vllm_mode="colocate",
            logging_steps=1 if settings.epochs * len(order) < MANY * settings.batch_size * times else 10,
        ),
        train_dataset=datasets.Dataset.from_list([_asked(item) for item in rows.items]),
        processing_class=tokenizer,
        peft_config=building.lora(settings, job.model),
        order=order,
        style=job.style,
        stated=Prompts(**options["wording"]) if options["learn"] == "stated" else None,
        anchors=_ways(job, kept, tokenizer) if options["anchor"] else None,
    )  # fmt: skip
    if full and options["beta"] > 0:
        made.beta, made.ref_model = options["beta"], _reference(made, building.network(job.model, settings, device))
    if building.adapter_folder(job.model) is not None and settings.mode != "full":
        # Alone: transformers takes a checkpoint with the reference's copy in it for one of the copy only.
        made.model.save_pretrained = functools.partial(made.model.save_pretrained, selected_adapters=["default"])
    return made


def _ways(job: Job, rows: pd.DataFrame, tokenizer: Any) -> Mapping[str, list[int]]:
    options = job.options
    return ways.encoded(rows, tokenizer, job.style, Prompts(**options["wording"]).refusal, options["max_new_tokens"])


def _reference(trainer: Any, network: Any) -> Any:
    """The model that training starts from, as TRL prepares one."""
    network = network.requires_grad_(False).eval()
    grpo_trainer.add_fused_lm_head(network, temperature=trainer.temperature, cast_lm_head_to_fp32=False)
    if trainer.is_deepspeed_enabled:
        return utils.prepare_deepspeed(network, trainer.accelerator)
    if trainer.is_fsdp_enabled:
        return utils.prepare_fsdp(network, trainer.accelerator)
    return trainer.accelerator.prepare_model(network, evaluation_mode=True)


def _asked(item: dict[str, Any]) -> dict[str, str]:
    return {"prompt": item["prompt"], "question_id": item["question_id"]}


def reward(job: Job) -> Any:
    """The reward of a job as TRL takes it: of each answer a number, none where it could not be scored."""
    options = job.options
    grader = Grader(job.rows, Prompts(**options["wording"]), Labeling(**options["grading"]))
    worth = REWARDS[options["reward"]]

    def reward(
        prompts: Sequence[str], completions: Sequence[str], question_id: Sequence[str], log_metric: Any, **others: Any
    ) -> list[float | None]:
        verdicts = grader.verdicts(question_id, completions)
        true = anchored(len(completions), options["group"]) if options["anchor"] else [False] * len(completions)
        sampled = verdicts.outcome[~np.array(true)]
        for name, outcome in (("right", "correct"), ("refused", "idk"), ("unscored", "unscored")):
            log_metric(name, float((sampled == outcome).mean()))
        values = worth(verdicts, options["wrong"], options["refused"])
        return [None if math.isnan(value) else float(value) for value in values]

    return reward
