"use strict";
// Draws what "?json", "?history=UPSTREAM" and the events of "?events" say. No framework, nothing from elsewhere.
const $ = id => document.getElementById(id);
const el = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") node.className = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter(child => child !== null && child !== undefined));
  return node;
};
const svgNode = (tag, attributes) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
};

// --- numbers
const count = n => n >= 1e9 ? (n / 1e9).toFixed(1) + "G" : n >= 1e6 ? (n / 1e6).toFixed(1) + "M" : n >= 1e4 ? (n / 1e3).toFixed(1) + "k" : String(Math.round(n));
const rate = n => n >= 1000 ? count(n) : n >= 100 ? n.toFixed(0) : n === 0 ? "0" : n < 0.1 ? n.toFixed(2) : n.toFixed(1);
const time = us => us === 0 ? "–" : us < 1000 ? us + " µs" : us < 1e4 ? (us / 1e3).toFixed(1) + " ms" : us < 1e6 ? Math.round(us / 1e3) + " ms" : (us / 1e6).toFixed(us < 1e7 ? 2 : 1) + " s";
const bytes = n => n >= 1 << 30 ? (n / (1 << 30)).toFixed(1) + " GB" : n >= 1 << 20 ? (n / (1 << 20)).toFixed(1) + " MB" : n >= 1024 ? (n / 1024).toFixed(1) + " KB" : n + " B";
const ago = ms => ms < 1500 ? "now" : ms < 120e3 ? Math.round(ms / 1e3) + " s" : ms < 120 * 60e3 ? Math.round(ms / 60e3) + " min" : ms < 48 * 3600e3 ? Math.round(ms / 3600e3) + " h" : Math.round(ms / 86400e3) + " d";
const clock = ms => new Date(ms).toLocaleTimeString([], {hour12: false});

// --- what is known
const MOST = 60, COLUMNS = ["requests", "errors", "p50_us", "p99_us", "load"];
let data = null, interval = 3, points = 300, paused = false, source = null;
let upstreams = [], peers = [], lastRetries = null, retryRate = [];
const views = new Map();  // by key of a peer: its row
const state = {show: "all", text: "", sort: "", open: new Set(), limit: new Map()};
const RANK = {unhealthy: 0, ejected: 1, down: 2, draining: 3, drained: 4, up: 5};
const TONE = {up: "", unhealthy: "bad", ejected: "bad", down: "warning", draining: "calm", drained: "plain"};

const emptyHistory = () => Object.fromEntries(COLUMNS.map(name => [name, []]));
const push = (history, point) => {
  if (!history || !point) return;
  COLUMNS.forEach((name, i) => {
    history[name].push(point[i]);
    if (history[name].length > points) history[name].shift();
  });
};
const last = (history, name) => history && history[name].length ? history[name][history[name].length - 1] : 0;
const perSecond = (history, name) => last(history, name) / interval;

// --- charts: the newest point is at the right edge, 15 minutes ago at the left; null is a gap
const gaps = values => values.map(value => value === 0 ? null : value);
const line = (values, most, height, width = points) => {
  let path = "", gap = true;
  const from = width - values.length, scale = (height - 2) / (most || 1);
  values.forEach((value, i) => {
    if (value === null) { gap = true; return; }
    path += (gap ? "M" : "L") + (from + i) + " " + (height - 1 - Math.min(value, most) * scale).toFixed(1);
    gap = false;
  });
  return path;
};
// Each run between gaps is an area of its own.
const area = (values, most, height, width = points) => {
  let path = "", from = -1;
  const x = width - values.length;
  for (let i = 0; i <= values.length; ++i) {
    const there = i < values.length && values[i] !== null;
    if (there && from < 0) from = i;
    if (there || from < 0) continue;
    const run = values.slice(from, i).map((value, k) => "L" + (x + from + k) + " " + (height - 1 - Math.min(value, most) * (height - 2) / (most || 1)).toFixed(1));
    path += "M" + (x + from) + " " + height + run.join("") + "L" + (x + i - 1) + " " + height + "Z";
    from = -1;
  }
  return path;
};
const niceMost = value => {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value)), first = value / power;
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find(step => first <= step) * power;
};
const spark = (lines, height = 24, most = 0) => {
  const width = Math.max(points, 2), svg = svgNode("svg", {viewBox: `0 0 ${width - 1} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true"});
  const top = most || Math.max(1, ...lines.flatMap(each => each.values.slice(-points)));
  for (const each of lines) {
    svg.append(svgNode("path", {class: each.key + " area", d: area(each.values, top, height, width)}));
    svg.append(svgNode("path", {class: each.key, d: line(each.values, top, height, width)}));
  }
  return svg;
};

class Chart {
  // lines: [{name, key, values(): numbers, format}]
  constructor(title, lines) {
    this.lines = lines;
    this.legend = el("div", {class: "legend"});
    this.most = el("span", {class: "most"});
    this.svg = svgNode("svg", {preserveAspectRatio: "none", role: "img"});
    this.svg.setAttribute("aria-label", title);
    this.cross = el("div", {class: "cross", hidden: true});
    this.root = el("div", {class: "chart"}, this.legend, this.most, this.svg, this.cross,
                   el("div", {class: "axis"}, el("span", {}, "15 min ago"), el("span", {}, "now")));
    this.svg.addEventListener("pointermove", event => this.point(event));
    this.svg.addEventListener("pointerleave", () => { this.cross.hidden = $("tip").hidden = true; });
  }
  draw() {
    const height = 72, width = Math.max(points, 2);
    this.values = this.lines.map(each => each.values());
    const most = niceMost(Math.max(0, ...this.values.flat()));
    this.svg.setAttribute("viewBox", `0 0 ${width - 1} ${height}`);
    this.svg.replaceChildren(...this.lines.flatMap((each, i) => [
      svgNode("path", {class: each.key + " area", d: area(this.values[i], most, height, width)}),
      svgNode("path", {class: each.key, d: line(this.values[i], most, height, width)})]));
    this.most.textContent = this.lines[0].format(most);
    this.legend.replaceChildren(...this.lines.map((each, i) => el("span", {}, el("span", {class: "key " + each.key}), each.name + " ",
      el("b", {}, each.format(this.values[i][this.values[i].length - 1] || 0)))));
  }
  point(event) {
    const box = this.svg.getBoundingClientRect(), at = Math.round((event.clientX - box.left) / box.width * (points - 1));
    const texts = this.lines.map((each, i) => {
      const index = at - (points - this.values[i].length);
      return index < 0 || index >= this.values[i].length ? null : each.name + "  " + each.format(this.values[i][index] || 0);
    }).filter(Boolean);
    if (!texts.length) return;
    this.cross.hidden = $("tip").hidden = false;
    this.cross.style.left = (event.clientX - box.left) + "px";
    const tip = $("tip");
    tip.textContent = clock(Date.now() - (points - 1 - at) * interval * 1000) + "\n" + texts.join("\n");
    tip.style.top = (event.clientY + 14) + "px";
    tip.style.left = Math.min(event.clientX + 12, innerWidth - tip.offsetWidth - 8) + "px";
  }
}
const chartsOf = history => [
  new Chart("Requests and errors a second", [
    {name: "requests/s", key: "k1", values: () => history().requests.map(n => n / interval), format: rate},
    {name: "errors/s", key: "k2", values: () => gaps(history().errors.map(n => n / interval)), format: rate}]),
  new Chart("Time to the answer", [
    {name: "p99", key: "k3", values: () => gaps(history().p99_us), format: time},
    {name: "p50", key: "k1", values: () => gaps(history().p50_us), format: time}]),
  new Chart("In flight", [{name: "in flight", key: "k4", values: () => history().load, format: count}])];

// --- tiles
const tile = (name, value, unit, more, lines, tone, most) => el("div", {class: "tile " + (tone || "")}, el("div", {class: "name"}, name),
  el("div", {class: "value"}, value, unit ? el("small", {}, unit) : ""), el("div", {class: "more", title: more}, more), spark(lines, 34, most));
function drawTiles() {
  const all = data.history.all, requests = last(all, "requests"), errors = last(all, "errors");
  const share = requests ? errors / requests * 100 : 0;
  const out = peers.filter(each => each.state !== "up").length, limit = data.clients.connections_limit, open = last(all, "load");
  const answers = data.clients.responses, sum = Object.values(answers).reduce((a, b) => a + b, 0);
  const shares = all.requests.map((n, i) => n ? all.errors[i] / n * 100 : 0);
  $("tiles").replaceChildren(
    tile("Requests", rate(requests / interval), "/s", count(data.clients.requests) + " in all", [{key: "k1", values: all.requests}]),
    tile("Errors (5xx)", share.toFixed(share < 10 ? 2 : 0), "%", rate(errors / interval) + "/s, " + count(answers["5xx"]) + " of " + count(sum), [{key: "k2", values: gaps(shares)}], share >= 5 ? "bad" : share >= 1 ? "warning" : "", Math.max(1, ...shares)),
    tile("Latency p99", time(last(all, "p99_us")), "", "p50 " + time(last(all, "p50_us")), [{key: "k3", values: gaps(all.p99_us)}, {key: "k1", values: gaps(all.p50_us)}]),
    tile("Connections", count(open), "", "at most " + count(limit), [{key: "k4", values: all.load}], open > limit * .9 ? "bad" : ""),
    tile("Retries", rate(retryRate.length ? retryRate[retryRate.length - 1] : 0), "/s", count(data.clients.retries) + " in all", retryRate.length > 1 ? [{key: "k3", values: retryRate}] : []),
    tile("Peers up", peers.length - out + " / " + peers.length, "", out ? out + " out" : "all take requests", [], out === peers.length && out ? "bad" : out ? "warning" : ""));
  const shareUp = el("i"), meter = el("div", {class: "meter"}, shareUp);
  shareUp.style.width = (peers.length ? (peers.length - out) / peers.length * 100 : 0) + "%";
  $("tiles").lastChild.lastChild.replaceWith(meter);
}

// --- problems
function drawProblems() {
  const bad = [], mild = [], status = data.status;
  data.upstreams.forEach(each => {
    const here = each.peers.filter(peer => peer.state !== "up"), failing = here.filter(peer => TONE[peer.state] === "bad");
    if (each.peers.length && here.length === each.peers.length) bad.push(`${each.name}: no peer takes requests`);
    else if (failing.length) mild.push(`${each.name}: ${failing.length} of ${each.peers.length} peers out (` + failing.slice(0, 3).map(peer => peer.address + " " + peer.state + (peer.detail ? ": " + peer.detail : "")).join("; ") + (failing.length > 3 ? " …" : "") + ")");
    if (each.queue && each.queue.waiting) mild.push(`${each.name}: ${each.queue.waiting} requests wait for a place`);
  });
  if (!status.reloads.ok) bad.push("The last reload was refused: weir serves an older configuration than its files.");
  if (status.shutting_down) mild.push("weir is shutting down: connections may finish.");
  if (status.workers_full) bad.push("Every connection of a worker is in use: new clients wait.");
  if (status.log_lines_dropped) mild.push(count(status.log_lines_dropped) + " log lines were lost: a full disk, or a log reader that has stopped.");
  data.certificates.forEach(each => {
    if (each.days_left !== undefined && each.days_left < 14) (each.days_left < 3 ? bad : mild).push(`Certificate ${(each.names || [])[0] || each.file} ` + (each.days_left < 0 ? "has run out" : `runs out in ${each.days_left} days`) + (each.error ? ": " + each.error : ""));
  });
  status.maintenance.filter(each => each.on).forEach(each => mild.push(`Maintenance: ${each.server}${each.location}` + (each.why ? " (" + each.why + ")" : "")));
  const all = bad.concat(mild), box = $("problems");
  box.hidden = !all.length;
  box.className = bad.length ? "" : "mild";
  box.replaceChildren(el("h2", {}, all.length === 1 ? "1 thing needs attention" : all.length + " things need attention"), el("ul", {}, ...all.slice(0, 12).map(text => el("li", {}, text))));
  const out = peers.filter(each => TONE[each.state] === "bad").length;
  document.title = (bad.length ? "✖ " : out ? "● " : "") + (out ? out + " out – " : "") + "weir";
}

// --- peers
const keyOf = peer => peer.upstream + "\n" + peer.address;
const pill = (text, tone) => el("span", {class: "pill " + (tone || "")}, text);
const SORTS = {requests: peer => -perSecond(peer.history, "requests"), p99: peer => -last(peer.history, "p99_us"), errors: peer => -peer.failures, load: peer => -peer.inflight};

class Row {
  constructor(peer) {
    this.peer = peer;
    const cell = name => el("div", {class: name, role: "cell"});
    this.state = cell("c-state"); this.weight = cell("n c-weight"); this.rate = cell("n c-rate"); this.traffic = cell("c-spark");
    this.p50 = cell("n c-p50"); this.p99 = cell("n c-p99"); this.times = cell("c-latency"); this.load = cell("n c-load"); this.errors = cell("n c-errors"); this.checks = cell("c-checks");
    this.address = cell("address");
    this.root = el("div", {class: "row", role: "row", tabindex: "0", "aria-expanded": "false", onclick: () => this.toggle(),
      onkeydown: event => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); this.toggle(); } }},
      this.state, this.address, this.weight, this.rate, this.traffic, this.p50, this.p99, this.times, this.load, this.errors, this.checks);
    if (state.open.has(keyOf(peer))) this.open();
    this.draw();
  }
  draw() {
    const peer = this.peer, history = peer.history || emptyHistory();
    this.state.replaceChildren(pill(peer.state, TONE[peer.state]));
    this.address.replaceChildren(peer.address, peer.detail || peer.backup ? el("small", {title: peer.detail}, [peer.backup ? "backup" : "", peer.detail].filter(Boolean).join(", ")) : "");
    this.weight.textContent = peer.weight + (peer.weight !== peer.configured_weight ? "*" : "");
    this.rate.textContent = rate(perSecond(history, "requests"));
    this.p50.textContent = time(last(history, "p50_us"));
    this.p99.textContent = time(last(history, "p99_us"));
    this.load.textContent = peer.inflight + (peer.max_conns ? "/" + peer.max_conns : "");
    const errors = perSecond(history, "errors");
    this.errors.textContent = errors ? rate(errors) + "/s" : count(peer.failures);
    this.errors.className = "n c-errors" + (errors ? " hot" : "");
    this.traffic.replaceChildren(spark([{key: "k1", values: history.requests}, {key: "k2", values: gaps(history.errors)}]));
    this.times.replaceChildren(spark([{key: "k3", values: gaps(history.p99_us)}]));
    const results = (peer.checks[0] || {last: []}).last.slice(0, 10);
    this.checks.replaceChildren(el("div", {class: "checks", title: peer.checks.length ? "the last checks, the newest at the right" : "no check"}, ...results.map(each => el("i", {class: each.passed ? "" : "no"}))));
    if (this.details) this.drawDetails();
  }
  toggle() { this.details ? this.close() : this.open(); }
  open() {
    state.open.add(keyOf(this.peer));
    this.root.setAttribute("aria-expanded", "true");
    this.facts = el("dl", {class: "facts"});
    this.charts = chartsOf(() => this.peer.history || emptyHistory()).slice(0, 2);
    this.answers = el("div");
    this.details = el("div", {class: "details"}, this.facts, el("div", {}, ...this.charts.map(each => each.root)), this.answers);
    if (this.root.parentNode) this.root.after(this.details);
    this.drawDetails();
  }
  close() {
    state.open.delete(keyOf(this.peer));
    this.root.setAttribute("aria-expanded", "false");
    this.details.remove();
    this.details = null;
  }
  drawDetails() {
    const peer = this.peer, facts = [["Server", peer.server], ["State", peer.state + (peer.detail ? ": " + peer.detail : "")], ["Weight", peer.weight + (peer.weight !== peer.configured_weight ? " (configured " + peer.configured_weight + ")" : "")],
      ["In flight", peer.requests_in_flight + " requests, " + peer.tunnels + " WebSockets" + (peer.max_conns ? ", at most " + peer.max_conns : "")], ["Requests", count(peer.requests) + ", " + count(peer.failures) + " failed"],
      ["Answers", Object.entries(peer.responses).filter(([, n]) => n).map(([name, n]) => name + " " + count(n)).join(", ") || "none yet"], ["Ejections", peer.ejections]];
    if (peer.override) facts.push(["By hand", peer.override.mode + (peer.override.why ? ": " + peer.override.why : "") + (peer.override.since ? ", since " + new Date(peer.override.since).toLocaleString() : "")]);
    if (peer.drain) facts.push(["Drain", peer.drain.summary || peer.drain.phase + ": " + peer.drain.requests_left + " requests and " + peer.drain.tunnels_left + " WebSockets left"]);
    this.facts.replaceChildren(...facts.flatMap(([name, text]) => [el("dt", {}, name), el("dd", {}, String(text))]));
    this.charts.forEach(each => each.draw());
    this.answers.replaceChildren(...peer.checks.map(check => el("div", {}, el("p", {class: "empty"}, check.check + ": " + check.standing + ", " + count(check.passed) + " passed, " + count(check.failed) + " failed"),
      el("table", {}, el("tbody", {}, ...check.last.slice(0, 6).map(each => el("tr", {}, el("td", {class: "muted"}, ago(each.ago_ms) + (each.ago_ms < 1500 ? "" : " ago")), el("td", {class: each.passed ? "" : "hot"}, each.passed ? "passed" : each.reason || "failed"),
        el("td", {class: "n"}, each.status || "–"), el("td", {class: "n"}, time(each.micros)))))))), ...(peer.checks.length ? [] : [el("p", {class: "empty"}, "No check: only requests tell how it is.")]));
  }
}

class Upstream {
  constructor(of, index) {
    this.of = of;
    this.index = index;
    this.sum = el("span", {class: "sum"});
    this.badges = el("span");
    this.charts = chartsOf(() => this.history || emptyHistory());
    const sorter = (name, key, extra = "") => el("div", {class: extra, role: "columnheader"}, el("button", {type: "button", onclick: () => { state.sort = state.sort === key ? "" : key; upstreams.forEach(each => each.arrange()); }, "data-sort": key}, name));
    const plain = (name, extra = "") => el("div", {class: extra, role: "columnheader"}, name);
    this.head = el("div", {class: "row head", role: "row"}, plain("State", "c-state"), plain("Peer", "address"), plain("Weight", "n c-weight"), sorter("Requests/s", "requests", "n c-rate"), plain("15 min", "c-spark"), plain("p50", "n c-p50"), sorter("p99", "p99", "n c-p99"), plain("p99, 15 min", "c-latency"), sorter("In flight", "load", "n c-load"), sorter("Failures", "errors", "n c-errors"), plain("Checks", "n c-checks"));
    this.rows = el("div", {role: "table", "aria-label": "Peers of " + of.name});
    this.more = el("button", {type: "button", class: "more-rows", hidden: true, onclick: () => { state.limit.set(of.name, (state.limit.get(of.name) || MOST) + 200); this.arrange(); }});
    this.root = el("section", {class: "upstream", "aria-label": "Upstream " + of.name}, el("header", {}, el("h3", {}, of.name), this.badges, this.sum), el("div", {class: "charts"}, ...this.charts.map(each => each.root)), this.rows, this.more);
    this.draw();
  }
  draw() {
    const up = this.of.peers.filter(each => each.state === "up").length, all = this.of.peers.length, history = this.history || emptyHistory();
    this.badges.replaceChildren(pill(up + " of " + all + " up", !all || up === all ? "" : up ? "warning" : "bad"));
    this.sum.textContent = rate(perSecond(history, "requests")) + " requests/s · p99 " + time(last(history, "p99_us")) + " · " + this.of.inflight + " in flight" + (this.of.queue ? " · " + this.of.queue.waiting + " of " + this.of.queue.most + " queued" : "");
    this.charts.forEach(each => each.draw());
  }
  shown() {
    const words = state.text.toLowerCase().split(/\s+/).filter(Boolean);
    const list = this.of.peers.filter(peer => (state.show === "all" || (state.show === "out" ? peer.state !== "up" : perSecond(peer.history, "requests") > 0)) &&
      words.every(word => (this.of.name + " " + peer.address + " " + peer.server + " " + peer.state + " " + peer.detail).toLowerCase().includes(word)));
    const by = SORTS[state.sort] || (peer => RANK[peer.state]);
    return list.map((peer, i) => [by(peer), i, peer]).sort((a, b) => a[0] - b[0] || a[1] - b[1]).map(each => each[2]);
  }
  arrange() {
    const list = this.shown(), limit = state.limit.get(this.of.name) || MOST;
    this.root.hidden = !list.length && (state.show !== "all" || state.text !== "");
    const nodes = [this.head];
    for (const peer of list.slice(0, limit)) {
      let row = views.get(keyOf(peer));
      if (!row) views.set(keyOf(peer), row = new Row(peer));
      nodes.push(row.root);
      if (row.details) nodes.push(row.details);
    }
    this.head.querySelectorAll("button").forEach(each => each.dataset.sort === state.sort ? each.setAttribute("aria-sort", "descending") : each.removeAttribute("aria-sort"));
    const focused = document.activeElement;
    if (nodes.length !== this.rows.childNodes.length || nodes.some((node, i) => node !== this.rows.childNodes[i])) {
      this.rows.replaceChildren(...nodes);
      if (focused && focused !== document.activeElement && this.rows.contains(focused)) focused.focus({preventScroll: true});
    }
    this.more.hidden = list.length <= limit;
    this.more.textContent = "Show more of " + (list.length - limit) + " further peers";
  }
  async readHistory() {
    try {
      const got = await (await fetch("?history=" + encodeURIComponent(this.of.name), {cache: "no-store"})).json();
      if (!got) return;
      for (const peer of this.of.peers) {
        const raw = got.peers[peer.address];
        if (raw) peer.history = raw.requests.length && got.points < points ? spread(raw, Math.round(points / got.points)) : raw;
        const row = views.get(keyOf(peer));
        if (row && row.peer === peer) row.draw();
      }
    } catch { /* the next load asks again */ }
  }
}
// Of many peers several points come as one: their requests are shared out again.
const spread = (history, times) => Object.fromEntries(COLUMNS.map(name => [name, history[name].flatMap(value => Array(times).fill(name === "requests" || name === "errors" ? value / times : value)).slice(-points)]));

// --- the rest
function drawRest() {
  const status = data.status, clients = data.clients;
  $("about").textContent = "weir " + status.version + " · up " + ago(status.uptime_ms) + " · " + status.workers + (status.workers === 1 ? " worker" : " workers");
  const reasons = Object.entries(data.retries).sort((a, b) => b[1] - a[1]), most = reasons.length ? reasons[0][1] : 1;
  const gauges = reasons.map(([name, n]) => { const bar = el("i"); bar.style.width = n / most * 100 + "%"; return el("tr", {}, el("td", {class: "word"}, name), el("td", {width: "45%"}, el("div", {class: "gauge"}, bar)), el("td", {class: "n"}, count(n))); });
  $("retries").replaceChildren(reasons.length ? el("table", {}, el("tbody", {}, ...gauges)) : el("p", {class: "empty"}, "No request needed another peer."));
  $("certificates").replaceChildren(data.certificates.length ? el("table", {}, el("thead", {}, el("tr", {}, el("th", {}, "Names"), el("th", {}, "Key"), el("th", {class: "n"}, "Days left"))),
    el("tbody", {}, ...data.certificates.slice(0, 100).map(each => el("tr", {title: each.file + (each.issuer ? "\nissued by " + each.issuer : "")}, el("td", {}, (each.names || []).join(", ") || each.file, each.error ? el("div", {class: "hot"}, each.error) : ""), el("td", {class: "word"}, each.key || each.state || ""),
      el("td", {class: "n" + (each.days_left < 14 ? " hot" : "")}, each.days_left === undefined ? "–" : String(each.days_left)))))) : el("p", {class: "empty"}, "None: no listener speaks TLS."));
  $("listeners").replaceChildren(el("table", {}, el("tbody", {}, ...data.listeners.map(each => el("tr", {}, el("td", {}, each.address, each.tls ? " " : "", each.tls ? pill("TLS", "calm") : ""), el("td", {class: "muted"}, each.servers.filter(Boolean).slice(0, 6).join(", ") + (each.servers.length > 6 ? " …" : "")))))));
  const lag = data.loops.reduce((most, each) => Math.max(most, each.p99_us), 0);
  const facts = [["Configuration", status.config], ["Snapshot", "number " + status.generation + (status.snapshots_live > status.workers ? ", " + (status.snapshots_live - status.workers) + " older in use" : "")], ["Reloads", status.reloads.succeeded + " done, " + status.reloads.failed + " refused" + (status.reloads.at ? ", last " + new Date(status.reloads.at).toLocaleString() : "")],
    ["Started", new Date(status.started).toLocaleString()], ["Process", status.pid + ", " + status.workers + (status.workers === 1 ? " worker" : " workers")], ["Loop lag", "p99 " + time(lag)], ["Bytes", bytes(clients.bytes_received) + " in, " + bytes(clients.bytes_sent) + " out"], ["WebSockets", count(status.tunnels)],
    ["TLS handshakes", count(clients.tls_handshakes) + ", " + count(clients.tls_handshakes_resumed) + " resumed, " + count(clients.tls_handshakes_failed) + " failed"], ["Log lines lost", count(status.log_lines_dropped)]];
  $("process").replaceChildren(...facts.flatMap(([name, text]) => [el("dt", {}, name), el("dd", {}, String(text))]));
}
const eventNode = each => el("li", {}, el("time", {datetime: new Date(each.at_ms).toISOString(), title: new Date(each.at_ms).toLocaleString()}, clock(each.at_ms)), el("span", {class: "dot " + each.tone}), el("span", {}, each.object + ": " + each.text));
function drawEvents() {
  const events = data.events.slice(-200).reverse();
  $("events").replaceChildren(...(events.length ? events.map(eventNode) : [el("li", {class: "empty"}, "Nothing has changed since weir started.")]));
}

// --- what comes
async function load() {
  const got = await (await fetch("?json", {cache: "no-store"})).json();
  const before = new Map(peers.map(peer => [keyOf(peer), peer]));
  const fresh = !data || data.status.generation !== got.status.generation || data.upstreams.length !== got.upstreams.length || peers.length !== got.upstreams.reduce((n, each) => n + each.peers.length, 0);
  data = got;
  interval = got.interval_ms / 1000;
  points = got.points;
  peers = got.upstreams.flatMap(each => each.peers);
  peers.forEach(peer => { peer.history = (before.get(keyOf(peer)) || {}).history || emptyHistory(); });
  if (fresh) {
    views.clear();
    upstreams = got.upstreams.map((each, i) => new Upstream(each, i));
    $("upstreams").replaceChildren(...upstreams.map(each => each.root));
    if (!upstreams.length) $("upstreams").replaceChildren(el("p", {class: "card empty"}, "The configuration has no upstream."));
  }
  upstreams.forEach((each, i) => {
    each.of = got.upstreams[i];
    each.history = got.history.upstreams[i];
    each.of.peers.forEach(peer => { const row = views.get(keyOf(peer)); if (row) row.peer = peer; });
  });
  draw();
  if (fresh) for (const each of upstreams) await each.readHistory();
}
function draw() {
  drawTiles(); drawProblems(); drawRest(); drawEvents();
  upstreams.forEach(each => { each.draw(); each.arrange(); });
  views.forEach(row => { if (row.root.isConnected) row.draw(); });
}
function onSample(sample) {
  push(data.history.all, sample.all);
  if (lastRetries !== null) retryRate.push(Math.max(0, sample.retries - lastRetries) / interval);
  if (retryRate.length > points) retryRate.shift();
  lastRetries = sample.retries;
  data.clients.requests += sample.all[0];
  data.clients.responses["5xx"] += sample.all[1];
  data.clients.retries = sample.retries;
  data.status.uptime_ms += interval * 1000;
  upstreams.forEach((each, i) => {
    push(each.history, sample.upstreams[i]);
    if (sample.upstreams[i]) each.of.inflight = sample.upstreams[i][4];
    if (each.of.queue) each.of.queue.waiting = sample.waiting[i];
  });
  peers.forEach((peer, i) => {
    const point = sample.peers[i];
    if (!point) return;
    push(peer.history, point);
    peer.requests += point[0];
    peer.failures += point[1];
    peer.inflight = point[4];
  });
  if (!paused) draw();
}
let reloading = 0;
const loadSoon = delay => { clearTimeout(reloading); reloading = setTimeout(() => load().catch(() => {}), delay); };
function onChange(change) {
  data.events.push(...change.events);
  for (const [index, word, detail] of change.peers) if (peers[index]) { peers[index].state = word; peers[index].detail = detail; }
  if (!paused) draw();
  loadSoon(700);
}
const say = (text, on) => { $("live").textContent = text; $("dot").className = "dot " + (on === true ? "on" : on === false ? "off" : ""); };
function listen() {
  source = new EventSource("?events");
  let begun = false;
  source.onopen = () => {
    say(paused ? "paused" : "live", paused ? null : true);
    if (begun) loadSoon(0);
    begun = true;
  };
  source.onerror = () => say("reconnecting", false);
  source.addEventListener("sample", event => { const sample = JSON.parse(event.data); if (sample.peers.length === peers.length) onSample(sample); else loadSoon(0); });
  source.addEventListener("change", event => onChange(JSON.parse(event.data)));
}

// --- hands
const setShow = show => {
  state.show = show;
  document.querySelectorAll(".chip").forEach(each => each.setAttribute("aria-pressed", String(each.dataset.show === show)));
  upstreams.forEach(each => each.arrange());
};
const setPaused = value => { paused = value; $("pause").textContent = paused ? "Go on" : "Pause"; say(paused ? "paused" : "live", paused ? null : true); if (!paused && data) draw(); };
const THEMES = ["", "dark", "light"];
const setTheme = theme => {
  if (theme) document.documentElement.dataset.theme = theme; else delete document.documentElement.dataset.theme;
  $("theme").textContent = {"": "System", dark: "Dark", light: "Light"}[theme];
  try { localStorage.setItem("weir-theme", theme); } catch { /* not kept */ }
};
let theme = "";
try { theme = localStorage.getItem("weir-theme") || ""; } catch { /* not kept */ }
setTheme(THEMES.includes(theme) ? theme : "");
$("host").textContent = location.host;
$("pause").onclick = () => setPaused(!paused);
const nextTheme = () => setTheme(THEMES[(THEMES.indexOf(document.documentElement.dataset.theme || "") + 1) % THEMES.length]);
$("theme").onclick = nextTheme;
$("help").onclick = () => $("keys").showModal();
$("filter").oninput = event => { state.text = event.target.value; upstreams.forEach(each => each.arrange()); };
document.querySelectorAll(".chip").forEach(each => { each.onclick = () => setShow(each.dataset.show); });
document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.tagName === "INPUT") { if (event.key === "Escape") { event.target.value = ""; event.target.dispatchEvent(new Event("input")); event.target.blur(); } return; }
  const rows = [...document.querySelectorAll("#upstreams .row:not(.head)")], at = rows.indexOf(document.activeElement);
  if (event.key === "/") $("filter").focus();
  else if (event.key === "ArrowDown" && (at >= 0 || document.activeElement === document.body)) (rows[at + 1] || rows[at] || $("filter")).focus();
  else if (event.key === "ArrowUp" && at > 0) rows[at - 1].focus();
  else if (event.key === "o") setShow(state.show === "out" ? "all" : "out");
  else if (event.key === "p") setPaused(!paused);
  else if (event.key === "t") nextTheme();
  else if (event.key === "?") $("keys").showModal();
  else return;
  event.preventDefault();
});
load().then(listen).catch(() => { say("no answer, trying again", false); setTimeout(() => location.reload(), 3000); });
setInterval(() => { if (data && !paused && peers.length <= 200) load().catch(() => {}); }, 15000);
