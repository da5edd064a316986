"""The document as YAML that people can read."""

import yaml

from shared.asyncapi.schemas import Json

HEAD = "# Made from the code by `python -m shared.asyncapi`: change it there.\n"


def to_yaml(document: Json) -> str:
    """The document's text; what is longer than a line stands in lines of its own."""
    return HEAD + yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100
    )


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - PyYAML's signature
        """Whatever occurs twice is written twice."""
        return True


def _text(_: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return yaml.ScalarNode("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)
