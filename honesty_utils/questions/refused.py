"""Sets of the field that are known and not offered: naming one says why, and which way is open."""

REFUSED = {
    "mohobench": "its questions are about images, which the engines of this project do not take, and a caption in the "
    "place of the image asks something else; evaluate it with a model that takes images, and score what a judge says "
    "of refusals with honesty score --scorer should_refuse",
    "abstentionbench": "its indices and the prompt of its judge are under CC BY-NC 4.0, and the parts keep their own "
    "licences; take the parts: selfaware, umwp, falseqa, bbh_disambiguation, freshqa, kuq, coconot",
    "are_you_sure": "no licence is stated; evaluation.doubt asks the same of every set of multiple choice: each answer "
    "is doubted once, and tab_doubt counts who gives in (replies from elsewhere: honesty score --scorer stance)",
}
"""Why a set is not offered, by the name that its source would have."""
