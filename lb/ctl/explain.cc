#include "ctl/explain.h"

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "ctl/client.h"
#include "ctl/text.h"
#include "process/places.h"

namespace weir::ctl {

int explain(const process::CommandLine& line) {
  using nlohmann::json;
  const auto refuse = [](const std::string& why) {
    std::fprintf(stderr, "weir explain: %s\n", why.c_str());
    return 1;
  };
  const process::Places places = process::find_places(line);
  if (!places.readable) return refuse(places.errors.front());
  if (places.admin.empty()) return refuse("\"admin off\": the running weir cannot be asked");
  const process::ExplainLine& asked = line.explain;
  const json body = {{"url", asked.url},
                     {"method", asked.method},
                     {"client", asked.client},
                     {"headers", asked.headers},
                     {"cookies", asked.cookies}};
  const Result<CtlReply> reply = ask_weir(places.admin, "POST", "/v1/explain",
                                          body.dump(-1, ' ', false, json::error_handler_t::replace), kLookPatience);
  if (!reply) return refuse(reply.error());
  if (reply->status != 200) return refuse(error_text(reply->body, reply->status));
  std::fwrite(reply->body.data(), 1, reply->body.size(), stdout);
  return 0;
}

}  // namespace weir::ctl
