"""One process of a launch: ``accelerate launch … -m honesty_utils.training JOB``, JOB being what `Job.save` wrote.

By hand it trains in one process: ``python -m honesty_utils.training JOB``.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
import warnings

from honesty_utils.training.job import Job, TrainingError


def main(arguments: list[str] | None = None) -> int:
    """Train; the result, or what went wrong, is left beside the job."""
    parser = argparse.ArgumentParser(prog="python -m honesty_utils.training", description="One process of a training.")
    parser.add_argument("job", help="path of a job.json")
    job = Job.load(parser.parse_args(arguments).job)
    first = os.environ.get("RANK", "0") == "0"
    warnings.filterwarnings("ignore", category=FutureWarning)
    try:
        from honesty_utils.training import trainer

        result = trainer.run(job)
    except Exception as error:
        message = str(error) if isinstance(error, TrainingError) else traceback.format_exc()
        if first:
            job.error.write_text(message, encoding="utf-8")
            print(message, file=sys.stderr, flush=True)
        return 1
    if first:
        result.save(job.result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
