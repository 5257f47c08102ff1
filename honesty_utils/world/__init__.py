"""The microworld: people, texts about them, tasks, words, and its model from nothing."""
