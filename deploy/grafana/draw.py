#!/usr/bin/python3
"""draw.py PROMETHEUS MINUTES FILE.png [END]: draws the dashboard's panels from the dashboard's JSON and from what a Prometheus
(host:port) answers to its queries, for the minutes before now or before END (seconds since 1970). It makes the picture in the
documents where there is no Grafana, and needs python3-matplotlib."""

import sys
import time
from pathlib import Path

import matplotlib
import matplotlib.dates
import matplotlib.pyplot as plt
import matplotlib.ticker

sys.path.append(str(Path(__file__).resolve().parents[1] / "check"))
import queries  # noqa: E402

STEP = 15
COLORS = {"green": "#73BF69", "red": "#F2495C", "dark-red": "#C4162A", "yellow": "#FADE2A", "purple": "#B877D9",
          "blue": "#5794F2", "orange": "#FF9830"}
OTHERS = ["#73BF69", "#FADE2A", "#5794F2", "#FF9830", "#F2495C", "#B877D9", "#8AB8FF"]
SUFFIX = {"ops": "/s", "pixels/s": " px/s", "Bps": " B/s"}


def written(value, unit):
    if unit == "percentunit":
        return f"{value * 100:.3g} %"
    if unit == "s" and value < 60:
        return f"{value:.3g} s" if value >= 1 or value == 0 else f"{value * 1000:.3g} ms"
    if unit == "s":
        return f"{value / 60:.3g} min"
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:.3g} {letter}{SUFFIX.get(unit, '')}"
    return f"{value:.3g}{SUFFIX.get(unit, '')}"


def color(name):
    return COLORS.get(name, name)


def series(prometheus, panel, start, end):
    """[(legend, {time: value})]"""
    found = []
    for target in panel["targets"]:
        query = queries.panels()[f"{panel['title']} {target['refId']}"]
        for one in prometheus.api("query_range", query=query, start=start, end=end, step=STEP)["result"]:
            legend = target["legendFormat"]
            for label, value in one["metric"].items():
                legend = legend.replace("{{" + label + "}}", value)
            found.append((legend, {round(at): float(value) for at, value in one["values"] if value not in ("NaN", "+Inf")}))
    return found


def draw_stat(axes, panel, found, _times):
    axes.set_axis_off()
    if not found or not found[0][1]:
        axes.text(0.5, 0.45, "No data", ha="center", va="center", color="#8e8e8e", fontsize=15)
        return
    values = list(found[0][1].items())
    defaults = panel["fieldConfig"]["defaults"]
    steps = defaults["thresholds"]["steps"]
    shade = color([step["color"] for step in steps if step["value"] is None or values[-1][1] >= step["value"]][-1])
    axes.text(0.5, 0.62, written(values[-1][1], defaults["unit"]), ha="center", va="center", color=shade, fontsize=21,
              transform=axes.transAxes)
    line = axes.inset_axes([0, 0, 1, 0.35])
    line.set_axis_off()
    line.fill_between(*zip(*values), color=shade, alpha=0.25)


def draw_lines(axes, panel, found, times):
    defaults = panel["fieldConfig"]["defaults"]
    fixed = {override["matcher"]["options"]: color(override["properties"][0]["value"]["fixedColor"])
             for override in panel["fieldConfig"]["overrides"]}
    stacked = "stacking" in defaults["custom"]
    floor = [0.0] * len(times)
    hours = [at / 86400 for at in times]  # matplotlib's dates are days since 1970
    for number, (legend, values) in enumerate(found):
        shade = fixed.get(legend, OTHERS[number % len(OTHERS)])
        line = [values.get(at, 0.0 if stacked else float("nan")) for at in times]
        if stacked:
            top = [low + value for low, value in zip(floor, line)]
            axes.fill_between(hours, floor, top, color=shade, alpha=0.35, linewidth=0)
            # A series that is zero gets no line: it would lie on the line of the series below it, in another colour.
            line, floor = [high if value else float("nan") for high, value in zip(top, line)], top
        axes.plot(hours, line, color=shade, linewidth=1.2, label=legend)
    axes.set_xlim(hours[0], hours[-1])
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_formatter(matplotlib.dates.DateFormatter("%H:%M"))
    axes.yaxis.set_major_formatter(lambda value, _: written(value, defaults["unit"]))
    axes.yaxis.set_major_locator(matplotlib.ticker.MaxNLocator(5))
    axes.grid(color="#2c3235", linewidth=0.6)
    axes.tick_params(colors="#9fa7b3", labelsize=7, length=0)
    if found:
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), ncol=4, fontsize=7, frameon=False, labelcolor="#c7d0d9")


def main():
    prometheus, file = queries.Prometheus(sys.argv[1]), sys.argv[3]
    end = int(sys.argv[4] if len(sys.argv) > 4 else time.time()) // STEP * STEP
    times = list(range(end - int(sys.argv[2]) * 60, end + 1, STEP))
    dashboard = queries.dashboard()
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in dashboard["panels"])
    figure = plt.figure(figsize=(14, rows * 0.31), facecolor="#111217", dpi=100)
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        x, y, width, height = place["x"] / 24, 1 - (place["y"] + place["h"]) / rows, place["w"] / 24, place["h"] / rows
        figure.add_artist(plt.Rectangle((x + 0.002, y + 0.003), width - 0.004, height - 0.006, color="#181b1f", zorder=-1,
                                        transform=figure.transFigure))
        figure.text(x + 0.008, y + height - 0.009, panel["title"], color="#ccccdc", fontsize=9, va="top")
        inner = {"stat": (0.01, 0.01, 0.02, 0.045), "timeseries": (0.045, 0.042, 0.055, 0.07)}[panel["type"]]
        axes = figure.add_axes([x + inner[0], y + inner[1], width - inner[2], height - inner[3]], facecolor="#181b1f")
        for spine in axes.spines.values():
            spine.set_visible(False)
        draw = {"stat": draw_stat, "timeseries": draw_lines}[panel["type"]]
        draw(axes, panel, series(prometheus, panel, times[0], times[-1]), times)
    figure.savefig(file, facecolor=figure.get_facecolor())


main()
