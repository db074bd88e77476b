// Conversions keep the tree, and refuse what they cannot keep.
#include "config/writer.h"

#include <gtest/gtest.h>

#include "config_text.h"

namespace weir::config {
namespace {

// text -> tree -> YAML -> tree; returns the YAML.
std::string through_yaml(const std::string& nginx, bool exact = true) {
  const ReadText read = nginx_text(nginx);
  EXPECT_EQ(read.errors(), "");
  auto yaml = write_yaml(read.directives);
  if (!yaml) return "refused: " + yaml.error();
  const ReadText back = yaml_text(*yaml);
  EXPECT_EQ(back.errors(), "") << *yaml;
  if (exact) {
    EXPECT_TRUE(same_content(read.directives, back.directives)) << *yaml << "\n" << back.nginx();
  }
  return *yaml;
}

TEST(Writer, nginx_text_is_canonical) {
  EXPECT_EQ(nginx_text("http{server{listen 80;location ~ \"\\.x$\"{return 200 'a b';}}}events{}").nginx(),
            "http {\n    server {\n        listen 80;\n        location ~ \\.x$ {\n            return 200 \"a b\";\n"
            "        }\n    }\n}\nevents {}\n");
}

TEST(Writer, a_cluster_as_yaml) {
  EXPECT_EQ(
      through_yaml("upstream myapp { ip_hash; server 172.31.0.1:13000; server 172.31.0.2:13000 weight=2; }\n"
                   "server { listen 80; location / { proxy_pass http://myapp; } location = /x { return 204; } }\n"),
      "upstream:\n"
      "  myapp:\n"
      "    ip_hash: true\n"
      "    server:\n"
      "      - 172.31.0.1:13000\n"
      "      - 172.31.0.2:13000 weight=2\n"
      "server:\n"
      "  listen: 80\n"
      "  location:\n"
      "    /:\n"
      "      proxy_pass: http://myapp\n"
      "    '= /x':\n"
      "      return: 204\n");
}

TEST(Writer, significant_order_makes_a_list) {
  EXPECT_EQ(through_yaml("location / { allow a; deny b; allow c; }"),
            "location:\n  /:\n    - allow: a\n    - deny: b\n    - allow: c\n");
  EXPECT_EQ(
      through_yaml("server { allow a; deny b; allow c; location / { set $a b; if ($a) { return 403; } set $c d; } }"),
      "server:\n  - - allow: a\n    - deny: b\n    - allow: c\n    - location:\n        /:\n          - set: $a "
      "b\n"
      "          - if:\n              '($a)':\n                return: 403\n          - set: $c d\n");
  through_yaml("include a; pid b; include c;");
  through_yaml("map $a $b { x 1; include y; z 2; include w; }");
}

TEST(Writer, insignificant_order_is_dropped) {
  EXPECT_EQ(through_yaml("proxy_set_header A a; proxy_read_timeout 1s; proxy_set_header B b;", false),
            "proxy_set_header:\n  - A a\n  - B b\nproxy_read_timeout: 1s\n");
}

TEST(Writer, round_trips_keep_every_shape) {
  through_yaml("events {} http { server {} server { listen 80; } server { allow a; deny b; allow c; } }");
  through_yaml("map $a $b { hostnames; default \"\"; true false; \"~^/a b\\.c$\" 'x y'; \"\" on; null null; }");
  through_yaml("types { text/html html htm; text/css css; }");
  through_yaml("location / {} location ~ ^/(a|b)$ {} location \"~ x\" {}");
  through_yaml("if ($a = \"b\") { return 1; } if ($a = \"b\") { return 2; }");
  through_yaml("log_format main escape=json '{\"a\":\"$b\"}' '\\n\\t';\nadd_header X \"\";\nroot 'é: # x';");
  through_yaml("return 200 \"a\\\\nb\\\\\";\nx ': y';\ny '- z';\nw 'a:';\nk @a %b *c &d !e `f [g] '{h';");
  through_yaml("server { location / { location /a { proxy_pass http://x; } } }");
  through_yaml("'a\tb' c; \"\x01\" d;");
}

TEST(Writer, refuses_shapes_without_a_yaml_form) {
  EXPECT_EQ(through_yaml("a b { c d; }"),
            "refused: t.conf:1:1: \"a b\" has arguments and a block, which YAML has no form for");
  EXPECT_EQ(through_yaml("a;"), "refused: t.conf:1:1: \"a\" lacks its arguments");
  EXPECT_EQ(through_yaml("a \xff;"), "refused: t.conf:1:1: \"a \xff\" is not UTF-8, which YAML must be");
}

}  // namespace
}  // namespace weir::config
