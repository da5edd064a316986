"""What Traefik would do with a request, by the rules of an IngressRoute."""

import re
from collections.abc import Iterable

from tests.support.manifests import Node, at, nodes, of_kind

_CALL = re.compile(r"(Method|Path|PathPrefix|PathRegexp)\(`([^`]*)`\)")


def chosen(documents: Iterable[Node], method: str, path: str) -> set[str]:
    """The Services, `name:port`, to which some rule of `websecure` sends the request."""
    return {
        f"{at(service, 'name')}:{at(service, 'port')}"
        for each in of_kind(documents, "IngressRoute")
        if at(each, "spec", "entryPoints") == ["websecure"]
        for route in nodes(at(each, "spec", "routes"))
        if holds(str(route.get("match")), method, path)
        for service in nodes(route.get("services"))
    }


def holds(rule: str, method: str, path: str) -> bool:
    """Whether a rule of the form `(Method … || Method …) && Path…` holds."""
    asked, _, place = rule.rpartition(" && ")
    methods = [value for name, value in _CALL.findall(asked) if name == "Method"]
    assert methods, f"no method in {rule}"
    found = _CALL.fullmatch(place)
    assert found, f"not understood: {rule}"
    kind, value = found[1], found[2]
    if method not in methods:
        return False
    match kind:
        case "Path":
            return path == value
        case "PathPrefix":
            return path.startswith(value)
        case "PathRegexp":
            return re.search(value, path) is not None
        case _:
            raise AssertionError(rule)


def middlewares(documents: Iterable[Node]) -> list[str]:
    """Middlewares that hold back a stream: they have no place on any route."""
    return [
        str(at(each, "metadata", "name"))
        for each in of_kind(documents, "Middleware")
        for kind in ("compress", "buffering")
        if at(each, "spec", kind) is not None
    ]
