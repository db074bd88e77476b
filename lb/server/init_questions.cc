#include "server/init_questions.h"

#include <unistd.h>

#include <cstdio>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "server/first_configuration.h"

namespace weir::server {
namespace {

constexpr int kMostTries = 3;
constexpr size_t kLongestLine = 4096;

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : text + " ") {
    if (c != ' ' && c != '\t' && c != ',') {
      word += c;
    } else if (!word.empty()) {
      words.push_back(std::exchange(word, {}));
    }
  }
  return words;
}

// Asks until `take` has no objection; its error is shown in front of the question.
template <class Take>
Status<> ask_well(const AskLine& ask, const std::string& question, Take take) {
  std::string prompt = question;
  for (int tries = 0; tries < kMostTries; ++tries) {
    const std::optional<std::string> typed = ask(prompt);
    if (!typed) return Unexpected{std::string("the input has ended: nothing is written")};
    const Status<> taken = take(*typed);
    if (taken) return Void{};
    prompt = taken.error() + "\n" + question;
  }
  return Unexpected{"no answer to \"" + question + "\": nothing is written"};
}

Status<> take_nodes(const std::string& typed, std::vector<std::string>& nodes) {
  nodes = words_of(typed);
  for (const std::string& node : nodes)
    if (const Result<std::string> checked = checked_node(node, 0); !checked) return Unexpected{checked.error()};
  return Void{};
}

Status<> take_yes(const std::string& typed, bool& yes) {
  const std::string word = lowered(std::string(trim_ows(typed)));
  yes = word == "y" || word == "yes";
  if (yes || word.empty() || word == "n" || word == "no") return Void{};
  return Unexpected{std::string("y or n, please")};
}

Status<> take_name(const std::string& typed, std::string& name) {
  name = trim_ows(typed);
  if (name.empty()) return Void{};
  const Result<std::string> checked = checked_name(name);
  return checked ? Status<>(Void{}) : Status<>(Unexpected{checked.error()});
}

}  // namespace

Result<process::InitLine> ask_for_init(const AskLine& ask) {
  process::InitLine init;
  std::vector<std::string> nodes;
  if (Status<> asked = ask_well(ask, "Nodes of the application, HOST:PORT with blanks between [none yet]: ",
                                [&](const std::string& typed) { return take_nodes(typed, nodes); });
      !asked)
    return Unexpected{asked.error()};
  bool nocobase = false;
  if (!nodes.empty())
    if (Status<> asked = ask_well(
            ask, "Do they run NocoBase? [y/N]: ", [&](const std::string& typed) { return take_yes(typed, nocobase); });
        !asked)
      return Unexpected{asked.error()};
  (nocobase ? init.nocobase : init.nodes) = std::move(nodes);
  if (Status<> asked =
          ask_well(ask, "Name that clients use, for TLS with a certificate that comes by itself [no TLS]: ",
                   [&](const std::string& typed) { return take_name(typed, init.tls); });
      !asked)
    return Unexpected{asked.error()};
  return init;
}

AskLine terminal() {
  if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDERR_FILENO) == 0) return {};
  return [](const std::string& question) -> std::optional<std::string> {
    std::fprintf(stderr, "%s", question.c_str());
    std::fflush(stderr);
    std::string line;
    for (int c = std::getc(stdin); c != EOF; c = std::getc(stdin)) {
      if (c == '\n') return line;
      if (line.size() < kLongestLine) line += static_cast<char>(c);
    }
    std::fputc('\n', stderr);
    return std::nullopt;
  };
}

}  // namespace weir::server
