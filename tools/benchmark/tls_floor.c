// The floor of TLS: OpenSSL alone. It shakes hands, reads requests without a body and answers each the same small thing;
// no backend, one thread. What a proxy costs beyond this over TLS is not OpenSSL's.
//   tls_floor LISTEN CERTIFICATE KEY      127.0.0.1:8443 cert.pem key.pem
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "sockets.h"

enum { kRead = 16 * 1024, kEvents = 256 };

struct connection {
  int fd;
  SSL* tls;
  int matched;  // of the blank line that ends a head
  int close_after;
};

static const char kAnswer[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
static const char kLast[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";

static void end(struct connection* c) {
  SSL_set_shutdown(c->tls, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  SSL_free(c->tls);
  close(c->fd);
  free(c);
}

// False when the connection is to be closed: a small answer is taken by the kernel, or the client is none of ours.
static int answer(struct connection* c) {
  const char* text = c->close_after ? kLast : kAnswer;
  const int size = (int)(c->close_after ? sizeof kLast - 1 : sizeof kAnswer - 1);
  if (SSL_write(c->tls, text, size) != size) return 0;
  if (!c->close_after) return 1;
  SSL_shutdown(c->tls);
  return 0;
}

static int take(struct connection* c, char* bytes, int size) {
  bytes[size] = 0;
  if (strcasestr(bytes, "\r\nconnection: close") != NULL) c->close_after = 1;
  for (int i = 0; i < size; ++i) {
    c->matched = bytes[i] == "\r\n\r\n"[c->matched] ? c->matched + 1 : bytes[i] == '\r';
    if (c->matched < 4) continue;
    c->matched = 0;
    if (!answer(c)) return 0;
  }
  return 1;
}

static int ready(struct connection* c) {
  static char bytes[kRead + 1];
  for (;;) {
    const int shaken = SSL_is_init_finished(c->tls);
    ERR_clear_error();
    const int n = shaken ? SSL_read(c->tls, bytes, kRead) : SSL_do_handshake(c->tls);
    if (n <= 0) return SSL_get_error(c->tls, n) == SSL_ERROR_WANT_READ;
    if (shaken && !take(c, bytes, n)) return 0;
  }
}

int main(int argc, char** argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: tls_floor LISTEN CERTIFICATE KEY\n");
    return 2;
  }
  prepare_process();
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  if (SSL_CTX_use_certificate_chain_file(context, argv[2]) != 1 || SSL_CTX_use_PrivateKey_file(context, argv[3], SSL_FILETYPE_PEM) != 1) {
    ERR_print_errors_fp(stderr);
    return 1;
  }
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  const int epoll = must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  const int listening = listen_on(argv[1]);
  watch(epoll, listening, EPOLLIN, NULL);
  for (;;) {
    struct epoll_event events[kEvents];
    const int count = epoll_wait(epoll, events, kEvents, -1);
    for (int i = 0; i < count; ++i) {
      struct connection* c = events[i].data.ptr;
      if (c != NULL) {
        if (!ready(c)) end(c);
        continue;
      }
      for (int fd; (fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        c = calloc(1, sizeof *c);
        if (c == NULL) abort();
        c->fd = fd;
        c->tls = SSL_new(context);
        SSL_set_fd(c->tls, fd);
        SSL_set_accept_state(c->tls);
        watch(epoll, fd, EPOLLIN, c);
      }
    }
  }
}
