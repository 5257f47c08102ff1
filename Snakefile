# Who reads what. A rule runs one notebook; its targets are result files, its log the executed copy.
#
#   snakemake --cores 4 --config params=params/microworld.yaml
#
#   00 world ─ 10 sampling ─ 20 labeling ─ 30-34 rows ─ 40 training ─ 50 evaluation ─ 60-63 tables ─ 70 figures
#   05 prior known ┘               └─ 25 signals ─ 45 thresholds ──────┘  └─ 56 judging, 57 harness ─┘
#
# What there is to run, and every path and parameter, is said by honesty_utils.workflow.plan, which needs no Snakemake.
# A rule runs again when what it reads, its part of the params file or the code that it reaches has changed. The same
# file runs on a laptop, on one GPU box (--resources gpu=1) and on a cluster (--executor slurm).
import sys

from honesty_utils.workflow import plan

try:
    PLAN = plan.Workflow(config)
except ValueError as error:
    sys.exit(str(error))


onstart:
    PLAN.start()


rule all:
    default_target: True
    input:
        PLAN.targets(),


for task in PLAN.tasks:

    rule:
        name:
            task.name
        input:
            [str(path) for path in task.inputs],
            notebook=str(task.source),
        output:
            [str(path) for path in task.outputs],
            [directory(str(path)) for path in task.folders],
        log:
            str(task.executed(PLAN.run)),
        priority: task.models
        threads: task.threads
        resources:
            gpu=task.gpus,
        params:
            values=PLAN.values(task),
            depends=PLAN.depends(task),
            threads=task.threads,
        shell:
            "{sys.executable:q} -m honesty_utils.workflow.cli execute {input.notebook:q} {log:q} --parameters {params.values:q}"
            " --gpus {resources.gpu} --threads {params.threads}"
