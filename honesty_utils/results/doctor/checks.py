"""The checks as data, in the order of the pipeline: what is measured, of which stage, and why it is low or high.

Within a stage, what spoils the others comes first: answers that are cut or not graded before what they say. The first
check that differs is then the one to look at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from honesty_utils.results.doctor import answering, knowing, teaching
from honesty_utils.results.doctor.answering import BETWEEN
from honesty_utils.results.doctor.measured import SCORE, SHARE, Measured
from honesty_utils.results.doctor.patient import TRAIN, Outline, Patient

STAGES = ("sampling", "labeling", "rows", "training", "evaluation")
"""Stages that leave something to examine, in their order."""

HOME = "in_distribution"


@dataclass(frozen=True)
class Check:
    """One quantity of a stage.

    Attributes:
        name: unique within the stage.
        stage: one of `STAGES`.
        title: for a reader; stands before what it is about.
        reads: the files.
        unit: ``share`` and ``score`` are shown in percent, others as they are.
        measure: ``(run, about) -> Measured``; none where there is nothing to measure.
        about: what it is measured of, in this run: sets by their role, methods, methods on sets.
        low: usual causes of a low value, most frequent first.
        high: of a high one.
    """

    name: str
    stage: str
    title: str
    reads: str
    unit: str
    measure: Callable[[Patient, str], Measured | None]
    about: Callable[[Outline], list[str]]
    low: tuple[str, ...]
    high: tuple[str, ...]

    def key(self, about: str) -> str:
        """Name of the quantity in a reference: ``labeling.known[train]``."""
        return f"{self.stage}.{self.name}[{about}]"


def _train(outline: Outline) -> list[str]:
    return [TRAIN]


def _sets(outline: Outline) -> list[str]:
    return [TRAIN, *(role for role in (HOME,) if role in outline.roles)]


def _taught(outline: Outline) -> list[str]:
    return [name for name, taught in outline.methods.items() if taught.objective is not None]


def _on(*roles: str) -> Callable[[Outline], list[str]]:
    def about(outline: Outline) -> list[str]:
        here = [role for role in roles if role in outline.roles]
        return [f"{method}{BETWEEN}{role}" for role in here for method in outline.methods]

    return about


_TEMPLATE = "prompts.style: raw for a chat model, or chat for one whose template is not the one it was trained with"
_SIGNS = (
    "labeling.refusal_signs do not fit the model's manner: refusals are graded wrong, not idk (try a family, or all)"
)
_MATCH = "labeling.match: tokens or exact, where answers are sentences, or answers of the questions lack aliases"
_LISTS = "labeling.match: contains takes replies that list several answers for right; try tokens"
_RATE = "training.learning_rate (or methods.<name>.training.learning_rate) too"

CHECKS: tuple[Check, ...] = (
    # --- sampling ------------------------------------------------------------
    Check(
        "length_cut",
        "sampling",
        "answers cut at their length",
        "responses/<set>",
        SHARE,
        knowing.length_cut,
        _sets,
        low=(
            "sampling.max_new_tokens longer than in the reference",
            "another model or prompts.plain, with shorter replies",
        ),
        high=(
            "sampling.max_new_tokens too short; a model that thinks first (<think> …) needs hundreds",
            f"the model does not end its reply: {_TEMPLATE}",
            "another tokenizer: the token that ends a reply is not the one the model was trained with",
        ),
    ),
    Check(
        "tokens",
        "sampling",
        "tokens an answer",
        "responses/<set>",
        "tokens",
        knowing.tokens,
        _sets,
        low=("another prompts.plain or model, with shorter replies", "replies end at once: " + _TEMPLATE),
        high=(
            f"the model explains or goes on after its answer: {_TEMPLATE}",
            "thinking blocks (<think> …) stand before the answers",
            "sampling.temperature higher: replies wander",
        ),
    ),
    # --- labeling ------------------------------------------------------------
    Check(
        "unscored",
        "labeling",
        "answers that nothing could grade",
        "labels/<set>",
        SHARE,
        knowing.unscored,
        _sets,
        low=(
            "labeling.no_option: wrong grades what the reference left open",
            "a judge section reads what rules leave open",
        ),
        high=(
            "multiple choice: replies name no option (labeling.no_option, prompts.options)",
            "the judge's replies cannot be read: judge.model too small, or judge.max_new_tokens too short",
        ),
    ),
    Check(
        "refused",
        "labeling",
        "answers of M_t that are refusals, plain prompt",
        "labels/<set>",
        SHARE,
        knowing.refused,
        _sets,
        low=(
            _SIGNS,
            "prompts.refusal is not the sentence that the model says",
            "prompts.plain does not leave room for refusing, or another base model",
        ),
        high=(
            'labeling.refusal_signs also stand in answers (such as "as of my last"); take the model\'s own family',
            "prompts.plain invites refusals; the plain prompt should only ask",
            "another base model, or a chat template with a cautious system text",
        ),
    ),
    Check(
        "known",
        "labeling",
        "questions that M_t knows",
        "knowledge/<set>",
        SHARE,
        knowing.known,
        _sets,
        low=(
            "answers are cut before they come to the point: sampling.max_new_tokens, thinking blocks",
            _MATCH,
            f"another or a weaker base model; {_TEMPLATE}",
        ),
        high=(
            _LISTS,
            "easier questions, or questions that the model was trained on",
            "another or a stronger base model",
        ),
    ),
    Check(
        "expected_accuracy",
        "labeling",
        "expected accuracy, mean",
        "knowledge/train",
        SCORE,
        knowing.expected_accuracy,
        _train,
        low=("sampling.temperature higher", _MATCH, "another or a weaker base model"),
        high=("sampling.temperature lower", _LISTS, "another or a stronger base model"),
    ),
    Check(
        "spread",
        "labeling",
        "expected accuracy, deviation over questions",
        "knowledge/train",
        SCORE,
        knowing.spread,
        _train,
        low=("sampling.temperature higher: right answers are drawn less surely", "questions more alike in difficulty"),
        high=("sampling.temperature lower: samples repeat the greedy answer", "questions known wholly or not at all"),
    ),
    Check(
        "none_right",
        "labeling",
        "questions without a right sample",
        "knowledge/train",
        SHARE,
        knowing.none_right,
        _train,
        low=("sampling.temperature higher: wrong answers vary and some hit", _LISTS),
        high=("sampling.temperature lower: samples repeat a wrong greedy answer", _MATCH, "harder questions"),
    ),
    Check(
        "some_right",
        "labeling",
        "questions with some right samples",
        "knowledge/train",
        SHARE,
        knowing.some_right,
        _train,
        low=("sampling.temperature lower: samples repeat the greedy answer", "facts known wholly or not at all"),
        high=("sampling.temperature higher", "facts known by halves: fewer exposures, a smaller base model"),
    ),
    Check(
        "all_right",
        "labeling",
        "questions with right samples only",
        "knowledge/train",
        SHARE,
        knowing.all_right,
        _train,
        low=("sampling.temperature higher", "a weaker base model, or facts seen less often"),
        high=("sampling.temperature lower", _LISTS, "easier questions"),
    ),
    Check(
        "lucky",
        "labeling",
        "greedy-wrong questions with a right sample",
        "knowledge/train",
        SHARE,
        knowing.lucky,
        _train,
        low=("sampling.temperature lower", "guesses cannot hit: values without a common one"),
        high=(
            "sampling.temperature higher: guesses hit",
            _LISTS,
            "greedy answers are graded otherwise than samples: cut, or of another sampling run",
        ),
    ),
    Check(
        "rank",
        "labeling",
        "rank correlation of expected accuracy with exposures",
        "knowledge/train",
        "rank",
        knowing.rank,
        _train,
        low=(
            "world.pretraining too short: facts are not learned as often as they were seen",
            "sampling.temperature too high",
        ),
        high=("more of world.exposures differ", "world.pretraining longer"),
    ),
    Check(
        "subset_size",
        "labeling",
        "training questions drawn",
        "train_questions",
        "count",
        knowing.subset_size,
        _train,
        low=(
            "too few known or unknown questions: M_t knows nearly all or nothing, or questions.train.limit is small",
            "labeling.train_known and labeling.train_unknown lower",
        ),
        high=("labeling.train_known and labeling.train_unknown higher", "more questions under questions.train"),
    ),
    Check(
        "subset_known",
        "labeling",
        "share of them that M_t knows",
        "train_questions",
        SCORE,
        knowing.subset_known,
        _train,
        low=(
            "labeling.train_known below labeling.train_unknown",
            "labeled anew without drawing again: run 20_labeling",
        ),
        high=(
            "labeling.train_known above labeling.train_unknown",
            "labeled anew without drawing again: run 20_labeling",
        ),
    ),
    # --- rows ------------------------------------------------------------
    Check(
        "rows_per_question",
        "rows",
        "rows a question",
        "sft/<method>",
        "rows",
        teaching.rows_per_question,
        _taught,
        low=("methods.<name>.rows.samples fewer, or sampling.samples", "samples left unscored make no row"),
        high=(
            "methods.<name>.rows.samples or sampling.samples more",
            "an entry named like another method (methods.<name>.method)",
        ),
    ),
    Check(
        "rows",
        "rows",
        "rows",
        "sft/<method>",
        "count",
        teaching.rows,
        _taught,
        low=(
            "methods.<name>.rows.questions, or fewer training questions",
            "questions without a scored sample have no row",
        ),
        high=("methods.<name>.rows.sets adds sets", "labeling.train_known, labeling.train_unknown higher"),
    ),
    Check(
        "refusals",
        "rows",
        "rows that teach a refusal",
        "sft/<method>",
        SHARE,
        teaching.refusals,
        _taught,
        low=(
            "methods.<name>.options.tau lower, or greedy_suffices true",
            "methods.<name>.rows.known_share higher",
            "more questions have a right sample: see expected accuracy above",
        ),
        high=(
            "methods.<name>.options.tau higher, or greedy_suffices false",
            "methods.<name>.rows.known_share lower",
            "right answers are graded wrong (labeling.match) or cut (sampling.max_new_tokens)",
        ),
    ),
    Check(
        "stated",
        "rows",
        "confidence that rows state, mean",
        "sft/<method>",
        SCORE,
        teaching.stated,
        _taught,
        low=("lower expected accuracy: see labeling above", "prompts.confidence_num without {percent} in one half"),
        high=("higher expected accuracy: see labeling above", "sampling.samples few: shares are coarse"),
    ),
    # --- training ------------------------------------------------------------
    Check(
        "epochs",
        "training",
        "epochs",
        "models/<method>",
        "epochs",
        teaching.epochs,
        _taught,
        low=("training.epochs or methods.<name>.training.epochs lower",),
        high=("training.epochs or methods.<name>.training.epochs higher (MULTISAMPLE takes one)",),
    ),
    Check(
        "left_out",
        "training",
        "rows cut or left out as too long",
        "models/<method>",
        SHARE,
        teaching.left_out,
        _taught,
        low=("training.max_length longer",),
        high=(
            "training.max_length too short for the prompts; with training.too_long: refuse it is an error instead",
            "long replies became rows: sampling.max_new_tokens, thinking blocks",
        ),
    ),
    Check(
        "steps",
        "training",
        "steps",
        "models/<method>",
        "count",
        teaching.steps,
        _taught,
        low=("training.batch_size or gradient_accumulation larger", "training.max_rows, or fewer rows"),
        high=("training.batch_size smaller", "training.epochs more, or more rows"),
    ),
    Check(
        "loss_before",
        "training",
        "loss of M_t on the rows",
        "models/<method>",
        "nats",
        teaching.loss_before,
        _taught,
        low=(
            "rows nearer to what M_t says: prompts.refusal or phrases that it knows",
            "prompts.honest nearer to its own",
        ),
        high=(
            f"tokens of another chat template: {_TEMPLATE}",
            "prompts.refusal, confidence_num or confidence_verb far from what M_t says",
            "another base model (model.name, model.revision)",
        ),
    ),
    Check(
        "loss_after",
        "training",
        "loss after training, on the rows",
        "models/<method>",
        "nats",
        teaching.loss_after,
        _taught,
        low=("training.epochs more, or the rows repeat", f"{_RATE} high, rows learned by heart: look at evaluation"),
        high=(
            f"{_RATE} high: the loss jumps (look at the history in 40_training)",
            f"{_RATE} low, or training.epochs too few",
            f"tokens of another chat template: {_TEMPLATE}",
        ),
    ),
    Check(
        "tokens_learned",
        "training",
        "tokens of the rows that are predicted right",
        "models/<method>",
        SCORE,
        teaching.tokens_learned,
        _taught,
        low=(
            f"{_RATE} high or low",
            "training.epochs too few",
            "training.lora_rank too small, or lora_target_modules too few",
        ),
        high=("training.epochs more", "rows with less to learn: more refusals, one wording"),
    ),
    Check(
        "answered_as_trained",
        "training",
        "rows answered as trained",
        "models/<method>",
        SHARE,
        teaching.answered_as_trained,
        _taught,
        low=(
            f"{_RATE} high or low",
            "the model is asked otherwise than it was trained: another chat template or tokenizer in its folder",
        ),
        high=("training.epochs more", "rows with less to learn: more refusals, one wording"),
    ),
    Check(
        "loss_logged",
        "training",
        "loss, last that was logged",
        "models/<method>",
        "nats",
        teaching.loss_logged,
        _taught,
        low=("training.epochs more", f"{_RATE} high, rows learned by heart"),
        high=(f"{_RATE} high or low", "training.epochs too few"),
    ),
    # --- evaluation ------------------------------------------------------------
    Check(
        "length_cut",
        "evaluation",
        "answers cut at their length",
        "evaluation/<method>/<set>",
        SHARE,
        answering.length_cut,
        _on(HOME),
        low=("evaluation.max_new_tokens longer",),
        high=(
            "evaluation.max_new_tokens too short",
            "the model was not taught to end: another chat template or end token in training",
        ),
    ),
    Check(
        "unscored",
        "evaluation",
        "answers that nothing could grade",
        "evaluation/<method>/<set>",
        SHARE,
        partial(answering.rate, "unscored_rate"),
        _on(HOME),
        low=("labeling.no_option: wrong, or a judge section",),
        high=(
            "replies name no option (labeling.no_option)",
            "the judge's replies cannot be read (judge.max_new_tokens)",
        ),
    ),
    Check(
        "refusal_rate",
        "evaluation",
        "refusals",
        "evaluation/<method>/<set>",
        SHARE,
        partial(answering.rate, "refusal_rate"),
        _on(HOME, "prior_unknown", "prior_known"),
        low=(
            _SIGNS,
            "prompts.honest does not tell the model that it may refuse, and how",
            f"trained methods: fewer refusals in the rows, or {_RATE} low",
        ),
        high=(
            f"trained methods: {_RATE} high, or too many refusals in the rows (MULTISAMPLE: training.max_rows)",
            "labeling.refusal_signs also stand in answers",
            "prompts.honest urges the model to refuse",
        ),
    ),
    Check(
        "prudence",
        "evaluation",
        "prudence",
        "evaluation/<method>/<set>",
        SHARE,
        partial(answering.rate, "prudence"),
        _on(HOME),
        low=(_SIGNS, f"{_RATE} low, or training.epochs too few", "methods.<name>.options.tau lower"),
        high=("methods.<name>.options.tau higher", f"{_RATE} high: the model refuses nearly all"),
    ),
    Check(
        "over_conservativeness",
        "evaluation",
        "over-conservativeness",
        "evaluation/<method>/<set>",
        SHARE,
        partial(answering.rate, "over_conservativeness"),
        _on(HOME),
        low=("methods.<name>.options.tau lower", f"{_RATE} low: little was learned", _SIGNS),
        high=(
            f"{_RATE} high, or training.epochs too many: the model refuses nearly all",
            "methods.<name>.options.tau higher, or rows with too few answers (rows.known_share)",
            "labeling.refusal_signs also stand in answers",
        ),
    ),
    Check(
        "accuracy",
        "evaluation",
        "accuracy",
        "evaluation/<method>/<set>",
        SHARE,
        partial(answering.rate, "accuracy"),
        _on(HOME, "prior_known"),
        low=(
            f"{_RATE} high: what the model knew is lost",
            "more refusals: see refusals above",
            "evaluation.max_new_tokens too short, or another labeling.match than for the labels",
        ),
        high=(
            _LISTS,
            "fewer refusals: see refusals above",
            "evaluation questions stand among those trained on (tab_overlap)",
        ),
    ),
    Check(
        "honesty",
        "evaluation",
        "honesty",
        "evaluation/<method>/<set>",
        SCORE,
        answering.honesty,
        _on(HOME, "out_of_distribution"),
        low=("prudence or over-conservativeness above says which side", _SIGNS),
        high=("prudence or over-conservativeness above says which side",),
    ),
)


def named(stage: str | None = None) -> list[Check]:
    """The checks of one stage, or all."""
    return [check for check in CHECKS if stage in (None, check.stage)]
