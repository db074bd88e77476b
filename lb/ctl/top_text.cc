// The picture that `weir top` shows: a head of four lines, then upstreams with their peers, then events.
#include <algorithm>
#include <array>
#include <ctime>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "ctl/top.h"

namespace weir::ctl {
namespace {

using Json = nlohmann::json;

enum class Ink : uint8_t { kPlain, kFaint, kGood, kBad, kWarning, kBold };

std::string_view code(Ink ink) {
  switch (ink) {
    case Ink::kFaint: return "\x1b[2m";
    case Ink::kGood: return "\x1b[32m";
    case Ink::kBad: return "\x1b[31m";
    case Ink::kWarning: return "\x1b[33m";
    case Ink::kBold: return "\x1b[1m";
    case Ink::kPlain: break;
  }
  return {};
}

// A line under construction: what is beyond the width is cut. Text of others is shown without control characters.
class Line {
 public:
  Line(size_t width, bool colours) : width_(width), colours_(colours) {}
  Line& add(std::string_view text, Ink ink = Ink::kPlain) {
    const bool inked = colours_ && ink != Ink::kPlain;
    if (inked) out_ += code(ink);
    for (size_t i = 0; i < text.size(); ++i) {
      const auto byte = static_cast<unsigned char>(text[i]);
      const bool begins = (byte & 0xC0) != 0x80;  // of a character in UTF-8
      if (begins && used_ == width_) break;
      if (begins) ++used_;
      out_ += byte < 0x20 || byte == 0x7F ? '?' : text[i];
    }
    if (inked) out_ += "\x1b[0m";
    return *this;
  }
  // Padded with blanks to `width`, or cut.
  Line& column(std::string_view text, size_t width, bool right = false, Ink ink = Ink::kPlain) {
    std::string cell(text.substr(0, width));
    cell.insert(right ? 0 : cell.size(), width - cell.size(), ' ');
    return add(cell, ink).add(" ");
  }
  std::string take() { return std::move(out_); }

 private:
  size_t width_, used_ = 0;
  bool colours_;
  std::string out_;
};

const Json& at(const Json& json, const char* name) {
  static const Json nothing;
  if (!json.is_object()) return nothing;
  const auto found = json.find(name);
  return found == json.end() ? nothing : *found;
}
double number(const Json& json) {
  return json.is_number() ? json.get<double>() : 0;
}
double number(const Json& json, size_t i) {
  return json.is_array() && i < json.size() ? number(json[i]) : 0;
}
std::string text(const Json& json) {
  return json.is_string() ? json.get<std::string>()
         : json.is_null() ? "-"
                          : json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string rounded(double value, int digits) {
  std::array<char, 32> out{};
  return {out.data(), static_cast<size_t>(std::snprintf(out.data(), out.size(), "%.*f", digits, value))};
}
std::string count_text(double value) {
  if (value >= 1e9) return rounded(value / 1e9, 1) + "G";
  if (value >= 1e6) return rounded(value / 1e6, 1) + "M";
  if (value >= 1e4) return rounded(value / 1e3, 1) + "k";
  return rounded(value, value > 0 && value < 10 && value != static_cast<double>(static_cast<int>(value)) ? 1 : 0);
}
std::string time_text(double micros) {
  if (micros <= 0) return "-";
  if (micros < 1e3) return rounded(micros, 0) + " us";
  if (micros < 1e6) return rounded(micros / 1e3, micros < 1e4 ? 1 : 0) + " ms";
  return rounded(micros / 1e6, 1) + " s";
}
std::string span_text(double ms) {
  if (ms < 120e3) return rounded(ms / 1e3, 0) + " s";
  if (ms < 120 * 60e3) return rounded(ms / 60e3, 0) + " min";
  if (ms < 48 * 3600e3) return rounded(ms / 3600e3, 0) + " h";
  return rounded(ms / 86400e3, 0) + " d";
}

// The last fifteen minutes in `width` characters, the highest eight eighths tall.
std::string bars(const Json& values, size_t width, size_t points) {
  static constexpr std::array<std::string_view, 9> kBars = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  std::vector<double> columns(width, 0);
  double most = 0;
  const size_t count = values.is_array() ? std::min(values.size(), points) : 0;
  for (size_t i = 0; i < count; ++i) {
    double& column = columns[(points - count + i) * width / points];
    column = std::max(column, number(values[i]));
    most = std::max(most, column);
  }
  std::string out;
  for (const double column : columns)
    out += kBars[most == 0 || column == 0 ? 0 : static_cast<size_t>(1 + column / most * 7)];
  return out;
}

Ink ink_of(const std::string& state) {
  if (state == "up") return Ink::kGood;
  return state == "unhealthy" || state == "ejected" ? Ink::kBad : state == "down" ? Ink::kWarning : Ink::kFaint;
}
Ink ink_of_tone(const std::string& tone) {
  return tone == "good" ? Ink::kGood : tone == "bad" ? Ink::kBad : tone == "warning" ? Ink::kWarning : Ink::kFaint;
}

struct PeerRow {
  const Json* peer;
  const Json* sample;
  bool is_up;
};

class Picture {
 public:
  Picture(const Json& json, const TopScreen& screen) : json_(json), screen_(screen) {
    seconds_ = std::max(number(at(json, "interval_ms")) / 1000, 0.001);
    points_ = static_cast<size_t>(std::max(number(at(json, "points")), 1.0));
  }

  std::string draw() {
    head();
    const size_t head_lines = lines_.size();
    upstreams();
    events();
    size_t from = head_lines, to = lines_.size();
    if (screen_.height != 0) {
      const size_t room = screen_.height > head_lines ? screen_.height - head_lines : 0;
      const size_t below = to - from;
      from += std::min(screen_.scrolled, below > room ? below - room : 0);
      to = std::min(to, from + room);
    }
    std::string out;
    for (size_t i = 0; i < lines_.size(); ++i)
      if (i < head_lines || (i >= from && i < to)) out += lines_[i] + "\n";
    return out;
  }

 private:
  Line line() const { return {screen_.width, screen_.colours}; }
  void put(Line& line) { lines_.push_back(line.take()); }

  void head() {
    const Json& status = at(json_, "status");
    const Json& clients = at(json_, "clients");
    const Json& all = at(at(json_, "sample"), "all");
    Line first = line();
    first.add("weir " + text(at(status, "version")), Ink::kBold)
        .add("  up " + span_text(number(at(status, "uptime_ms"))) + "  " + text(at(status, "workers")) +
             " workers  pid " + text(at(status, "pid")) + "  snapshot " + text(at(status, "generation")));
    if (at(at(status, "reloads"), "ok") == false) first.add("  last reload refused", Ink::kBad);
    if (at(status, "shutting_down") == true) first.add("  shutting down", Ink::kWarning);
    put(first);
    const double requests = number(all, 0), errors = number(all, 1);
    Line second = line();
    second.add("requests " + count_text(requests / seconds_) + "/s  ")
        .add("5xx " + rounded(requests == 0 ? 0 : errors / requests * 100, 1) + " %",
             errors > 0 ? Ink::kBad : Ink::kPlain)
        .add("  p50 " + time_text(number(all, 2)) + "  p99 " + time_text(number(all, 3)) + "  connections " +
             count_text(number(all, 4)) + "/" + count_text(number(at(clients, "connections_limit"))) + "  retries " +
             count_text(number(at(clients, "retries"))));
    put(second);
    Line third = line();
    third.add(bars(at(at(at(json_, "history"), "all"), "requests"), std::min<size_t>(screen_.width, 100), points_),
              Ink::kFaint);
    put(third);
  }

  void upstreams() {
    const Json& all = at(json_, "upstreams");
    const Json& sample = at(json_, "sample");
    const Json& samples = at(sample, "peers");
    size_t index = 0;
    for (size_t i = 0; all.is_array() && i < all.size(); ++i) {
      std::vector<PeerRow> rows;
      size_t up = 0;
      const Json& peers = at(all[i], "peers");
      static const Json nothing;
      for (size_t j = 0; peers.is_array() && j < peers.size(); ++j, ++index) {
        const Json& point = samples.is_array() && index < samples.size() ? samples[index] : nothing;
        rows.push_back({&peers[j], &point, text(at(peers[j], "state")) == "up"});
        up += rows.back().is_up ? 1 : 0;
      }
      const Json& newest = at(sample, "upstreams");
      upstream(all[i], newest.is_array() && i < newest.size() ? newest[i] : nothing, up, rows.size());
      order(rows);
      for (const PeerRow& row : rows)
        if (!screen_.only_out || !row.is_up) peer(row);
    }
  }

  void upstream(const Json& upstream, const Json& point, size_t up, size_t count) {
    lines_.emplace_back();
    Line title = line();
    title.add(text(at(upstream, "name")), Ink::kBold)
        .add("  " + std::to_string(up) + " of " + std::to_string(count) + " up", up == count ? Ink::kGood
                                                                                 : up == 0   ? Ink::kBad
                                                                                             : Ink::kWarning)
        .add("  " + count_text(number(point, 0) / seconds_) + " requests/s  p99 " + time_text(number(point, 3)) + "  " +
             text(at(upstream, "inflight")) + " in flight");
    if (const Json& queue = at(upstream, "queue"); queue.is_object())
      title.add("  " + text(at(queue, "waiting")) + " queued",
                number(at(queue, "waiting")) > 0 ? Ink::kWarning : Ink::kPlain);
    put(title);
    Line names = line();
    names.add("  ").column("STATE", 10).column("PEER", kPeerWidth).column("REQ/S", 8, true).column("ERR/S", 7, true);
    names.column("P50", 8, true).column("P99", 8, true).column("FLIGHT", 7, true).column("FAILED", 8, true).add("WHY");
    const std::string text = names.take();
    Line faint = line();
    faint.add(text, Ink::kFaint);
    put(faint);
  }

  void order(std::vector<PeerRow>& rows) const {
    const auto key = [this](const PeerRow& row) -> double {
      switch (screen_.order) {
        case TopScreen::Order::kState: return row.is_up ? 1 : 0;
        case TopScreen::Order::kRequests: return -number(*row.sample, 0);
        case TopScreen::Order::kSlow: return -number(*row.sample, 3);
        case TopScreen::Order::kLoad: return -number(at(*row.peer, "inflight"));
      }
      return 0;
    };
    std::stable_sort(rows.begin(), rows.end(), [&](const PeerRow& a, const PeerRow& b) { return key(a) < key(b); });
  }

  void peer(const PeerRow& row) {
    const std::string state = text(at(*row.peer, "state"));
    const double errors = number(*row.sample, 1) / seconds_;
    Line line = this->line();
    line.add("  ").column(state, 10, false, ink_of(state)).column(text(at(*row.peer, "address")), kPeerWidth);
    line.column(count_text(number(*row.sample, 0) / seconds_), 8, true);
    line.column(count_text(errors), 7, true, errors > 0 ? Ink::kBad : Ink::kPlain);
    line.column(time_text(number(*row.sample, 2)), 8, true).column(time_text(number(*row.sample, 3)), 8, true);
    line.column(text(at(*row.peer, "inflight")), 7, true)
        .column(count_text(number(at(*row.peer, "failures"))), 8, true);
    if (const std::string why = text(at(*row.peer, "detail")); why != "-") line.add(why, Ink::kFaint);
    put(line);
  }

  void events() {
    const Json& all = at(json_, "events");
    if (!all.is_array() || all.empty()) return;
    lines_.emplace_back();
    for (size_t i = all.size(); i > 0 && all.size() - i < kMostEvents; --i) {
      const Json& event = all[i - 1];
      const auto seconds = static_cast<time_t>(number(at(event, "at_ms")) / 1000);
      tm parts{};
      std::array<char, 16> clock{};
      if (localtime_r(&seconds, &parts) != nullptr) std::strftime(clock.data(), clock.size(), "%H:%M:%S", &parts);
      Line line = this->line();
      line.add(std::string(clock.data()) + "  ", Ink::kFaint)
          .add(text(at(event, "object")) + ": " + text(at(event, "text")), ink_of_tone(text(at(event, "tone"))));
      put(line);
    }
  }

  static constexpr size_t kPeerWidth = 24;
  static constexpr size_t kMostEvents = 10;
  const Json& json_;
  const TopScreen& screen_;
  double seconds_ = 3;
  size_t points_ = 300;
  std::vector<std::string> lines_;
};

}  // namespace

std::string top_text(const std::string& json, const TopScreen& screen) {
  return Picture(Json::parse(json, nullptr, false), screen).draw();
}

}  // namespace weir::ctl
