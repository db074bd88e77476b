"""What tools/bench tells of its runs: medians, ratios of pairs with their interval, a table, and what is kept of a result."""
import datetime
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess

from proxies import MANY

COMPARED = (("names1", "names10k", "server names"), ("locations1", "locations10k", "locations"))  # many with one
RIVALS = ("nginx", "haproxy")  # the ratio is to the better of these
MEASURES = {"idle": "bytes", "tail": "quiet p99.9", "tlsidle": "bytes", "tlsbeside": "p99"}  # of the others: cpu_us
CLOSE, ENOUGH = 0.10, 20  # a margin under the first needs that many pairs


def interval(values: list) -> tuple:
    """Of the median, at least 95 % by order statistics; the extremes when there are too few values."""
    ordered, n = sorted(values), len(values)
    k, cumulative, term = 0, 0.0, 0.5**n
    while cumulative + term <= 0.025 and k < n // 2:
        cumulative += term
        k += 1
        term = term * (n - k + 1) / k
    k = max(0, k - 1) if cumulative > 0 else 0
    return ordered[k], ordered[n - 1 - k]


def summary(results: dict) -> dict:
    """`results`: scenario -> proxy -> runs, in the order they were made: those with the same number were neighbours in time."""
    told = {}
    for scenario, by_proxy in results.items():
        key = MEASURES.get(scenario, "cpu_us")
        medians = {name: {k: statistics.median(run[k] for run in runs) for k in runs[0]} for name, runs in by_proxy.items()}
        row = {"measure": key, "medians": medians}
        rivals = [name for name in RIVALS if name in medians]
        if rivals and "weir" in medians:
            best = min(rivals, key=lambda name: medians[name][key])
            pairs = [a[key] / b[key] for a, b in zip(by_proxy["weir"], by_proxy[best]) if b[key]]
            if pairs:
                row["best"], row["ratio"] = best, statistics.median(pairs)
                row["interval"], row["pairs"] = interval(pairs), len(pairs)
        for name in ("relay", "old", "floor"):
            if name in medians and "weir" in medians and medians[name][key]:
                row[f"to_{name}"] = statistics.median(a[key] / b[key] for a, b in zip(by_proxy["weir"], by_proxy[name]) if b[key])
        told[scenario] = row
    return told


def undecided(scenario: str, row: dict) -> bool:
    """Too close for so few pairs. Memory is counted, not timed: one run tells it."""
    return MEASURES.get(scenario) != "bytes" and "ratio" in row and abs(1 - row["ratio"]) < CLOSE and row["pairs"] < ENOUGH


def line(title: str, medians: dict, key: str, proxies: list, scale: float = 1, after: str = ""):
    cells = "".join(f"{medians[name][key] * scale:>10.1f}" if name in medians else f"{'-':>10}" for name in proxies)
    print(f"{title:46}{cells}   {after}".rstrip())


def table(told: dict, proxies: list, titles: dict):
    print(f"{'':46}" + "".join(f"{name:>10}" for name in proxies) + f"   {'weir to the best [95 %]':34}{'pairs':>5}   to the relay")
    marked = False
    for scenario, row in told.items():
        after = ""
        if "ratio" in row:
            mark = " *" if undecided(scenario, row) else ""
            marked = marked or bool(mark)
            low, high = row["interval"]
            ratio = f"{row['ratio']:.2f} [{low:.2f} {high:.2f}] {row['best']}{mark}"
            after = f"{ratio:34}{row['pairs']:>5}"
        if "to_relay" in row:
            after = f"{after:39}   {row['to_relay']:.2f}"
        if "to_floor" in row:
            after = f"{after:46}   to OpenSSL alone {row['to_floor']:.2f}"
        if "to_old" in row:
            after = f"{after:46}   to the old {row['to_old']:.3f}"
        unit = {"bytes": "", "cpu_us": ", CPU us"}.get(row["measure"], ", us")
        line(titles[scenario] + unit, row["medians"], row["measure"], proxies, after=after)
        if scenario == "tail":
            line("  p99.9 of whole runs, us", row["medians"], "p99.9", proxies)
        if scenario == "tlsbeside":
            line("  handshakes done a second", row["medians"], "handshakes", proxies)
        if row["measure"] == "bytes":
            line("  of it given back after they closed, %", row["medians"], "returned", proxies, 100)
    for one, many, what in COMPARED:
        if one in told and many in told:
            both = [name for name in proxies if name in told[one]["medians"] and name in told[many]["medians"]]
            ratios = ", ".join(f"{name} {told[many]['medians'][name]['cpu_us'] / told[one]['medians'][name]['cpu_us']:.2f}" for name in both)
            print(f"{MANY:,} {what} to one, CPU: {ratios}")
    if marked:
        print(f"*  a margin under {CLOSE:.0%} with fewer than {ENOUGH} pairs: not decided, run with --rounds {ENOUGH} or more")


def machine() -> dict:
    model = re.search(r"^model name\s*:\s*(.+)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    return {"cpu": model.group(1) if model else platform.machine(), "cores": os.cpu_count(), "kernel": platform.release().split("-")[0]}


def versions(proxies: list, options) -> dict:
    commands = {"weir": [options.weir, "-v"], "nginx": [options.nginx, "-v"], "haproxy": [options.haproxy, "-v"], "nghttpx": ["nghttpx", "--version"], "caddy": ["caddy", "version"]}
    told = {}
    for name in proxies:
        if name in commands:
            done = subprocess.run(commands[name], capture_output=True, text=True, timeout=30)
            found = re.search(r"\d+\.\d+(\.\d+)?", done.stdout + done.stderr)
            told[name] = found.group(0) if found else "?"
    return told


def kept(told: dict, options, proxies: list) -> dict:
    """What a reader needs later, without the single runs and without this machine's paths."""
    short = json.loads(json.dumps(told), parse_float=lambda text: round(float(text), 4))
    for scenario, row in short.items():
        row["undecided"] = undecided(scenario, row)
    return {"date": datetime.date.today().isoformat(), "machine": machine(), "versions": versions(proxies, options),
            "options": {"rounds": options.rounds, "seconds": options.seconds, "workers": options.workers}, "summary": short}


def charted(titles: dict) -> dict:
    """The scenarios the chart shows: requests by their cost. Tables of names and locations are compared with themselves."""
    itself = {name for one, many, _ in COMPARED for name in (one, many)}
    return {name: title for name, title in titles.items() if name not in MEASURES and name not in itself}
