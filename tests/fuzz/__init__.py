"""Coverage-guided fuzzing of the readers of files with atheris: `python -m tests.fuzz.checkpoints -max_total_time=60`."""
