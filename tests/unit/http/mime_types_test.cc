// Types by extension.
#include "http/mime_types.h"

#include <gtest/gtest.h>

namespace weir::http {
namespace {

TEST(MimeTypes, type_is_that_of_the_last_extension) {
  MimeTypes types;
  types.add("TXT", "text/plain");
  types.add("gz", "application/gzip");
  EXPECT_EQ(types.find("/robots.txt"), "text/plain");
  EXPECT_EQ(types.find("/a.txt/b.GZ"), "application/gzip");
  EXPECT_EQ(types.find("/a.txt.gz"), "application/gzip");
}

TEST(MimeTypes, path_without_extension_has_no_type) {
  MimeTypes types;
  types.add("txt", "text/plain");
  for (const char* path : {"", "/", "/txt", "/a.txt/b", "/a.", "/a.unknown"}) EXPECT_EQ(types.find(path), "") << path;
}

TEST(MimeTypes, later_type_of_an_extension_replaces) {
  MimeTypes types;
  types.add("js", "text/javascript");
  types.add("js", "application/javascript");
  EXPECT_EQ(types.find("/x.js"), "application/javascript");
}

TEST(MimeTypes, defaults_are_those_of_nginx) {
  EXPECT_EQ(MimeTypes::defaults().find("/x.html"), "text/html");
  EXPECT_EQ(MimeTypes::defaults().find("/x.jpg"), "image/jpeg");
  EXPECT_EQ(MimeTypes::defaults().find("/x.css"), "");
}

}  // namespace
}  // namespace weir::http
