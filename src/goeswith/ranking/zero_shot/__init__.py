"""A pair model learned on other shops' data, for a catalogue without a log."""
