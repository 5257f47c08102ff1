"""The command ``honesty``: everything that a person or the workflow starts from a shell.

Each subcommand is a function ``main(arguments) -> exit status`` in the module that does the work; it is imported when
it is called, so that ``honesty --help`` is quick.
"""

from __future__ import annotations

import importlib
import sys

COMMANDS = {
    "reproduce": ("honesty_utils.workflow.reproduce", "the whole run of a params file"),
    "worlds": ("honesty_utils.workflow.worlds", "the same run in several worlds, and the tables over them"),
    "execute": ("honesty_utils.workflow.execute", "run one notebook with parameters"),
    "preflight": ("honesty_utils.workflow.preflight", "check a params file and the local files it names"),
    "estimate": ("honesty_utils.workflow.estimate.command", "say what a run takes, or took"),
    "report": ("honesty_utils.results.report", "write a run's report.html, or marked numbers in text"),
    "doctor": ("honesty_utils.workflow.doctor", "compare a run with reference ranges, stage by stage"),
    "board": ("honesty_utils.workflow.board", "make the leaderboard, or grade its responses anew"),
    "score": ("honesty_utils.workflow.score", "every score of answers one already has"),
    "export": ("honesty_utils.workflow.export", "write a trained model with its cards"),
    "puqa": ("honesty_utils.prior.puqa", "build a prior-unknown question set from a table"),
}
"""Subcommand -> module with its ``main``, and what it does."""


def main(arguments: list[str] | None = None) -> int:
    """Run the subcommand that the first argument names; the rest is its own."""
    given = sys.argv[1:] if arguments is None else arguments
    name, rest = (given[0], given[1:]) if given else ("--help", [])
    if name in ("-h", "--help"):
        print("usage: honesty COMMAND ...\n")
        print("\n".join(f"  {command:<10} {text}" for command, (_, text) in COMMANDS.items()))
        print("\nhonesty COMMAND --help says more.")
        return 0
    if name not in COMMANDS:
        print(f"honesty: {name!r} is no command; known: {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    status: int = importlib.import_module(COMMANDS[name][0]).main(rest)
    return status


if __name__ == "__main__":
    sys.exit(main())
