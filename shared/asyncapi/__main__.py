"""Writes `docs/asyncapi.yaml` in the working directory."""

from pathlib import Path

from shared.asyncapi.document import document
from shared.asyncapi.text import to_yaml

PLACE = Path("docs/asyncapi.yaml")


def main() -> None:
    """Renew the file."""
    PLACE.write_text(to_yaml(document()), "utf-8")


if __name__ == "__main__":
    main()
