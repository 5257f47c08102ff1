"""Builders of question sets: what M_t knows by its own word (`pkqa`), what it cannot know (`puqa`)."""
