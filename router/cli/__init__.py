"""The command line: one small module for each group of commands, and how answers are printed."""
