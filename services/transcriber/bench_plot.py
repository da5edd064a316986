"""A plot of speeds as SVG, without a library: a few bars need none."""

from collections.abc import Sequence
from html import escape

from services.transcriber.bench_speed import Speed, best

_BAR, _GAP, _HEIGHT, _TOP, _LEFT = 64, 24, 240, 56, 24


def plot(speeds: Sequence[Speed], model: str) -> str:
    """The document: a bar for each batch size, the best one filled."""
    width = 2 * _LEFT + len(speeds) * (_BAR + _GAP)
    fastest = max(speed.times for speed in speeds)
    bars = [_bar(n, speed, fastest, best(speeds)) for n, speed in enumerate(speeds)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{_HEIGHT + 112}" '
            'font-family="sans-serif" font-size="13">',
            '<rect width="100%" height="100%" fill="white"/>',
            f'<text x="{_LEFT}" y="24">{escape(model)}: times real time, by batch size</text>',
            *bars,
            "</svg>\n",
        ]
    )


def _bar(number: int, speed: Speed, fastest: float, chosen: Speed) -> str:
    height = _HEIGHT * speed.times / fastest
    x, y = _LEFT + number * (_BAR + _GAP), _TOP + _HEIGHT - height
    fill = "#1f6feb" if speed is chosen else "#9db8dd"
    middle = x + _BAR / 2
    return (
        f'<rect x="{x}" y="{y:.1f}" width="{_BAR}" height="{height:.1f}" fill="{fill}"/>'
        f'<text x="{middle:.0f}" y="{y - 6:.1f}" text-anchor="middle">{speed.times:.1f}</text>'
        f'<text x="{middle:.0f}" y="{_TOP + _HEIGHT + 20}" text-anchor="middle">'
        f"{speed.batch}</text>"
    )
