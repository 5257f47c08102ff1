"""The methods by name; adding one is one file and one line."""

from __future__ import annotations

from honesty_utils.methods import (
    absolute,
    best_of_n,
    conf_tuner,
    confidence,
    craft,
    elicited,
    entropy_tuning,
    finetuned,
    idk_dpo,
    idk_hir,
    multisample,
    p_ik,
    r_tuning,
    saplma,
    threshold,
    untrained,
)
from honesty_utils.methods.plan import Method

METHODS: dict[str, Method] = {
    "unaligned": untrained.UNALIGNED,
    "finetuned": finetuned.METHOD,
    "prompt_based": untrained.PROMPT_BASED,
    "absolute": absolute.METHOD,
    "confidence_num": confidence.NUM,
    "confidence_verb": confidence.VERB,
    "multisample": multisample.METHOD,
    "likelihood_threshold": threshold.METHOD,
    "idk_dpo": idk_dpo.METHOD,
    "idk_hir": idk_hir.METHOD,
    "p_ik": p_ik.METHOD,
    "saplma": saplma.METHOD,
    "elicited": elicited.METHOD,
    "elical": elicited.CALIBRATED,
    "r_tuning": r_tuning.METHOD,
    "r_tuning_u": r_tuning.U,
    "r_tuning_sure": r_tuning.SURE,
    "conf_tuner": conf_tuner.METHOD,
    "entropy_tuning": entropy_tuning.METHOD,
    "cor_rait": craft.COR,
    "corcer_rait": craft.CERTAIN,
    "craft": craft.METHOD,
    "best_of_n": best_of_n.METHOD,
    "mean_threshold": threshold.MEAN,
    "minimum_threshold": threshold.MINIMUM,
    "p_true_threshold": threshold.P_TRUE,
    "verbalized_threshold": threshold.VERBALIZED,
    "words_threshold": threshold.WORDS,
    "guesses_threshold": threshold.GUESSES,
    "consistency_threshold": threshold.CONSISTENCY,
    "entropy_threshold": threshold.ENTROPY,
    "cocoa_threshold": threshold.COCOA,
}
"""Methods in the order of tables and figures: the paper's, then those of its field."""
