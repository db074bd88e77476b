// What the little servers of the benchmark have in common: a listening socket and epoll, errors end the program.
#pragma once
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static inline int must(int result, const char* what) {
  if (result < 0) {
    perror(what);
    exit(1);
  }
  return result;
}

// "127.0.0.1:9000"
static inline struct sockaddr_in parse_address(const char* text) {
  char host[64];
  const char* colon = strrchr(text, ':');
  struct sockaddr_in address;
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  if (colon == NULL || (size_t)(colon - text) >= sizeof host) {
    fprintf(stderr, "not an address: %s\n", text);
    exit(2);
  }
  memcpy(host, text, (size_t)(colon - text));
  host[colon - text] = 0;
  address.sin_port = htons((uint16_t)atoi(colon + 1));
  if (inet_pton(AF_INET, host, &address.sin_addr) != 1) {
    fprintf(stderr, "not an address: %s\n", text);
    exit(2);
  }
  return address;
}

static inline int listen_on(const char* text) {
  const struct sockaddr_in address = parse_address(text);
  const int on = 1;
  const int fd = must(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
  must(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), "SO_REUSEADDR");
  must(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
  must(bind(fd, (const struct sockaddr*)&address, sizeof address), "bind");
  must(listen(fd, 4096), "listen");
  return fd;
}

// Many connections; a broken one is an error of its own, not a signal.
static inline void prepare_process(void) {
  struct rlimit limit;
  signal(SIGPIPE, SIG_IGN);
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

static inline void watch(int epoll, int fd, uint32_t events, void* data) {
  struct epoll_event event;
  memset(&event, 0, sizeof event);
  event.events = events;
  event.data.ptr = data;
  must(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}
