#include "config/tls_words.h"

#include "base/bytes.h"
#include "config/builder.h"

namespace weir::config {

std::optional<std::string> tls_source(const Call& call, size_t argument) {
  const std::string& text = call.arg(argument);
  const bool has_variable = text.find('$') != std::string::npos;
  if (text.starts_with("data:") && !has_variable) return text;
  if (has_variable) {
    call.error_at(argument, "\"" + call.directive.name +
                                "\" takes no variables: certificates are read once and watched, not once a handshake");
    return std::nullopt;
  }
  if (text.starts_with("engine:") || text.starts_with("store:")) {
    call.error_at(argument,
                  "\"" + text.substr(0, text.find(':')) + ":\" is not supported by weir, keys come from files");
    return std::nullopt;
  }
  if (text.empty()) {
    call.invalid(argument, "a file");
    return std::nullopt;
  }
  return call.builder.absolute(text);
}

void apply_tls_protocols(Call& call, bool& tls12, bool& tls13) {
  tls12 = tls13 = false;
  bool old = false;
  for (size_t i = 0; i < call.count(); ++i) {
    const std::string& name = call.arg(i);
    if (iequals(name, "TLSv1.2")) {
      tls12 = true;
    } else if (iequals(name, "TLSv1.3")) {
      tls13 = true;
    } else if (iequals(name, "SSLv2") || iequals(name, "SSLv3") || iequals(name, "TLSv1") || iequals(name, "TLSv1.1")) {
      call.warning("\"" + name + "\" is broken and not spoken by weir");
      old = true;
    } else {
      return call.invalid(i, "TLSv1.2 or TLSv1.3");
    }
  }
  if (old && !tls12 && !tls13) call.error("no protocol is left, weir has TLSv1.2 and TLSv1.3");
}

std::string show_tls_protocols(bool tls12, bool tls13) {
  return std::string(tls12 ? "TLSv1.2" : "") + (tls12 && tls13 ? " " : "") + (tls13 ? "TLSv1.3" : "");
}

}  // namespace weir::config
