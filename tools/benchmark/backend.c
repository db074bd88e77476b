// The benchmark's backend: as cheap as can be, so that one core has room for it and the load. HTTP/1.1 keep-alive; by path:
// /64k and /1m answer that many bytes, /json100k a list of records as an API's, everything else a small JSON; a request's
// body is read and dropped; an Upgrade to websocket is confirmed and every frame comes back.
//   backend LISTEN
#include "sockets.h"

enum { kRead = 64 * 1024, kEvents = 256, kHead = 16 * 1024 };

struct connection {
  int fd;
  int epoll;
  size_t used;         // of head[]
  uint64_t skip;       // body bytes still to be dropped
  const char* out;     // what is being written
  size_t out_left;
  char* echo;          // a WebSocket's answer, when the kernel did not take it
  int websocket;
  int close_after;
  char head[kHead];
};

static char small[512], *large_64k, *large_1m, *json_100k;
static size_t small_size, size_64k, size_1m, size_json;
static char scratch[kRead];

static char* make_answer(size_t body, size_t* size) {
  char* text = malloc(body + 256);
  if (text == NULL) abort();
  const int head = sprintf(text, "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %zu\r\n\r\n", body);
  memset(text + head, 'x', body);
  *size = (size_t)head + body;
  return text;
}

// Records whose names repeat and whose values do not: what there is for gzip to do in an API's answer.
static char* make_json(size_t body, size_t* size) {
  char* text = malloc(body + 1024);
  if (text == NULL) abort();
  char* at = text + sprintf(text, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", body);
  char* const end = at + body;
  uint32_t random = 1;
  for (unsigned id = 1; at < end; ++id) {
    for (int i = 0; i < 3; ++i) random = random * 1664525u + 1013904223u;
    at += sprintf(at, "%s{\"id\":%u,\"createdAt\":\"2026-%02u-%02uT%02u:%02u:%02u.%03uZ\",\"title\":\"Order %08x\",\"amount\":%u.%02u,\"status\":\"%s\"}",
                  id == 1 ? "[" : ",", id, random % 12 + 1, random % 28 + 1, random % 24, random / 24 % 60, random / 1440 % 60, random / 86400 % 1000,
                  random, random % 5000, random / 5000 % 100, random & 64 ? "published" : "draft");
  }
  memset(end - 1, ']', 1);  // the last record is cut: nobody reads it
  *size = (size_t)(end - text);
  return text;
}

static void drop(struct connection* c) {
  close(c->fd);
  free(c->echo);
  free(c);
}

// False when the connection is gone.
static int put(struct connection* c, const char* text, size_t size) {
  const ssize_t done = write(c->fd, text, size);
  if (done < 0 && errno != EAGAIN) return 0;
  c->out = text + (done > 0 ? done : 0);
  c->out_left = size - (size_t)(done > 0 ? done : 0);
  if (c->out_left > 0) {
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = c};
    epoll_ctl(c->epoll, EPOLL_CTL_MOD, c->fd, &event);
  }
  return 1;
}

static const char* find(const char* text, const char* what) {
  return strcasestr(text, what);
}

// One whole head in c->head (without the blank line, terminated). False when the connection is to be closed.
static int answer(struct connection* c) {
  const char* length = find(c->head, "\r\ncontent-length:");
  c->skip = length != NULL ? strtoull(length + 17, NULL, 10) : 0;
  c->close_after = find(c->head, "\r\nconnection: close") != NULL;
  if (find(c->head, "\r\nupgrade: websocket") != NULL) {
    // The load does not check Sec-WebSocket-Accept; a proxy passes it on.
    static const char kSwitch[] =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    c->websocket = 1;
    return put(c, kSwitch, sizeof kSwitch - 1);
  }
  const char* path = strchr(c->head, ' ');
  if (path != NULL && strncmp(path, " /64k", 5) == 0) return put(c, large_64k, size_64k);
  if (path != NULL && strncmp(path, " /1m", 4) == 0) return put(c, large_1m, size_1m);
  if (path != NULL && strncmp(path, " /json100k", 10) == 0) return put(c, json_100k, size_json);
  return put(c, small, small_size);
}

// Frames of at most 64 KB that arrive whole, as a benchmark's do. False when the connection is to be closed.
static int echo(struct connection* c, char* bytes, size_t size) {
  size_t at = 0, made = 0;
  char* out = scratch;  // unmasked in place: the answer is shorter than the question
  while (at + 6 <= size) {
    const unsigned char* f = (const unsigned char*)bytes + at;
    size_t length = f[1] & 0x7f, head = 2;
    if (length == 126) {
      length = (size_t)f[2] << 8 | f[3];
      head = 4;
    }
    if (length == 127 || (f[1] & 0x80) == 0 || at + head + 4 + length > size) return 0;
    const unsigned char mask[4] = {f[head], f[head + 1], f[head + 2], f[head + 3]};
    const unsigned char opcode = f[0];
    const unsigned char* payload = f + head + 4;
    if ((opcode & 15) == 8) return 0;
    out[made++] = (char)opcode;
    if (length < 126) {
      out[made++] = (char)length;
    } else {
      out[made++] = 126;
      out[made++] = (char)(length >> 8);
      out[made++] = (char)length;
    }
    for (size_t i = 0; i < length; ++i) out[made + i] = (char)(payload[i] ^ mask[i & 3]);
    made += length;
    at += head + 4 + length;
  }
  if (at != size) return 0;
  const ssize_t done = write(c->fd, out, made);
  return done == (ssize_t)made;
}

// False when the connection is to be closed.
static int readable(struct connection* c) {
  const ssize_t got = read(c->fd, scratch, kRead);
  if (got < 0) return errno == EAGAIN;
  if (got == 0) return 0;
  if (c->websocket) return echo(c, scratch, (size_t)got);
  char* at = scratch;
  size_t left = (size_t)got;
  while (left > 0) {
    if (c->skip > 0) {
      const size_t skipped = c->skip < left ? (size_t)c->skip : left;
      c->skip -= skipped;
      at += skipped;
      left -= skipped;
      continue;
    }
    const size_t room = kHead - 1 - c->used;
    const size_t take = left < room ? left : room;
    if (take == 0) return 0;
    memcpy(c->head + c->used, at, take);
    char* end = memmem(c->head, c->used + take, "\r\n\r\n", 4);
    if (end == NULL) {
      c->used += take;
      at += take;
      left -= take;
      continue;
    }
    const size_t consumed = (size_t)(end + 4 - c->head) - c->used;
    at += consumed;
    left -= consumed;
    c->used = 0;
    *end = 0;
    if (!answer(c)) return 0;
    if (c->out_left > 0 && left > c->skip) return 0;  // pipelining is not for this backend
  }
  return !(c->close_after && c->out_left == 0 && c->skip == 0);
}

static int writable(struct connection* c) {
  const ssize_t done = write(c->fd, c->out, c->out_left);
  if (done < 0) return errno == EAGAIN;
  c->out += done;
  c->out_left -= (size_t)done;
  if (c->out_left > 0) return 1;
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
  epoll_ctl(c->epoll, EPOLL_CTL_MOD, c->fd, &event);
  return !c->close_after;
}

int main(int argc, char** argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: backend LISTEN\n");
    return 2;
  }
  prepare_process();
  static const char kBody[] = "{\"data\":{\"id\":1,\"name\":\"weir\",\"ok\":true,\"list\":[1,2,3,4,5,6,7,8,9,10]}}";
  small_size = (size_t)sprintf(small, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", sizeof kBody - 1, kBody);
  large_64k = make_answer(64 * 1024, &size_64k);
  large_1m = make_answer(1024 * 1024, &size_1m);
  json_100k = make_json(100 * 1024, &size_json);
  const int listener = listen_on(argv[1]);
  const int epoll = must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  watch(epoll, listener, EPOLLIN, NULL);
  for (;;) {
    struct epoll_event events[kEvents];
    const int count = epoll_wait(epoll, events, kEvents, -1);
    for (int i = 0; i < count; ++i) {
      struct connection* c = events[i].data.ptr;
      if (c != NULL) {
        const int alive = (events[i].events & EPOLLOUT) ? writable(c) : readable(c);
        if (!alive) drop(c);
        continue;
      }
      const int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) continue;
      c = calloc(1, sizeof *c);
      if (c == NULL) abort();
      c->fd = fd;
      c->epoll = epoll;
      watch(epoll, fd, EPOLLIN, c);
    }
  }
}
