// The YAML form of directives: what each shape means, as nginx text, and its errors with positions.
#include <gtest/gtest.h>

#include "config_text.h"

namespace weir::config {
namespace {

std::string nginx_of(const std::string& yaml) {
  const ReadText read = yaml_text(yaml);
  EXPECT_EQ(read.errors(), "") << yaml;
  return read.nginx();
}
std::string errors_of(const std::string& yaml) {
  return yaml_text(yaml).errors();
}

TEST(YamlReader, a_scalar_is_the_arguments) {
  EXPECT_EQ(nginx_of("listen: 80 default_server\n"), "listen 80 default_server;\n");
  EXPECT_EQ(nginx_of("return: 200 \"hello; world\\n\"\n"), "return 200 \"hello; world\\n\";\n");
  EXPECT_EQ(nginx_of("default_type: ''\n"), "default_type \"\";\n");
  EXPECT_EQ(nginx_of("sendfile: on\n"), "sendfile on;\n");
}

TEST(YamlReader, nothing_in_a_scalar_ends_a_statement) {
  EXPECT_EQ(nginx_of("rewrite: ^/a{2};#$ /b\n"), "rewrite \"^/a{2};#$\" /b;\n");
}

TEST(YamlReader, a_list_repeats_the_directive) {
  EXPECT_EQ(nginx_of("listen: [80, '443 ssl']\n"), "listen 80;\nlisten 443 ssl;\n");
  EXPECT_EQ(nginx_of("server:\n  - listen: 80\n    server_name: a\n  - {listen: 81}\n"),
            "server {\n    listen 80;\n    server_name a;\n}\nserver {\n    listen 81;\n}\n");
}

TEST(YamlReader, named_blocks_are_one_level_down) {
  EXPECT_EQ(nginx_of("upstream: {myapp: {ip_hash: true, server: [\"10.0.0.1:13000 weight=2\", 10.0.0.2:13000]}}\n"),
            "upstream myapp {\n    ip_hash;\n    server 10.0.0.1:13000 weight=2;\n    server 10.0.0.2:13000;\n}\n");
  EXPECT_EQ(nginx_of("location: {\"/\": {}, \"~ \\\\.php$\": {deny: all}}\n"),
            "location / {}\nlocation ~ \\.php$ {\n    deny all;\n}\n");
  EXPECT_EQ(nginx_of("upstream: [{a: {server: x}}, {b: {server: y}}]\n"),
            "upstream a {\n    server x;\n}\nupstream b {\n    server y;\n}\n");
}

TEST(YamlReader, a_list_of_one_key_maps_is_an_ordered_block) {
  EXPECT_EQ(nginx_of("- pid: a\n- user: b\n- pid: c\n"), "pid a;\nuser b;\npid c;\n");
  EXPECT_EQ(nginx_of("location:\n  /:\n    - allow: a\n    - deny: b\n    - allow: c\n"),
            "location / {\n    allow a;\n    deny b;\n    allow c;\n}\n");
  EXPECT_EQ(nginx_of("server:\n  - - allow: a\n    - deny: b\n"), "server {\n    allow a;\n    deny b;\n}\n");
}

TEST(YamlReader, true_means_no_argument_or_on) {
  EXPECT_EQ(nginx_of("least_conn: true\n"), "least_conn;\n");
  EXPECT_EQ(nginx_of("ip_hash: false\n"), "");
  EXPECT_EQ(nginx_of("sendfile: true\ntcp_nopush: false\n"), "sendfile on;\ntcp_nopush off;\n");
  EXPECT_EQ(nginx_of("root: \"true\"\n"), "root true;\n");
}

TEST(YamlReader, data_blocks_hold_words_and_no_directives) {
  EXPECT_EQ(nginx_of("map: {\"$a $b\": {hostnames: true, default: 0, \"\": true, '~^x y$': z}}\n"),
            "map $a $b {\n    hostnames;\n    default 0;\n    \"\" true;\n    \"~^x y$\" z;\n}\n");
  EXPECT_EQ(nginx_of("types: {text/html: html htm}\n"), "types {\n    text/html html htm;\n}\n");
}

TEST(YamlReader, an_empty_file_is_no_directives) {
  EXPECT_EQ(nginx_of(""), "");
  EXPECT_EQ(nginx_of("# comment\n"), "");
  EXPECT_EQ(nginx_of("events:\n"), "events {}\n");
}

TEST(YamlReader, keeps_positions) {
  const ReadText read = yaml_text("http:\n  proxy_set_header:\n    - A  b\n    - \"C d\"\n");
  const auto& http = *read.directives.at(0).block;
  EXPECT_EQ(http[0].at.to_string(), "t.yaml:3:7");
  EXPECT_EQ(http[0].args[1].at.to_string(), "t.yaml:3:10");
  EXPECT_EQ(http[1].args[1].at.to_string(), "t.yaml:4:10");
}

TEST(YamlReader, refuses_duplicate_keys) {
  EXPECT_EQ(errors_of("pid: a\nuser: b\npid: c\n"),
            "t.yaml:3:1: error: duplicate key \"pid\", write a list to repeat a directive\n");
  EXPECT_EQ(errors_of("location:\n  /: {}\n  /: {}\n"), "t.yaml:3:3: error: duplicate key \"/\" in \"location\"\n");
}

TEST(YamlReader, reports_all_errors_of_shape) {
  EXPECT_EQ(errors_of("pid:\nupstream: a\nlocation: [1]\n? [x]\n: y\nname: 'a \"b'\nkeys: [[a]]\n<<: {a: b}\n"),
            "t.yaml:1:1: error: \"pid\" has no value\n"
            "t.yaml:4:3: error: a key must be text\n"
            "t.yaml:6:7: error: missing terminating \"\"\" character\n"
            "t.yaml:7:9: error: in an ordered block each item is a map of one key\n"
            "t.yaml:8:1: error: YAML merge keys (<<) are not supported, use include\n");
}

TEST(YamlReader, syntax_error_of_yaml_has_a_position) {
  EXPECT_EQ(errors_of("a: b\nc: [d\n").substr(0, 24), "t.yaml:3:1: error: YAML:");
  EXPECT_EQ(errors_of("a: b\n---\nc: d\n"), "t.yaml:2:1: error: one YAML document a file\n");
  EXPECT_EQ(errors_of(std::string("a: \0\n", 5)), "t.yaml: error: the file contains a NUL byte\n");
  EXPECT_NE(errors_of("just text\n"), "");
}

TEST(YamlReader, a_stray_bracket_after_the_end_is_an_error) {
  EXPECT_NE(errors_of("- allow: a\n,- deny: c? }]\n"), "");
  EXPECT_NE(errors_of("a: b\n}\n"), "");
}

TEST(YamlReader, aliases_of_aliases_do_not_fill_the_memory) {
  std::string text = "l0: &l0 {a: b}\n";
  for (int i = 1; i < 20; ++i) {
    const std::string last = "*l" + std::to_string(i - 1);
    text += "l" + std::to_string(i) + ": &l" + std::to_string(i) + " {a: " + last + ", b: " + last + ", c: " + last +
            ", d: " + last + "}\n";
  }
  EXPECT_NE(errors_of(text).find("grow beyond measure"), std::string::npos);
}

}  // namespace
}  // namespace weir::config
