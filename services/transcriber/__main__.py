"""`python -m services.transcriber`: the transcriber as a process."""

from services.transcriber.app import main
from shared import lifecycle

if __name__ == "__main__":
    lifecycle.run("transcriber", main)
