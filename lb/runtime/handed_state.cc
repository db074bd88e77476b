// Packing and unpacking: no table decides how much memory a count may take, only the bytes that are there.
#include "runtime/handed_state.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/packing.h"
#include "runtime/state_file.h"

namespace weir::runtime {
namespace {

enum Section : uint8_t {
  kOverrides = 1,
  kPeers = 2,
  kChecks = 3,
  kTickets = 4,
  kSessions = 5,
  kRates = 6,
  kTlsSessions = 7,
};

constexpr MonoMs kCentury = 36525LL * 24 * 3600 * 1000;

void add_section(Packer& out, Section section, const Packer& body) {
  out.u8(section);
  out.text(body.bytes());
}

// What a count announces is read until it is there or the bytes are not.
template <class ReadOne>
void read_each(Unpacker& in, ReadOne read_one) {
  for (uint32_t left = in.u32(); left > 0 && !in.failed(); --left) read_one();
}

class Reader {
 public:
  explicit Reader(MonoMs now) : now_(now) {}

  void read(uint8_t section, Unpacker in) {
    switch (section) {
      case kOverrides: read_overrides(in.text()); break;
      case kPeers: read_each(in, [&] { read_peer(in); }); break;
      case kChecks: read_each(in, [&] { read_check(in); }); break;
      case kTickets: read_tickets(in); break;
      case kSessions: read_zones(in, state.sessions, [&] { return read_session(in); }); break;
      case kRates: read_zones(in, state.rates, [&] { return read_bucket(in); }); break;
      case kTlsSessions: read_zones(in, state.tls_sessions, [&] { return read_tls_session(in); }); break;
      default: return;  // of a newer weir
    }
    if (!in.done()) fail("section " + std::to_string(section) + " is cut short or too long");
  }

  HandedState state;
  std::string error;

 private:
  void fail(const std::string& what) {
    if (error.empty()) error = what;
  }
  MonoMs time(Unpacker& in) {
    const MonoMs at = in.i64();
    if (at < 0) fail("a time is out of range");
    return std::min(at, now_ + kCentury);  // the longest that a configuration can say is no reason to fail
  }
  static bool flag(Unpacker& in) { return in.u8() != 0; }
  static std::string text(Unpacker& in) { return std::string(in.text()); }

  void read_overrides(std::string_view json) {
    Result<Overrides> overrides = overrides_from_json(std::string(json));
    if (overrides)
      state.overrides = std::move(*overrides);
    else
      fail("the operator's overrides: " + overrides.error());
  }
  void read_peer(Unpacker& in) {
    HandedPeer peer;
    peer.upstream = text(in);
    peer.address = text(in);
    peer.ejected_until = time(in);
    peer.check_passes = flag(in);
    peer.unreachable = flag(in);
    peer.ramp_from = time(in);
    peer.header_time = in.u32();
    peer.last_byte_time = in.u32();
    if (!in.failed()) state.peers.push_back(std::move(peer));
  }
  void read_check(Unpacker& in) {
    using Standing = policy::HealthState::Standing;
    upstream::ProbeStanding check;
    check.question = text(in);
    const uint8_t standing = in.u8();
    if (standing > static_cast<uint8_t>(Standing::kDown)) return fail("a check has a standing that is not known");
    check.standing = static_cast<Standing>(standing);
    check.changed_at = time(in);
    check.passed = in.u64();
    check.failed = in.u64();
    check.inconclusive = in.u64();
    check.last_failure = text(in);
    if (!in.failed()) state.checks.push_back(std::move(check));
  }
  void read_tickets(Unpacker& in) {
    state.tickets.made = time(in);
    read_each(in, [&] {
      io::TicketKey key;
      const std::string_view name = in.text(), mac = in.text(), cipher = in.text();
      if (name.size() != key.name.size() || mac.size() != key.mac.size() || cipher.size() != key.cipher.size())
        return fail("a ticket key has another length");
      std::memcpy(key.name.data(), name.data(), name.size());
      std::memcpy(key.mac.data(), mac.data(), mac.size());
      std::memcpy(key.cipher.data(), cipher.data(), cipher.size());
      state.tickets.keys.push_back(key);
    });
  }
  template <class Entry, class ReadOne>
  void read_zones(Unpacker& in, std::map<std::string, std::vector<Entry>>& zones, ReadOne read_one) {
    read_each(in, [&] {
      std::vector<Entry>& zone = zones[text(in)];
      read_each(in, [&] {
        Entry entry = read_one();
        if (!in.failed()) zone.push_back(std::move(entry));
      });
    });
  }
  HandedSession read_session(Unpacker& in) {
    HandedSession session;
    session.session = text(in);
    session.peer = in.u64();
    session.seen = time(in);
    return session;
  }
  HandedBucket read_bucket(Unpacker& in) {
    HandedBucket bucket;
    bucket.key = text(in);
    bucket.bucket.excess = in.i64();
    bucket.bucket.last = time(in);
    if (bucket.bucket.excess < 0) fail("a bucket holds less than nothing");
    return bucket;
  }
  HandedTlsSession read_tls_session(Unpacker& in) {
    HandedTlsSession session;
    session.id = text(in);
    session.session = text(in);
    session.expires = time(in);
    return session;
  }

  const MonoMs now_;
};

Packer pack_peers(const std::vector<HandedPeer>& peers) {
  Packer out;
  out.u32(static_cast<uint32_t>(peers.size()));
  for (const HandedPeer& peer : peers) {
    out.text(peer.upstream);
    out.text(peer.address);
    out.i64(peer.ejected_until);
    out.u8(peer.check_passes ? 1 : 0);
    out.u8(peer.unreachable ? 1 : 0);
    out.i64(peer.ramp_from);
    out.u32(peer.header_time);
    out.u32(peer.last_byte_time);
  }
  return out;
}

Packer pack_checks(const std::vector<upstream::ProbeStanding>& checks) {
  Packer out;
  out.u32(static_cast<uint32_t>(checks.size()));
  for (const upstream::ProbeStanding& check : checks) {
    out.text(check.question);
    out.u8(static_cast<uint8_t>(check.standing));
    out.i64(check.changed_at);
    out.u64(check.passed);
    out.u64(check.failed);
    out.u64(check.inconclusive);
    out.text(check.last_failure);
  }
  return out;
}

template <class Bytes>
std::string_view as_text(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Packer pack_tickets(const io::TicketKeys::Ring& ring) {
  Packer out;
  out.i64(ring.made);
  out.u32(static_cast<uint32_t>(ring.keys.size()));
  for (const io::TicketKey& key : ring.keys) {
    out.text(as_text(key.name));
    out.text(as_text(key.mac));
    out.text(as_text(key.cipher));
  }
  return out;
}

template <class Entry, class PackOne>
Packer pack_zones(const std::map<std::string, std::vector<Entry>>& zones, PackOne pack_one) {
  Packer out;
  out.u32(static_cast<uint32_t>(zones.size()));
  for (const auto& [name, zone] : zones) {
    out.text(name);
    out.u32(static_cast<uint32_t>(zone.size()));
    for (const Entry& entry : zone) pack_one(out, entry);
  }
  return out;
}

}  // namespace

std::string pack_state(const HandedState& state) {
  Packer out;
  Packer overrides;
  overrides.text(overrides_to_json(state.overrides));
  add_section(out, kOverrides, overrides);
  add_section(out, kPeers, pack_peers(state.peers));
  add_section(out, kChecks, pack_checks(state.checks));
  add_section(out, kTickets, pack_tickets(state.tickets));
  add_section(out, kSessions, pack_zones(state.sessions, [](Packer& to, const HandedSession& session) {
                to.text(session.session);
                to.u64(session.peer);
                to.i64(session.seen);
              }));
  add_section(out, kRates, pack_zones(state.rates, [](Packer& to, const HandedBucket& bucket) {
                to.text(bucket.key);
                to.i64(bucket.bucket.excess);
                to.i64(bucket.bucket.last);
              }));
  add_section(out, kTlsSessions, pack_zones(state.tls_sessions, [](Packer& to, const HandedTlsSession& session) {
                to.text(session.id);
                to.text(session.session);
                to.i64(session.expires);
              }));
  return out.take();
}

Result<HandedState> unpack_state(std::string_view bytes, MonoMs now) {
  Unpacker in(bytes);
  Reader reader(now);
  while (!in.at_end() && !in.failed() && reader.error.empty()) {
    const uint8_t section = in.u8();
    const std::string_view body = in.text();
    if (!in.failed()) reader.read(section, Unpacker(body));
  }
  if (!reader.error.empty()) return Unexpected{reader.error};
  if (in.failed()) return Unexpected{std::string("it is cut short")};
  return std::move(reader.state);
}

}  // namespace weir::runtime
