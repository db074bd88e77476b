"""One chart of bars: CPU per request of each proxy, a group a scenario, each group on a scale of its own."""
COLOURS = {"weir": "#0b6e4f", "nginx": "#6c8ebf", "haproxy": "#b5838d", "nghttpx": "#c9a66b", "caddy": "#a5a5a5", "relay": "#d9d9d9"}
LABEL, BAR, WIDTH, GAP = 90, 15, 420, 14


def draw(groups: dict) -> str:
    """`groups`: title -> proxy -> microseconds."""
    y, parts = 34, []
    for title, values in groups.items():
        most = max(v for name, v in values.items() if name != "caddy") if len(values) > 1 else max(values.values())
        parts.append(f'<text x="10" y="{y}" font-weight="600">{title}</text>')
        y += 8
        for name in COLOURS:
            if name not in values:
                continue
            value = values[name]
            width = min(value / most, 1.08) * WIDTH
            parts.append(f'<text x="{LABEL - 6}" y="{y + BAR - 4}" text-anchor="end">{name}</text>')
            parts.append(f'<rect x="{LABEL}" y="{y}" width="{width:.0f}" height="{BAR - 3}" fill="{COLOURS[name]}"/>')
            parts.append(f'<text x="{LABEL + width + 6:.0f}" y="{y + BAR - 4}">{value:.1f}</text>')
            y += BAR
        y += GAP + 10
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{LABEL + WIDTH + 110}" height="{y}" font-family="sans-serif" font-size="11">'
            '<rect width="100%" height="100%" fill="white"/><text x="10" y="16" font-size="13">CPU microseconds of the proxy per request (less is better; '
            "bars that leave the scale are cut)</text>")
    return head + "".join(parts) + "</svg>\n"
