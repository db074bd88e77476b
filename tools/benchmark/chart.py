"""The chart of tools/bench as SVG: CPU per request by proxy, one panel a scenario, each on a scale of its own. Light and dark."""
from html import escape

ORDER = ("weir", "nginx", "haproxy", "nghttpx", "caddy", "relay", "floor")
SHOWN = {"haproxy": "HAProxy", "caddy": "Caddy", "relay": "bare relay", "floor": "OpenSSL"}
MARGIN, PANEL, GUTTER, TOP = 24, 400, 32, 84
NAME, SCALE, ROW, BAR = 76, 250, 20, 13  # a panel: names, bars, then the figure
STYLE = """
  svg { font-family: system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; font-size: 12px }
  .card { fill: #ffffff; stroke: #d8dee4 } text { fill: #57606a } .title, .weir { fill: #1f2328; font-weight: 600 }
  .head { font-size: 18px } .small { font-size: 11px } .figure { font-variant-numeric: tabular-nums }
  .bar { fill: #b6c0cb } .bar.weir { fill: #0b7a56 } .bar.relay { fill: none; stroke: #8c959f; stroke-dasharray: 3 2 } .cut { fill: #ffffff }
  .ratio { fill: #0b7a56; font-weight: 600 } .ratio.behind { fill: #b35900 } .axis { stroke: #d8dee4 }
  @media (prefers-color-scheme: dark) {
    .card { fill: #0d1117; stroke: #30363d } text { fill: #9da7b3 } .title, .weir { fill: #f0f6fc }
    .bar { fill: #4a5562 } .bar.weir { fill: #2fb886 } .bar.relay { stroke: #768390 } .cut { fill: #0d1117 }
    .ratio { fill: #3fca95 } .ratio.behind { fill: #e3a04f } .axis { stroke: #30363d }
  }
"""


def scale_of(values: dict) -> float:
    """What fills the width: the largest, unless it is so far out that it would flatten all others; then its bar is cut."""
    ordered = sorted(values.values())
    if len(ordered) > 2 and ordered[-1] > 2.5 * ordered[-2]:
        return ordered[-2] * 1.2
    return ordered[-1]


def panel(x: float, y: float, title: str, row: dict) -> list:
    values = {name: row["medians"][name]["cpu_us"] for name in ORDER if name in row["medians"]}
    most = scale_of(values) or 1
    parts = [f'<text class="title" x="{x}" y="{y}">{escape(title)}</text>']
    if "ratio" in row:
        behind = " behind" if row["ratio"] > 1 else ""
        best = SHOWN.get(row["best"], row["best"])
        parts.append(f'<text class="ratio{behind}" x="{x + PANEL}" y="{y}" text-anchor="end">{row["ratio"]:.2f} of {escape(best)}</text>')
    y += 10
    left = x + NAME
    parts.append(f'<path class="axis" d="M{left - 0.5} {y}v{ROW * len(values)}"/>')
    for name, value in values.items():
        base, width, cut = y + BAR, min(value / most, 1) * SCALE, value > most
        kind = {"weir": "weir", "relay": "relay", "floor": "relay"}.get(name, "other")
        parts.append(f'<text class="{kind}" x="{left - 8}" y="{base}" text-anchor="end">{escape(SHOWN.get(name, name))}</text>')
        parts.append(f'<rect class="bar {kind}" x="{left}" y="{y + 3}" width="{max(width, 1):.1f}" height="{BAR}" rx="2"/>')
        if cut:  # two slits say that the bar goes on
            for at in (width - 22, width - 15):
                parts.append(f'<path class="cut" d="M{left + at:.1f} {y + BAR + 5}l6 -{BAR + 4}h3l-6 {BAR + 4}z"/>')
        parts.append(f'<text class="figure {kind}" x="{left + width + 7:.1f}" y="{base}">{value:,.1f}</text>')
        y += ROW
    return parts


def draw(result: dict, titles: dict) -> str:
    """`result`: what report.kept() makes. `titles`: scenario -> what a reader sees; the order of the panels."""
    rows = [(title, result["summary"][name]) for name, title in titles.items() if name in result["summary"]]
    rows.sort(key=lambda row: -len(row[1]["medians"]))  # short panels last: they leave no hole
    width = 2 * MARGIN + 2 * PANEL + GUTTER
    parts, y = [], TOP
    for at in range(0, len(rows), 2):
        pair = rows[at:at + 2]
        for column, (title, row) in enumerate(pair):
            parts += panel(MARGIN + column * (PANEL + GUTTER), y, title, row)
        y += ROW * max(len(row["medians"]) for _, row in pair) + 44
    options, machine = result["options"], result["machine"]
    cores = "one core for the proxy" if options["workers"] == 1 else f"{options['workers']} workers or threads each"
    versions = ", ".join(f"{SHOWN.get(name, name)} {version}" for name, version in result["versions"].items())
    foot = [f"{result['date']}: {machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}; {cores}, medians of {options['rounds']} runs "
            f"of {options['seconds']:g} s.", f"{versions}. The bare relay copies bytes and looks at nothing; OpenSSL: a server of nothing else, without a backend. "
            "Again: tools/bench"]
    height = y + 16 * len(foot)
    head = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img">',
            "<title>CPU per request of weir and other proxies</title>", f"<style>{STYLE}</style>",
            f'<rect class="card" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="10"/>',
            f'<text class="title head" x="{MARGIN}" y="36">CPU microseconds per request</text>',
            f'<text x="{MARGIN}" y="55">Less is better. Beside each title: weir to the better of nginx and HAProxy.</text>']
    tail = [f'<text class="small" x="{MARGIN}" y="{y + 16 * i}">{escape(line)}</text>' for i, line in enumerate(foot)]
    return "\n".join(head + parts + tail + ["</svg>"]) + "\n"
