from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from honesty_utils.common import prompts
from honesty_utils.common.settings import DEFAULT_REFUSAL, Prompts

WORDING = Prompts(plain="Q: {question}\nA:", honest="Refuse with: {refusal}\nQ: {question}\nA:")
CHAT = (
    "{{ bos_token }}{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{{ eos_token }}\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


@pytest.fixture
def tokenizer(tiny_model: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_model)


@pytest.fixture
def bos_adding_tokenizer(tokenizer: Any) -> Any:
    """A tokenizer that puts a begin token before every text, as that of Llama does."""
    from tokenizers.processors import TemplateProcessing

    bos = tokenizer.bos_token
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=f"{bos} $A", special_tokens=[(bos, tokenizer.bos_token_id)]
    )
    return tokenizer


def sentencepiece_like(texts: list[str]) -> Any:
    """A tokenizer that puts a space before every text it encodes, as that of Llama 2 does."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    bpe.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    trainer = trainers.BpeTrainer(vocab_size=100, special_tokens=["<s>", "</s>"], show_progress=False)
    bpe.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=bpe, bos_token="<s>", eos_token="</s>")


def test_plain_and_honest_prompt() -> None:
    assert prompts.render(WORDING, "plain", "Who?") == "Q: Who?\nA:"
    assert prompts.render(WORDING, "honest", "Who?") == f"Refuse with: {DEFAULT_REFUSAL}\nQ: Who?\nA:"


def test_default_wordings_hold_question_and_refusal() -> None:
    assert "Who?" in prompts.render(Prompts(), "plain", "Who?")
    assert DEFAULT_REFUSAL not in prompts.render(Prompts(), "plain", "Who?")
    assert DEFAULT_REFUSAL in prompts.render(Prompts(), "honest", "Who?")


@pytest.mark.parametrize("question", ["{refusal}", "{question}", "{0} {} {x}", r"\1 \g<0> \n", "{{braces}}"])
def test_question_is_taken_literally(question: str) -> None:
    assert prompts.render(WORDING, "honest", question) == f"Refuse with: {DEFAULT_REFUSAL}\nQ: {question}\nA:"


def test_options_follow_the_question_one_a_line() -> None:
    assert prompts.question_text(WORDING, "Which?", ["red", "{letter}"]) == "Which?\nA) red\nB) {letter}"
    assert prompts.render(WORDING, "plain", "Which?", ["red", "blue"]) == "Q: Which?\nA) red\nB) blue\nA:"


def test_more_choices_than_letters_are_an_error() -> None:
    with pytest.raises(ValueError, match=r"27 choices for 'Which\?'; at most 26"):
        prompts.question_text(WORDING, "Which?", ["x"] * 27)


def test_raw_prompt_has_one_begin_token(tokenizer: Any) -> None:
    ids = prompts.prompt_ids(tokenizer, "Who wrote Hamlet?", "raw")
    assert ids[0] == tokenizer.bos_token_id
    assert ids.count(tokenizer.bos_token_id) == 1
    assert tokenizer.decode(ids[1:]) == "Who wrote Hamlet?"


def test_begin_token_is_not_doubled(bos_adding_tokenizer: Any) -> None:
    tokenizer = bos_adding_tokenizer
    by_itself = tokenizer("Who?")["input_ids"]
    assert by_itself[0] == tokenizer.bos_token_id  # the trap: this tokenizer adds one
    assert prompts.prompt_ids(tokenizer, "Who?", "raw") == by_itself
    assert tokenizer.bos_token_id not in prompts.completion_ids(tokenizer, "Who?", "Me", "raw")


def test_no_begin_token_where_the_tokenizer_has_none(tokenizer: Any) -> None:
    tokenizer.bos_token = None
    assert tokenizer.decode(prompts.prompt_ids(tokenizer, "Who?", "raw")) == "Who?"


def test_raw_completion_is_a_space_the_text_and_the_end_token(tokenizer: Any) -> None:
    ids = prompts.completion_ids(tokenizer, "Who wrote Hamlet?", "William Shakespeare", "raw")
    assert ids.count(tokenizer.eos_token_id) == 1
    assert ids[-1] == tokenizer.eos_token_id
    assert tokenizer.decode(ids[:-1]) == " William Shakespeare"


@given(prompt=st.text(min_size=1), completion=st.text())
def test_prompt_and_completion_spell_the_row(prompt: str, completion: str) -> None:
    # A byte-level tokenizer of bytes only keeps every text; special tokens are none, so nothing is read as one.
    tokenizer = byte_tokenizer()
    ids = prompts.prompt_ids(tokenizer, prompt, "raw") + prompts.completion_ids(tokenizer, prompt, completion, "raw")
    assert tokenizer.decode(ids[1:-1]) == f"{prompt} {completion}"


def byte_tokenizer(merges: list[tuple[str, str]] | None = None) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = [*sorted(pre_tokenizers.ByteLevel.alphabet()), *("".join(pair) for pair in merges or [])]
    bpe = Tokenizer(models.BPE({letter: i for i, letter in enumerate(letters)}, merges or []))
    # Without the regex a token may reach over a space.
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    bpe.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe, bos_token="<s>", eos_token="</s>", clean_up_tokenization_spaces=False
    )


def test_completion_never_changes_the_prompts_ids() -> None:
    # "?Ġ" is one token here, so "Who? Me" encodes "? " together, though the prompt "Who?" ends with "?" alone.
    tokenizer = byte_tokenizer([("?", "Ġ")])
    before = prompts.prompt_ids(tokenizer, "Who?", "raw")
    assert prompts.prompt_ids(tokenizer, "Who? Me", "raw")[: len(before)] != before
    after = prompts.completion_ids(tokenizer, "Who?", "Me", "raw")
    assert tokenizer.decode((before + after)[1:-1]) == "Who? Me"


def test_no_second_space_with_a_tokenizer_that_adds_one() -> None:
    tokenizer = sentencepiece_like(["Q: Who? A: Me", "Q: What? A: That"])
    # By itself " Me" gets a space before it: two spaces, of which a generated answer has one.
    alone = tokenizer(" Me", add_special_tokens=False)["input_ids"]
    assert "".join(tokenizer.convert_ids_to_tokens(alone)) == "▁▁Me"
    before = prompts.prompt_ids(tokenizer, "Q: Who? A:", "raw")
    after = prompts.completion_ids(tokenizer, "Q: Who? A:", "Me", "raw")
    assert "".join(tokenizer.convert_ids_to_tokens(after[:-1])) == "▁Me"
    assert before + after[:-1] == prompts.prompt_ids(tokenizer, "Q: Who? A: Me", "raw")


def test_completion_needs_an_end_token(tokenizer: Any) -> None:
    tokenizer.eos_token = None
    with pytest.raises(ValueError, match="has no end token"):
        prompts.completion_ids(tokenizer, "Who?", "Me", "raw")


def test_chat_prompt_is_the_template_with_one_begin_token(bos_adding_tokenizer: Any) -> None:
    tokenizer = bos_adding_tokenizer
    tokenizer.chat_template = CHAT
    ids = prompts.prompt_ids(tokenizer, "Who?", "chat")
    assert tokenizer.decode(ids) == "<s><user>Who?</s>\n<assistant>"
    assert ids.count(tokenizer.bos_token_id) == 1


def test_a_template_that_would_think_first_is_asked_for_the_answer(tokenizer: Any) -> None:
    """Qwen3's writes an empty thought: in a prompt where thinking is off, and before the last answer always."""
    thought = "<think>\n\n</think>\n\n"
    tokenizer.chat_template = (
        "{% for m in messages %}<{{ m['role'] }}>{% if m['role'] == 'assistant' %}" + thought + "{% endif %}"
        "{{ m['content'] }}{{ eos_token }}\n{% endfor %}{% if add_generation_prompt %}<assistant>"
        "{% if enable_thinking is defined and enable_thinking is false %}" + thought + "{% endif %}{% endif %}"
    )
    before = prompts.prompt_ids(tokenizer, "Who?", "chat")
    assert tokenizer.decode(before).endswith(thought)
    assert tokenizer.decode(prompts.completion_ids(tokenizer, "Who?", "Me", "chat")) == "Me</s>"


def test_chat_completion_ends_with_the_end_of_turn(tokenizer: Any) -> None:
    # The template writes a newline after the end token; the model stops before it and so does the row.
    tokenizer.chat_template = CHAT
    assert tokenizer.decode(prompts.completion_ids(tokenizer, "Who?", "Me", "chat")) == "Me</s>"


def test_chat_completion_gets_an_end_token_where_the_template_writes_none(tokenizer: Any) -> None:
    tokenizer.chat_template = CHAT.replace("{{ eos_token }}\n", "")
    assert tokenizer.decode(prompts.completion_ids(tokenizer, "Who?", "Me", "chat")) == "Me</s>"


def test_chat_template_that_rewrites_the_prompt_is_an_error(tokenizer: Any) -> None:
    tokenizer.chat_template = "{{ messages | length }}{% for m in messages %}{{ m['content'] }}{% endfor %}"
    with pytest.raises(ValueError, match=r"chat template changes the prompt 'Who\?'.*use prompts.style: raw"):
        prompts.completion_ids(tokenizer, "Who?", "Me", "chat")


def test_chat_without_a_template_is_an_error(tokenizer: Any) -> None:
    with pytest.raises(ValueError, match=r"has no chat template; use prompts.style: raw"):
        prompts.prompt_ids(tokenizer, "Who?", "chat")


def test_a_conversation_has_its_turns_by_turns(tokenizer: Any) -> None:
    tokenizer.chat_template = CHAT
    turns = ("Who was it?", "Anna.", "Are you sure?")
    assert [one["role"] for one in prompts.messages(turns)] == ["user", "assistant", "user"]
    read = tokenizer.decode(prompts.prompt_ids(tokenizer, turns, "chat"))
    places = [read.index(turn) for turn in turns]
    assert places == sorted(places) and read.index("Anna.") > read.index("<assistant>"[1:-1])
    # What follows is the answer to the last turn.
    ids = prompts.completion_ids(tokenizer, turns, "Yes.", "chat")
    assert tokenizer.decode(ids, skip_special_tokens=True).strip() == "Yes."
    assert prompts.prompt_ids(tokenizer, ("Who was it?",), "chat") == prompts.prompt_ids(
        tokenizer, "Who was it?", "chat"
    )


def test_turns_that_end_with_the_model_or_have_no_template_are_errors(tokenizer: Any) -> None:
    tokenizer.chat_template = CHAT
    with pytest.raises(ValueError, match="2 turns; an odd number"):
        prompts.prompt_ids(tokenizer, ("Who?", "Anna."), "chat")
    with pytest.raises(ValueError, match="raw knows none"):
        prompts.prompt_ids(tokenizer, ("Who?", "Anna.", "Sure?"), "raw")


def test_errors_show_the_last_turn() -> None:
    assert prompts.shown("Who?") == "'Who?'"
    assert prompts.shown(("Who?", "Anna.", "x" * 100)) == repr("x" * 80 + "…")


def test_passages_stand_before_the_prompt_and_without_them_it_is_as_it_was():
    wording = WORDING.model_copy(update={"passages": "[{passage}] "})
    plain = prompts.render(wording, "plain", "Who?")
    assert prompts.with_passages(wording, plain, ()) == plain
    assert prompts.with_passages(wording, plain, ["One.", "{question} \\1"]) == "[One.] [{question} \\1] Q: Who?\nA:"
    turns = ("Q: Who?\nA:", "Ada.", "Are you sure?")
    assert prompts.with_passages(wording, turns, ["One."]) == ("[One.] Q: Who?\nA:", "Ada.", "Are you sure?")
    assert prompts.with_passages(Prompts(), "Q", ["a", "b"]) == "Text: a\nText: b\nQ"


@pytest.mark.parametrize(
    ("wording", "message"),
    [("Text:", r"holds no \{passage\}"), ("{passage} {question}", r"holds \{question\}, which would stay as it is")],
)
def test_the_wording_of_passages_names_a_passage_and_nothing_else(wording, message):
    with pytest.raises(ValueError, match=message):
        Prompts(passages=wording)
