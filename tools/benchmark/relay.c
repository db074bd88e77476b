// The floor of the benchmark: a relay that looks at nothing. One backend connection for each client connection, bytes both
// ways, one thread, level-triggered epoll. What a proxy costs beyond this is what it does.
//   relay LISTEN BACKEND      127.0.0.1:8000 127.0.0.1:9000
#include "sockets.h"

enum { kBuffer = 64 * 1024, kEvents = 256 };

struct pair;
struct side {
  int fd;
  struct pair* pair;
  struct side* other;
  char* held;  // what the other side did not take; allocated only then
  size_t held_at, held_end;
  int closed;
};
struct pair {
  struct side client, backend;
  struct pair* next_dead;
};

static int epoll;
static struct pair* dead;
static char buffer[kBuffer];

static void end(struct pair* pair) {
  if (pair->client.closed) return;
  pair->client.closed = pair->backend.closed = 1;
  close(pair->client.fd);
  close(pair->backend.fd);
  pair->next_dead = dead;  // its other event may be in this batch
  dead = pair;
}

static void want(struct side* side, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = side};
  epoll_ctl(epoll, EPOLL_CTL_MOD, side->fd, &event);
}

// `from` is readable: its bytes go to the other side; what does not go is held, and `from` is not read until it has gone.
static void move_bytes(struct side* from) {
  struct side* to = from->other;
  const ssize_t got = read(from->fd, buffer, kBuffer);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    end(from->pair);
    return;
  }
  ssize_t put = write(to->fd, buffer, (size_t)got);
  if (put == got) return;
  if (put < 0) {
    if (errno != EAGAIN) {
      end(from->pair);
      return;
    }
    put = 0;
  }
  if (from->held == NULL) from->held = malloc(kBuffer);
  if (from->held == NULL) abort();
  from->held_at = 0;
  from->held_end = (size_t)(got - put);
  memcpy(from->held, buffer + put, from->held_end);
  want(from, 0);
  want(to, EPOLLIN | EPOLLOUT);
}

// `to` takes bytes again: what is held for it.
static void flush(struct side* to) {
  struct side* from = to->other;
  const ssize_t put = write(to->fd, from->held + from->held_at, from->held_end - from->held_at);
  if (put < 0 && errno != EAGAIN) {
    end(to->pair);
    return;
  }
  if (put > 0) from->held_at += (size_t)put;
  if (from->held_at < from->held_end) return;
  want(to, EPOLLIN);
  want(from, EPOLLIN);
}

int main(int argc, char** argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: relay LISTEN BACKEND\n");
    return 2;
  }
  prepare_process();
  const struct sockaddr_in backend = parse_address(argv[2]);
  const int listener = listen_on(argv[1]);
  epoll = must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  watch(epoll, listener, EPOLLIN, NULL);
  for (;;) {
    struct epoll_event events[kEvents];
    const int count = epoll_wait(epoll, events, kEvents, -1);
    for (int i = 0; i < count; ++i) {
      struct side* side = events[i].data.ptr;
      if (side != NULL) {
        if (side->closed) continue;
        if ((events[i].events & EPOLLOUT) && side->other->held_at < side->other->held_end) flush(side);
        if (side->closed) continue;
        if (side->held_at == side->held_end) {
          if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) move_bytes(side);
        } else if (events[i].events & (EPOLLHUP | EPOLLERR)) {
          end(side->pair);
        }
        continue;
      }
      const int client = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (client < 0) continue;
      const int peer = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      const int on = 1;
      if (peer < 0 || (connect(peer, (const struct sockaddr*)&backend, sizeof backend) < 0 && errno != EINPROGRESS)) {
        close(client);
        if (peer >= 0) close(peer);
        continue;
      }
      setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      struct pair* pair = calloc(1, sizeof *pair);
      if (pair == NULL) abort();
      pair->client = (struct side){.fd = client, .pair = pair, .other = &pair->backend};
      pair->backend = (struct side){.fd = peer, .pair = pair, .other = &pair->client};
      watch(epoll, client, EPOLLIN, &pair->client);
      watch(epoll, peer, EPOLLIN, &pair->backend);
    }
    while (dead != NULL) {
      struct pair* next = dead->next_dead;
      free(dead->client.held);
      free(dead->backend.held);
      free(dead);
      dead = next;
    }
  }
}
