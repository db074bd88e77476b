// The door to the network, where the resolver does not answer.
#include "fetch/curl_door.h"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <netdb.h>

#include <atomic>
#include <chrono>
#include <future>
#include <string_view>

namespace {

constexpr std::string_view kHanging = "hanging.test";
std::promise<void> g_asked, g_answers, g_ended;

}  // namespace

// libcurl's, too: one name is not answered for until the test says so.
extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints, addrinfo** found) {
  if (name != nullptr && name == kHanging) {
    g_asked.set_value();
    g_answers.get_future().wait();
    g_ended.set_value();
    return EAI_AGAIN;
  }
  static const auto real = reinterpret_cast<decltype(&getaddrinfo)>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  return real(name, service, hints, found);
}

namespace weir::fetch {
namespace {

TEST(CurlDoor, question_that_is_stopped_does_not_wait_for_the_resolver) {
  std::atomic<bool> stopped{false};
  const auto door = make_curl_door({.is_stopped = [&stopped] { return stopped.load(); }});
  auto answer = std::async(std::launch::async, [&door] {
    return door->ask({.method = "GET", .url = "http://" + std::string(kHanging) + "/"}).has_value();
  });
  g_asked.get_future().wait();
  stopped = true;
  const bool ended = answer.wait_for(std::chrono::seconds(30)) == std::future_status::ready;
  g_answers.set_value();
  EXPECT_TRUE(ended);
  EXPECT_FALSE(answer.get());
  g_ended.get_future().wait();
}

}  // namespace
}  // namespace weir::fetch
