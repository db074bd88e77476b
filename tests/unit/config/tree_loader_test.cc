// Includes: where they are looked for, in which order, and what stops them.
#include "config/tree_loader.h"

#include <gtest/gtest.h>

#include "config/writer.h"

namespace weir::config {
namespace {

struct Loaded {
  Tree tree;
  std::string errors;
  std::string nginx;
};
Loaded load(std::map<std::string, std::string> files, const std::string& path = "/etc/weir/weir.conf") {
  MemoryFiles source(std::move(files));
  Diagnostics diagnostics;
  Loaded out;
  out.tree = load_tree(path, source, diagnostics);
  out.errors = diagnostics.to_text();
  out.nginx = write_nginx(out.tree.directives);
  return out;
}

TEST(TreeLoader, include_is_replaced_by_its_content) {
  const Loaded loaded = load({{"/etc/weir/weir.conf", "a 1; http { include sub/x.conf; b 2; }"},
                              {"/etc/weir/sub/x.conf", "c 3; include y.conf;"},
                              {"/etc/weir/y.conf", "d 4;"}});
  EXPECT_EQ(loaded.errors, "");
  EXPECT_EQ(loaded.nginx, "a 1;\nhttp {\n    c 3;\n    d 4;\n    b 2;\n}\n");
  ASSERT_EQ(loaded.tree.files.size(), 3U);
  EXPECT_EQ(loaded.tree.files[2]->name, "/etc/weir/y.conf");
}

TEST(TreeLoader, a_pattern_includes_in_sorted_order_and_may_match_nothing) {
  const Loaded loaded = load({{"/etc/weir/weir.conf", "include conf.d/*.conf; include none/*.conf;"},
                              {"/etc/weir/conf.d/b.conf", "b;"},
                              {"/etc/weir/conf.d/a.conf", "a;"},
                              {"/etc/weir/conf.d/.hidden.conf", "h;"},
                              {"/etc/weir/conf.d/a.txt", "t;"}});
  EXPECT_EQ(loaded.errors, "");
  EXPECT_EQ(loaded.nginx, "a;\nb;\n");
}

TEST(TreeLoader, each_file_is_read_in_the_syntax_of_its_extension) {
  const Loaded loaded = load({{"w.yaml", "http: {include: x.conf, server: {include: y.yml}}\n"},
                              {"x.conf", "upstream a { server b; }"},
                              {"y.yml", "listen: 80\n"}},
                             "w.yaml");
  EXPECT_EQ(loaded.errors, "");
  EXPECT_EQ(loaded.nginx,
            "http {\n    upstream a {\n        server b;\n    }\n    server {\n        listen 80;\n    }\n}\n");
}

TEST(TreeLoader, named_file_must_exist) {
  EXPECT_EQ(load({{"w", "a;\ninclude x.conf;"}}, "w").errors,
            "w:2:9: error: open() \"x.conf\" failed (2: No such file or directory)\n");
  EXPECT_EQ(load({}, "w").errors, "weir: error: open() \"w\" failed (2: No such file or directory)\n");
}

TEST(TreeLoader, refuses_cycles_and_wrong_includes) {
  EXPECT_EQ(load({{"w", "include x;"}, {"x", "a;\ninclude w;"}}, "w").errors, "x:2:9: error: \"w\" includes itself\n");
  EXPECT_EQ(load({{"w", "include a b; include; include c {}"}}, "w").errors,
            "w:1:1: error: invalid number of arguments in \"include\" directive\n"
            "w:1:14: error: invalid number of arguments in \"include\" directive\n"
            "w:1:23: error: directive \"include\" is not terminated by \";\"\n");
  std::map<std::string, std::string> chain;
  for (int i = 0; i < 30; ++i) chain[std::to_string(i)] = "include " + std::to_string(i + 1) + ";";
  EXPECT_EQ(load(chain, "0").errors, "16:1:1: error: includes are nested more than 16 deep\n");
}

TEST(TreeLoader, a_file_may_be_included_twice_but_is_listed_once) {
  const Loaded loaded = load({{"w", "include x; include x;"}, {"x", "a;"}}, "w");
  EXPECT_EQ(loaded.nginx, "a;\na;\n");
  EXPECT_EQ(loaded.tree.files.size(), 2U);
}

TEST(TreeLoader, errors_of_all_files_come_in_the_order_of_reading) {
  EXPECT_EQ(load({{"w", "a;;\ninclude x;\n}"}, {"x", "b;;"}}, "w").errors,
            "w:1:3: error: unexpected \";\"\nw:3:1: error: unexpected \"}\"\nx:1:3: error: unexpected \";\"\n");
}

}  // namespace
}  // namespace weir::config
