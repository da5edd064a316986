"""`python -m services.transcriber.dev`: the transcriber, with its model in a process beside it.

`shared.reload` runs this in place of `services.transcriber`.
"""

from services.transcriber.process import prepare

prepare()

# Only now: they import numpy.
# ruff: noqa: E402
from services.transcriber.app import main
from services.transcriber.kept import kept_model
from shared import lifecycle

if __name__ == "__main__":
    lifecycle.run("transcriber", lambda life: main(life, kept_model))
