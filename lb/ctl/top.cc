// The terminal of `weir top`: an alternate screen, keys without Enter, and both given back at the end.
#include "ctl/top.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "base/clock.h"
#include "ctl/client.h"
#include "ctl/ctl.h"
#include "ctl/running.h"
#include "ctl/text.h"
#include "process/places.h"

namespace weir::ctl {
namespace {

constexpr MonoMs kRefresh = 1'000;

volatile std::sig_atomic_t ended = 0;

void on_end(int) {
  ended = 1;
}

class Terminal {
 public:
  Terminal() {
    ::tcgetattr(STDIN_FILENO, &before_);
    termios raw = before_;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::signal(number, on_end);
    std::fputs("\x1b[?1049h\x1b[?25l", stdout);
  }
  ~Terminal() {
    std::fputs("\x1b[?25h\x1b[?1049l", stdout);
    std::fflush(stdout);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void measure(TopScreen& screen) const {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) size.ws_col = 80, size.ws_row = 24;
    screen.width = size.ws_col;
    screen.height = size.ws_row > 1 ? size.ws_row - 1u : 1;
  }
  void draw(const std::string& text) const {
    std::string out = "\x1b[H";
    for (const char c : text) out += c == '\n' ? std::string("\x1b[K\n") : std::string(1, c);
    std::fputs((out + "\x1b[J").c_str(), stdout);
    std::fflush(stdout);
  }

 private:
  termios before_{};
};

// False: it is to end.
bool take_keys(TopScreen& screen) {
  char keys[64];
  const ssize_t count = ::read(STDIN_FILENO, keys, sizeof keys);
  if (count == 0) return false;  // readable, and nothing there: the terminal has gone
  for (ssize_t i = 0; i < count; ++i) {
    const bool arrow = keys[i] == '\x1b' && i + 2 < count && keys[i + 1] == '[';
    const char key = arrow ? keys[i + 2] : keys[i];
    if (arrow) i += 2;
    if (arrow && key == 'B') ++screen.scrolled;
    if (arrow && key == 'A' && screen.scrolled > 0) --screen.scrolled;
    if (arrow) continue;
    if (key == 'q') return false;
    if (key == 'o') screen.only_out = !screen.only_out;
    if (key == 's')
      screen.order = static_cast<TopScreen::Order>((static_cast<int>(screen.order) + 1) % TopScreen::kOrders);
    if (key == ' ') screen.scrolled += screen.height / 2;
  }
  return true;
}

// Until the next picture is due, or a key is pressed. False: it is to end.
bool wait_for_keys(TopScreen& screen) {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  if (::poll(&input, 1, kRefresh) <= 0) return ended == 0;
  return take_keys(screen) && ended == 0;
}

// Both ends, and one that knows the control sequences.
bool is_terminal() {
  const char* const kind = std::getenv("TERM");
  return kind != nullptr && *kind != '\0' && std::string_view(kind) != "dumb" && ::isatty(STDIN_FILENO) == 1 &&
         ::isatty(STDOUT_FILENO) == 1;
}

int show(const std::string& socket) {
  const Terminal terminal;
  TopScreen screen{.colours = true};
  do {
    terminal.measure(screen);
    const Result<CtlReply> reply = ask_weir(socket, "GET", "/v1/live", "", kLookPatience);
    if (!reply)
      terminal.draw(reply.error() + "\nq ends\n");
    else if (reply->status != 200)
      terminal.draw(error_text(reply->body, reply->status) + "\nq ends\n");
    else
      terminal.draw(top_text(reply->body, screen));
  } while (wait_for_keys(screen));
  return 0;
}

}  // namespace

int top(const process::CommandLine& line) {
  const process::Places places = process::find_places(line);
  if (places.admin.empty()) {
    refuse("\"admin off\", or a configuration with errors: the running weir cannot be asked");
    return kCtlUnreachable;
  }
  if (!line.once && is_terminal()) return show(places.admin);
  const Result<CtlReply> reply = ask_weir(places.admin, "GET", "/v1/live", "", kLookPatience);
  if (!reply) {
    refuse(reply.error());
    return kCtlUnreachable;
  }
  if (reply->status != 200) {
    refuse(error_text(reply->body, reply->status));
    return kCtlRefused;
  }
  std::fputs(top_text(reply->body, {.width = 120}).c_str(), stdout);
  return 0;
}

}  // namespace weir::ctl
