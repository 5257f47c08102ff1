"""A model to give away, and the cards that say what it is."""
