// What control's loop serves: one listener, the admin socket, whose only location is the API. Nothing of it comes from
// the configuration.
#pragma once
#include <memory>

#include "proxy/content.h"
#include "proxy/site.h"

namespace weir::admin {

// Its identity in the site, whatever path the socket has.
const SocketAddress& admin_listen_address();

// Everything is answered by `content`, in JSON also where weir refuses a request before it. A session knows the process
// at its other end (ConnectionDetails::peer_process).
std::shared_ptr<const proxy::Site> make_admin_site(std::shared_ptr<const proxy::ContentHandler> content);

}  // namespace weir::admin
