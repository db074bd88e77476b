// RFC 3164 datagrams to a syslog server, with the parameters of nginx's "syslog:" prefix.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/sockaddr.h"

namespace weir {

class Syslog {
 public:
  // "server=unix:/dev/log,facility=local7,tag=weir,severity=info,nohostname": only server is needed; it is a unix path,
  // or host[:port] over UDP. A host name is resolved here, with the blocking resolver: control thread only.
  static Result<Syslog> parse(std::string_view parameters);
  Syslog(Syslog&& other) noexcept;
  Syslog& operator=(Syslog&&) = delete;
  ~Syslog();

  // `severity=`: of messages that have none of their own (an access log's); 0 is emerg, 7 debug.
  int severity() const { return severity_; }
  // Connects when need be, also after the server was restarted. Never blocks. False: the message was lost.
  bool send(int severity, std::string_view text);

 private:
  Syslog() = default;
  bool connect();
  void disconnect();
  std::string header(int severity) const;

  SocketAddress server_;
  int facility_ = 23;  // local7
  int severity_ = 6;   // info
  std::string tag_ = "weir";
  std::string hostname_;  // empty: nohostname
  int fd_ = -1;
};

}  // namespace weir
