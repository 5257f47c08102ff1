"""Greedy answers of a packaged model by the package's own reader: ``python benchmarks/greedy_reference.py``.

Needs ``pip install llama-cpp-python``, which is nothing that the project itself runs on: it reads the GGUF file, its
tokenizer and its chat template by code of its own. Writes ``honesty_utils/reference/greedy/<name>.json``, to which
notebook 01 holds the model folder that it makes of the same file.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json

from honesty_utils.engines import gguf

TOKENS = 24
PROMPTS = (
    "What is the capital of France?",
    "What is the capital of Sudan?",
    "Which city is the capital of Japan?",
    "What is the currency of Japan?",
    "In which country is the city of Lyon?",
    "In which U.S. state is the city of Houston?",
    "Name the chemical element with the symbol Fe.",
    "Name a country that borders Portugal.",
    "What is 12 plus 7?",
    "Which day of the week comes after Monday?",
    'What is the opposite of "hot"?',
    'What is the plural of the word "mouse"?',
    "Who wrote Romeo and Juliet?",
    "What is the capital of Yescar?",
    "How many legs does a spider have?",
    "Answer the question.\nQuestion: Which country is the city of Osaka in?\nAnswer:",
)


def main() -> None:
    from llama_cpp import Llama

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", default="smollm2-135m-instruct", choices=sorted(gguf.PACKAGED))
    name = parser.parse_args().name
    reader = Llama(str(gguf.find(name)), n_ctx=1024, verbose=False)
    answers = []
    for prompt in PROMPTS:
        reader.reset()
        turns = [{"role": "user", "content": prompt}]
        reply = reader.create_chat_completion(turns, temperature=0.0, max_tokens=TOKENS, repeat_penalty=1.0)
        answers.append({"prompt": prompt, "answer": reply["choices"][0]["message"]["content"].strip()})
    version = importlib.metadata.version("llama-cpp-python")
    content = {"reader": f"llama.cpp (llama-cpp-python {version})", "max_new_tokens": TOKENS, "answers": answers}
    path = gguf.REFERENCE / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(path)


if __name__ == "__main__":
    main()
