"""`python -m services.transcriber`: the transcriber as a process."""

from services.transcriber.process import prepare
from shared import lifecycle

if __name__ == "__main__":
    prepare()

    from services.transcriber.app import main

    lifecycle.run("transcriber", main)
