"""Plots of docs/Accuracy.md as SVG text: accuracy against bytes and against microseconds, and the curves of trainings."""
import math

from figures import FAMILIES

COLOURS = {"mlp": "#7f7f7f", "dense": "#1f77b4", "cnn": "#d62728", "small": "#2ca02c", "residual": "#9467bd"}
WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 760, 460, 60, 50, 20, 130


class Axes:
    """A panel `number` of panels side by side: x from `low` to `high`, logarithmic where `logarithmic`, y from `least` to `most`."""

    def __init__(self, number, low, high, least, most, logarithmic):
        self.left, self.low, self.high, self.least, self.most = LEFT + number * WIDTH, low, high, least, most
        self.scale = math.log if logarithmic else float
        self.parts = []

    def x(self, value):
        span = self.scale(self.high) - self.scale(self.low) or 1.0
        return self.left + 30 + (WIDTH - LEFT - RIGHT - 30) * (self.scale(value) - self.scale(self.low)) / span

    def y(self, value):
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * (value - self.least) / (self.most - self.least)

    def text(self, x, y, text, **attributes):
        words = "".join(f' {key.replace("_", "-")}="{value}"' for key, value in attributes.items())
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}"{words}>{text}</text>')

    def path(self, points, colour, **attributes):
        words = "".join(f' {key.replace("_", "-")}="{value}"' for key, value in attributes.items())
        self.parts.append(f'<path d="M{"L".join(f"{x:.1f} {y:.1f}" for x, y in points)}" stroke="{colour}" fill="none"{words}/>')

    def rules(self, up, x_title, y_title, step=0.2):
        """The lines at `up` (x) and at multiples of `step` (y), with their numbers and titles."""
        for i in range(round((self.most - self.least) / step) + 1):
            value = self.least + i * step
            self.path([(self.left, self.y(value)), (self.left + WIDTH - LEFT - 10, self.y(value))], "#ddd")
            self.text(self.left - 6, self.y(value) + 4, f"{value:.1f}", text_anchor="end")
        for value in up:
            self.path([(self.x(value), TOP), (self.x(value), HEIGHT - BOTTOM)], "#eee")
            self.text(self.x(value), HEIGHT - BOTTOM + 16, f"{value:,}", text_anchor="middle")
        self.text(self.left + (WIDTH - LEFT) / 2, HEIGHT - 12, x_title, text_anchor="middle")
        at = self.left - LEFT + 14
        self.text(at, HEIGHT / 2, y_title, text_anchor="middle", transform=f"rotate(-90 {at} {HEIGHT / 2})")


def document(panels):
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH * len(panels)} {HEIGHT}" font-family="sans-serif" font-size="10">',
             f'<rect width="{WIDTH * len(panels)}" height="{HEIGHT}" fill="white"/>']
    return "\n".join(lines + [part for panel in panels for part in panel.parts] + ["</svg>", ""])


def round_numbers(low, high):
    """1 and 3 times powers of ten in a range."""
    return [size for power in range(9) for size in (10**power, 3 * 10**power) if low <= size <= high]


def floor_of(least, most):
    """The range of accuracies, in fifths of a point, without what is far below the rest."""
    return math.floor(least * 5) / 5, math.ceil(most * 5) / 5


def scatter(number, points, x_title):
    """A panel of (name, colour, x, least, mean, most)."""
    xs, least, most = [p[2] for p in points], min(p[3] for p in points), max(p[5] for p in points)
    axes = Axes(number, min(xs), max(xs), *floor_of(least, most), logarithmic=True)
    axes.rules(round_numbers(min(xs), max(xs)), x_title, "accuracy on the test images, %")
    names = []
    for name, colour, x, low, mean, high in points:
        axes.path([(axes.x(x), axes.y(low)), (axes.x(x), axes.y(high))], colour)
        axes.parts.append(f'<circle cx="{axes.x(x):.1f}" cy="{axes.y(mean):.1f}" r="4" fill="{colour}"/>')
        names.append((name, colour, axes.x(x) + 7, axes.y(mean) + 4))
    for (name, colour, x, _), y in zip(names, apart(names)):
        axes.text(x, y, name, fill=colour)
    return axes


def apart(names, height=11, letter=5.2):
    """Where the names (name, _, x, y) go up or down to, the nearest place at which none covers another."""
    placed = []
    for name, _, x, y in names:
        end = x + letter * len(name)
        steps = sorted(range(-40, 41), key=lambda step: (abs(step), step))
        free = lambda at: all(end < left or right < x or abs(at - other) >= height for left, right, other in placed)
        placed.append((x, end, next((y + 2 * step for step in steps if free(y + 2 * step)), y)))
    return [y for _, _, y in placed]


def plot(rows, timed):
    """Accuracy against bytes of the light file, and against microseconds of one image, of summaries and of times by recipe."""
    family = {name: dense for dense, (_, members) in FAMILIES.items() for name in members}
    point = lambda row, x: (row["recipe"], COLOURS[family[row["recipe"]]], x, row["least"], row["accuracy"], row["most"])
    panels = [scatter(0, [point(row, row["tensor_bytes"]) for row in rows], "bytes of the ONNX file's tensors")]
    quick = [point(row, timed[row["recipe"]]["us"]["1"]["ours"]) for row in rows if row["recipe"] in timed]
    if quick:
        panels.append(scatter(1, quick, "microseconds of one image, one thread"))
    return document(panels)


def curves(records):
    """Accuracy on the held-out images after each part of a training; `records` maps a name to its list of (what, percent)."""
    records = {name: curve for name, curve in records.items() if curve}
    values = [percent for curve in records.values() for _, percent in curve]
    longest = max(map(len, records.values()))
    least, most = math.floor(max(min(values), max(values) - 3) * 5) / 5, math.ceil(max(values) * 5) / 5
    axes = Axes(0, 1, max(longest, 2), least, most, logarithmic=False)
    axes.rules(range(1, longest + 1), "part of the training: a projection, or an epoch", "accuracy on the held-out images, %")
    palette = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22")
    names = []
    for number, (name, curve) in enumerate(records.items()):
        colour = palette[number % len(palette)]
        points = [(axes.x(i + 1), axes.y(max(percent, least))) for i, (_, percent) in enumerate(curve)]
        axes.path(points, colour)
        for (x, y), (what, _) in zip(points, curve):
            filled = colour if "projection" in what or "decomposition" in what else "white"
            axes.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" stroke="{colour}" fill="{filled}"/>')
        names.append((name, colour, points[-1][0] + 7, points[-1][1] + 4))
    for (name, colour, x, _), y in zip(names, apart(names)):
        axes.text(x, y, name, fill=colour)
    return document([axes])
