"""Makes the manifests that are data elsewhere: NATS' users, routes, policies, scaling.

.venv/bin/python -m deploy.k3s.renew
"""

from collections.abc import Mapping
from pathlib import Path

import yaml

from deploy.k3s import network, routes, scaling
from shared.rights import users
from shared.rights_config import authorization, variable

FOLDER = Path(__file__).parent
_NOTE = "# Made by `python -m deploy.k3s.renew`.\n"


class _Plain(yaml.SafeDumper):
    """Writes equal parts out each time: anchors would make them hard to read."""

    def ignore_aliases(self, data: object) -> bool:
        """See PyYAML."""
        del data
        return True


def files() -> Mapping[str, str]:
    """What each file holds, by its path below this folder."""
    made = {"base/users.conf": _NOTE + authorization(users(), lambda name: f"${variable(name)}")}
    made["base/routes.yaml"] = _yaml(routes.ingress())
    made["components/keda/scaled-object.yaml"] = _yaml(scaling.scaled_object())
    for place in network.ARROWS:
        made[f"{place}/network.yaml"] = _yaml(*network.policies(place))
    return made


def _yaml(*documents: dict[str, object]) -> str:
    return _NOTE + yaml.dump_all(documents, Dumper=_Plain, sort_keys=False, width=200)


def main() -> None:
    """Write them."""
    for name, content in files().items():
        (FOLDER / name).write_text(content, "utf-8")


if __name__ == "__main__":
    main()
